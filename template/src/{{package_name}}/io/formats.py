"""Files that are neither Parquet nor CSV: JSON lines, Feather and workbooks."""

from __future__ import annotations

import contextlib
import itertools
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from ..core.errors import ConfigError, DataError
from . import files
from .datasets import BATCH_ROWS, FileReader, FileWriter, join, to_pandas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import BinaryIO

    import pandas as pd

    from .datasets import Schema


class WholeFileReader(FileReader):
    """A file that is opened as one, and read in parts where its library can."""

    form: ClassVar[str]
    """What the files are, for errors."""

    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        from zipfile import BadZipFile

        import pyarrow as pa

        from ..core.frames import RowNames

        filesystem, names = files.list_files(self.path, self.suffix)
        naming = RowNames()
        for name in names:
            try:
                with filesystem.open(name, "rb", compression="infer") as file:
                    chunks = self._chunks(file, rows or BATCH_ROWS)
                    for part in chunks if rows else join(chunks):
                        yield name, self._interpret(part, schema, naming)
            except (
                pa.ArrowException,
                BadZipFile,
                EOFError,
                KeyError,
                OSError,
                ValueError,
            ) as error:
                said = str(error.args[0] if error.args else error).rstrip(".")
                raise DataError(f"Cannot read {name} as {self.form}: {said}.") from error

    def _chunks(self, file: BinaryIO, rows: int) -> Iterator[pd.DataFrame]:
        """Read all columns, so many rows at a time where that is possible."""
        raise NotImplementedError


class JSONLinesReader(WholeFileReader):
    """A file with an object of JSON on each line; a compressed one too."""

    KIND: Literal["JSONLinesReader"] = "JSONLinesReader"
    suffix: ClassVar[str] = ".jsonl"
    form: ClassVar[str] = "JSON lines"

    def _chunks(self, file: BinaryIO, rows: int) -> Iterator[pd.DataFrame]:
        import pandas as pd

        # pandas' own reader takes the numbers of some columns for times, by their names.
        objects = _parse_lines(file)
        while part := list(itertools.islice(objects, rows)):
            yield pd.DataFrame.from_records(part)


def _parse_lines(file: BinaryIO) -> Iterator[dict[str, Any]]:
    for number, line in enumerate(file, 1):
        if line.strip():
            try:
                found = json.loads(line)
            except ValueError:
                found = None
            if not isinstance(found, dict):
                raise ValueError(f"line {number} is no object of JSON")
            yield found


class FeatherReader(WholeFileReader):
    """A file of Arrow's own format, not compressed as a whole."""

    KIND: Literal["FeatherReader"] = "FeatherReader"
    suffix: ClassVar[str] = ".feather"
    form: ClassVar[str] = "Feather"

    def _chunks(self, file: BinaryIO, rows: int) -> Iterator[pd.DataFrame]:
        import pyarrow as pa

        with pa.ipc.open_file(file) as table:
            for number in range(table.num_record_batches):
                batch = table.get_batch(number)
                for start in range(0, batch.num_rows, rows):
                    yield to_pandas(batch.slice(start, rows))


class ExcelReader(WholeFileReader):
    """A sheet of a workbook, whose first row names the columns."""

    KIND: Literal["ExcelReader"] = "ExcelReader"
    suffix: ClassVar[str] = ".xlsx"
    form: ClassVar[str] = "Excel"
    sheet: Annotated[str, Field(min_length=1)] | None = None
    """The name of the sheet; the first one without it."""

    def check(self) -> None:
        from importlib.util import find_spec

        super().check()
        if find_spec("openpyxl") is None:
            raise ConfigError("Reading a workbook needs a library more: uv sync --extra excel.")

    def _chunks(self, file: BinaryIO, rows: int) -> Iterator[pd.DataFrame]:
        import pandas as pd

        sheet = self.sheet or 0
        with pd.ExcelFile(file, "openpyxl") as book:
            header = pd.read_excel(book, sheet, header=None, nrows=1, dtype="str")
            names = [] if header.empty else header.iloc[0].dropna().tolist()
            if twice := [name for name in names if names.count(name) > 1]:
                raise ValueError(f"the first row names {twice[0]} more than once")
            # Cells keep the types that they have: text such as 007 stays text.
            table = pd.read_excel(
                book, sheet, dtype="object", keep_default_na=False, na_values=[""]
            )
        for start in range(0, len(table), rows):
            yield table.iloc[start : start + rows]


class JSONLinesWriter(FileWriter):
    """A file with an object of JSON on each line; times are in ISO format."""

    KIND: Literal["JSONLinesWriter"] = "JSONLinesWriter"

    @contextlib.contextmanager
    def _open(self, part: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
        with part.open("w", encoding="utf-8") as file:

            def write(frame: pd.DataFrame) -> None:
                # pandas' own writer rounds numbers.
                table = frame.reset_index().astype("object")
                for row in table.where(table.notna(), None).to_dict("records"):
                    file.write(json.dumps(row, ensure_ascii=False, default=str) + "\n")

            yield write

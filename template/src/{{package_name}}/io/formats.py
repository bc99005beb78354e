"""Readers of what is neither Parquet nor CSV: JSON lines, Feather, workbooks and databases."""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import json
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, PrivateAttr

from ..core.errors import ConfigError, DataError
from . import configs, files
from .datasets import (
    BATCH_ROWS,
    CSVReader,
    FileReader,
    Lineage,
    ParquetReader,
    Reader,
    to_pandas,
)

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import BinaryIO

    import pandas as pd
    import sqlalchemy

    from .datasets import Schema

DRIVERS = {"MySQLdb": "mysqlclient", "psycopg": "psycopg[binary]", "psycopg2": "psycopg2-binary"}
"""What to install for the modules that reach databases, where it has another name."""


class WholeFileReader(FileReader):
    """A file that is opened as one, and read in parts where its library can."""

    form: ClassVar[str]
    """What the files are, for errors."""

    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        from zipfile import BadZipFile

        import pyarrow as pa

        from ..core.frames import RowNames

        filesystem, names = files.list_files(self.path, self.suffix)
        left, naming = self.limit, RowNames()
        for name in names:
            try:
                with filesystem.open(name, "rb", compression="infer") as file:
                    for part in self._chunks(file, rows or BATCH_ROWS):
                        taken = part if left is None else part.head(left)
                        yield name, self._interpret(taken, schema, naming)
                        left = None if left is None else left - len(taken)
                        if left == 0:
                            return
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


class SQLReader(Reader):
    """What a database answers to a query, streamed."""

    KIND: Literal["SQLReader"] = "SQLReader"
    url: Annotated[str, Field(min_length=1)]
    """As SQLAlchemy takes it; with a password, ``${oc.env:NAME}``."""
    query: Annotated[str, Field(min_length=1)]

    _digest: str = PrivateAttr(default="")

    @property
    def place(self) -> str:
        return configs.mask(self.url)

    def check(self) -> None:
        """Check, before any work, that the database can be reached.

        Raises:
            ConfigError: It is no URL of a database, or its driver is not installed.
            DataError: The database does not answer.
        """
        import sqlalchemy

        with self._connect() as connection:
            connection.execute(sqlalchemy.text("select 1"))

    def lineage(self) -> Lineage:
        """Say where the data comes from, and digest the answer, whatever the order of its rows."""
        if not self._digest:
            for _ in self._answer(BATCH_ROWS):
                pass
        return Lineage(self.place, self.KIND, self._digest)

    @contextlib.contextmanager
    def _connect(self) -> Iterator[sqlalchemy.Connection]:
        from pathlib import Path

        import pandas as pd
        import sqlalchemy
        from sqlalchemy.exc import ArgumentError, SQLAlchemyError

        try:
            engine = sqlalchemy.create_engine(self.url)
        except ArgumentError as error:
            raise ConfigError(f"{self.place} is no URL of a database.") from error
        except ModuleNotFoundError as error:
            driver = DRIVERS.get(str(error.name), error.name)
            raise ConfigError(
                f"Reaching this database needs its driver: uv add '{driver}'."
            ) from error
        file = engine.url.database
        if engine.name == "sqlite" and file and not Path(file).is_file():
            raise DataError(f"There is no file {file}.")
        try:
            with engine.connect().execution_options(stream_results=True) as connection:
                yield connection
        except (SQLAlchemyError, pd.errors.DatabaseError) as error:
            cause = error.__cause__ or error
            said = str(getattr(cause, "orig", cause)).strip().splitlines()[0].rstrip(".")
            raise DataError(f"The database at {self.place} says: {said}.") from error
        finally:
            engine.dispose()

    def _answer(self, rows: int) -> Iterator[pd.DataFrame]:
        """Ask, and digest what is answered."""
        import pandas as pd
        import pyarrow as pa
        import sqlalchemy

        from ..core.frames import to_texts

        total = 0
        with self._connect() as connection:
            query = sqlalchemy.text(self.query)
            try:
                for chunk in pd.read_sql_query(query, connection, chunksize=rows):
                    part = to_pandas(pa.Table.from_pandas(chunk, preserve_index=False))
                    hashes = pd.util.hash_pandas_object(to_texts(part), index=False)
                    total += int(hashes.to_numpy().sum(dtype="uint64"))
                    yield part
            except (pa.ArrowException, TypeError, ValueError) as error:
                reason = str(error.args[-1] if error.args else error).rstrip(".")
                raise DataError(f"What {self.place} answers is no table: {reason}.") from error
        text = f"{self.query} {total}"
        self._digest = hashlib.blake2b(text.encode(), digest_size=16).hexdigest()

    def read(self, schema: Schema, unseen: Any = None) -> pd.DataFrame:
        # A database answers in no order of its own, and inputs and targets ask for themselves.
        return super().read(schema, unseen).sort_index()

    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        from ..core.frames import RowNames

        left, naming = self.limit, RowNames()
        for part in self._answer(rows or BATCH_ROWS):
            taken = part if left is None else part.head(left)
            yield self.place, self._interpret(taken, schema, naming)
            left = None if left is None else left - len(taken)
            if left == 0:
                return


ReaderKind = Annotated[
    ParquetReader | CSVReader | JSONLinesReader | FeatherReader | ExcelReader | SQLReader,
    Field(discriminator="KIND"),
]

"""Readers and writers of tables: local paths and any fsspec URL, with limits and lineage."""

from __future__ import annotations

import codecs
import contextlib
import csv
import hashlib
import io
import itertools
import logging
import re
import tempfile
import warnings
import zlib
from abc import ABC, abstractmethod
from pathlib import PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple, Self

from pydantic import Field, model_validator

from ..core.components import Component, Count
from ..core.errors import ConfigError
from . import files

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    import pandas as pd
    import pandera.pandas
    import pyarrow as pa
    import pyarrow.parquet as pq

    from ..core import frames
    from ..core.frames import RowNames

    Schema = type[pandera.pandas.DataFrameModel]

BATCH_ROWS = 65_536
BATCH_CELLS = 2_000_000
BUFFER_BYTES = 1 << 16
SHARES = 16
WIDE = 200
"""Of so many columns of a Parquet file at most, pages are in memory at a time."""
MISSING = [
    *("", "#N/A", "N/A", "NA", "NULL", "NaN", "None", "n/a", "nan", "none", "null"),
    *("?", "-", "--", "."),
]
"""What stands for a missing value in a CSV file; in a text column, only the empty cell does."""

NUMBER = ("decimal", "thousands", "unit")
"""What a column's format says of numbers."""

NO_COLUMN = "Unnamed: last"
"""What stands behind the last column of a file whose rows end with a separator."""

UNNAMED = "Unnamed: 0"
"""What pandas calls the first column where the header does not."""

logger = logging.getLogger(__name__)


class Lineage(NamedTuple):
    """Where data came from or went to, and a digest by which to tell whether it changed."""

    path: str
    kind: str
    digest: str
    """32 hexadecimal digits: of a local file's bytes, of what a remote one's store says of it."""


class ColumnFormat(Component):
    """How the cells of a column are written, where it is not as a schema's type is.

    A number with a format may also be ``(1.50)`` or have a typographic minus.
    """

    missing: list[str] = []
    """Words that stand for a missing text; among numbers, times and booleans, those usual do."""
    decimal: Literal[".", ","] | None = None
    """The decimal sign; a point without one."""
    thousands: Literal[".", ",", "'", " "] | None = None
    """The sign between groups of three digits; a space stands for any."""
    unit: Annotated[str, Field(min_length=1)] | None = None
    """What stands before or after a number, as ``€`` or ``%``, and may be left out."""
    time: Annotated[str, Field(min_length=1)] | None = None
    """The format of times, as ``strptime`` takes it; ``ISO8601`` puts times of any zone in UTC."""
    words: Annotated[list[str], Field(min_length=2, max_length=2)] | None = None
    """The word for true and the one for false, in capitals or not."""

    @model_validator(mode="after")
    def _is_of_one_kind(self) -> Self:
        kinds = [name for name in ("time", "words") if getattr(self, name) is not None]
        kinds = sorted([*self._number()[:1], *kinds])
        if len(kinds) > 1:
            raise ValueError(f"a column is of one kind: give {' or '.join(kinds)}")
        if self.thousands == (self.decimal or "."):
            raise ValueError("one sign cannot be decimal and thousands: give another")
        return self

    def _number(self) -> list[str]:
        """List what is said of a number; a conf that was written out names the rest as null."""
        return [name for name in NUMBER if getattr(self, name) is not None]

    def parse(self, cells: pd.Series[Any], *, is_text: bool) -> pd.Series[Any]:
        """Make values of cells; one that is written otherwise stays, and breaks the schema.

        Args:
            cells: n texts.
            is_text: whether the values are texts too.
        """
        import pandas as pd

        trimmed = cells.str.strip()
        values = cells if is_text else trimmed
        values = values.mask(trimmed.isin(self.missing if is_text else MISSING))
        if self._number():
            return self._parse_numbers(values)
        if self.words is not None:
            yes, no = (word.lower() for word in self.words)
            truths = values.str.lower().map({yes: True, no: False})
            return truths.astype("object").where(truths.notna(), values)
        if self.time is None:
            return values
        times = pd.to_datetime(values, format=self.time, errors="coerce", utc=True)
        times = times.dt.tz_localize(None)
        if "%Y%m%d" in self.time:
            # Of fewer digits, there would be several ways to read them.
            width = len(pd.Timestamp(2026, 12, 31).strftime(self.time))
            times = times.where(values.str.len() == width)
        if (times.isna() == values.isna()).all():
            return times
        return times.dt.strftime("%Y-%m-%dT%H:%M:%S.%f").where(times.notna(), values)

    def _parse_numbers(self, values: pd.Series[Any]) -> pd.Series[Any]:
        """Write numbers as Python does; what is none by these rules is put in quotes."""
        plain = values.str.replace("\u2212", "-").str.replace("\u2019", "'")
        plain = plain.str.replace(r"^\((.+)\)$", r"-\1", regex=True)
        if self.unit:
            unit = re.escape(self.unit)
            plain = plain.str.replace(rf"^([+-]?)\s*{unit}\s*|\s*{unit}$", r"\1", regex=True)
        digits = r"\d+"
        if self.thousands:
            space = r"\s" if self.thousands == " " else re.escape(self.thousands)
            digits = rf"(?:\d{{1,3}}(?:{space}\d{{3}})+|\d+)"
        decimal = self.decimal or "."
        point = re.escape(decimal)
        is_number = plain.str.fullmatch(
            rf"[+-]?(?:{digits}(?:{point}\d*)?|{point}\d+)(?:[eE][+-]?\d+)?"
        )
        if self.thousands:
            plain = plain.str.replace(space, "", regex=True)
        plain = plain.str.replace(decimal, ".", regex=False)
        return plain.where(is_number.fillna(True).astype("bool"), "'" + values + "'")


class Reader(Component, ABC):
    """A table, wherever it is."""

    KIND: str
    limit: Count | None = None
    """Read this many rows at most."""
    columns: dict[str, ColumnFormat] = {}
    """The columns that are written in a way of their own."""
    unnamed: Annotated[str, Field(min_length=1)] | None = None
    """What the first column is called, if its own name is empty."""
    named_by: list[str] = []
    """Where no column identifies a row: the columns by whose cells it is known."""

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the table is, as people are told."""

    def read(
        self,
        schema: Schema,
        unseen: frames.UnseenCells | None = None,
        aside: frames.SetAside | None = None,
    ) -> pd.DataFrame:
        """Read the columns of a schema, and check them; cells unlike any seen are warned of.

        A row that two files hold alike, as files of two months may, is read once.

        Args:
            schema: what to read.
            unseen: what counts such cells, where somebody asks for it.
            aside: what takes the rows that break the schema, where these are not refused.

        Returns:
            n rows, with the index and the types of the schema.

        Raises:
            DataError: There is no such file, no row, the rows are not what the schema says, or two
                files hold one row with different values.
        """
        from ..core import frames

        conform = aside.conform if aside else frames.conform
        parts = [
            (name, conform(part, schema, self._source(name)))
            for name, part in self._limited(self._parts(schema, None))
            if len(part)
        ]
        parts = [(name, part) for name, part in parts if len(part)]
        if not parts:
            raise self._no_rows()
        frame = parts[0][1] if len(parts) == 1 else self._join(parts)
        counted = frames.UnseenCells(schema) if unseen is None else unseen
        counted.add(frame)
        if counted.counts:
            logger.warning(counted.describe(self.place))
        return frame

    def batches(
        self, schema: Schema, rows: int = BATCH_ROWS, aside: frames.SetAside | None = None
    ) -> Iterator[pd.DataFrame]:
        """Read as ``read`` does, a part at a time, so that memory does not grow with the file.

        Args:
            schema: what to read.
            rows: how many at most in one part.
            aside: as of ``read``.

        Raises:
            DataError: As ``read``; of an identifier that comes in two parts, after the last one.
        """
        import pandas as pd

        from ..core import frames
        from ..core.errors import DataError

        # In memory, the identifiers would be more than all else of a stream.
        conform = aside.conform if aside else frames.conform
        with tempfile.TemporaryFile() as seen:
            for name, batch in self._limited(self._parts(schema, rows)):
                if len(batch) and len(part := conform(batch, schema, self._source(name))):
                    pd.util.hash_pandas_object(part.index, index=False).to_numpy().tofile(seen)
                    yield part
            if not seen.tell():
                raise self._no_rows()
            if repeats := _count_repeats(seen):
                raise DataError(
                    f"{self.place} holds {repeats} rows whose identifier stands in a row before:"
                    " the index must identify a row."
                )

    def rows(self) -> int | None:
        """Count the rows that will be read, or None where counting means reading."""
        return None

    @abstractmethod
    def lineage(self) -> Lineage:
        """Say where the data comes from, and digest it."""

    def _source(self, name: str) -> str:
        """Name a part of the table, for an error."""
        return name

    def _join(self, parts: list[tuple[str, pd.DataFrame]]) -> pd.DataFrame:
        """Put the parts of a table together, each row once."""
        import numpy as np
        import pandas as pd

        from ..core.errors import DataError
        from ..core.frames import hash_rows

        names, tables = zip(*parts, strict=True)
        frame: pd.DataFrame = pd.concat(tables)
        again = frame.index.duplicated()
        if not again.any():
            return frame
        places = np.repeat(np.arange(len(tables)), [len(table) for table in tables])
        first = pd.Series(np.arange(len(frame))[~again], index=frame.index[~again])
        before = first[frame.index[again]].to_numpy()
        differ = hash_rows(frame[again]) != hash_rows(frame.iloc[before])
        if differ.any():
            old, new = before[differ][0], np.flatnonzero(again)[differ][0]
            raise DataError(
                f"{differ.sum()} rows of {self.place} come twice, with different values, as"
                f" {frame.index.name} {frame.index[new]} in {names[places[old]]} and"
                f" {names[places[new]]}: keep one of each."
            )
        logger.warning("%d rows of %s come twice, and count once.", again.sum(), self.place)
        return frame.loc[~again]

    def _limited(
        self, parts: Iterator[tuple[str, pd.DataFrame]]
    ) -> Iterator[tuple[str, pd.DataFrame]]:
        """Take as many rows as the limit says, and read no part after them."""
        left = self.limit
        for name, part in parts:
            taken = part if left is None else part.head(left)
            yield name, taken
            left = None if left is None else left - len(taken)
            if left == 0:
                return

    def _no_rows(self) -> Exception:
        from ..core.errors import DataError

        return DataError(f"{self.place} holds no rows.")

    @abstractmethod
    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        """Read unchecked parts of at most so many rows, each with the name of its file.

        They may go on after the limit.

        A part is a whole file where the number is None.
        """

    def _wanted(self, schema: Schema, names: Iterable[str]) -> list[str]:
        """Choose the columns to read: those of the schema, and those by which rows are known."""
        from ..core.frames import select

        given = list(names)
        called = [self.unnamed or name if name in {UNNAMED, ""} else name for name in given]
        chosen = {*select(schema, called), *self.named_by}
        return [name for name, ours in zip(given, called, strict=True) if ours in chosen]

    def _interpret(self, part: pd.DataFrame, schema: Schema, naming: RowNames) -> pd.DataFrame:
        """Make values of the texts in a part of a table that has types.

        Args:
            part: n rows as they were read.
            schema: which columns to take.
            naming: of the rows, where no column identifies them.

        Returns:
            The columns of the schema; a text that is no value of its column stays.
        """
        import pandas as pd

        from ..core.frames import index_name, select, text_names, to_texts

        if self.unnamed:
            part = part.rename(columns={UNNAMED: self.unnamed, "": self.unnamed})
        if lacking := {*self.named_by}.difference(part.columns):
            raise ValueError(f"there is no column '{min(lacking)}', which tells rows apart")
        texts = text_names(schema)
        part = part[self._wanted(schema, part.columns)]
        parsed: dict[str, Any] = {}
        for name, cells in part.items():
            form = self.columns.get(str(name))
            if cells.dtype in ("object", "str"):
                parsed[str(name)] = _parse_texts(cells, form, is_text=name in texts)
            elif form is not None and form.time and isinstance(cells.dtype, pd.DatetimeTZDtype):
                parsed[str(name)] = cells.dt.tz_convert(None)
            elif name in texts and cells.dtype == "uint64":
                parsed[str(name)] = cells.astype("str")  # numbers too long for an integer
        if self.named_by:
            parsed[index_name(schema)] = naming.add(to_texts(part[sorted(self.named_by)]))
        part = part.assign(**parsed)
        return part[select(schema, part.columns)]


class FileReader(Reader):
    """A table in a file, or in the files of a directory or a pattern: all of one form."""

    path: files.InputPath
    suffix: ClassVar[str]

    @property
    def place(self) -> str:
        return self.path

    def check(self) -> None:
        """Check, before any work, that there is something to read.

        Raises:
            ConfigError: The path's kind of URL is unknown.
            DataError: There is no such file.
        """
        files.list_files(self.path, self.suffix)

    def lineage(self) -> Lineage:
        return lineage(self.path, self.KIND, self.suffix)

    def _source(self, name: str) -> str:
        """Name a file as its path does or, of several, as the file system does."""
        alone = PurePosixPath(name).name == PurePosixPath(self.path).name
        return self.path if alone else name


class ParquetReader(FileReader):
    """A Parquet file, or a directory of them."""

    KIND: Literal["ParquetReader"] = "ParquetReader"
    suffix: ClassVar[str] = ".parquet"

    def rows(self) -> int | None:
        import pyarrow as pa
        import pyarrow.parquet as pq

        from ..core.errors import DataError

        filesystem, names = files.list_files(self.path, self.suffix)
        total = 0
        for name in names:
            try:
                with filesystem.open(name, "rb") as file:
                    total += pq.read_metadata(file).num_rows
            except (pa.ArrowException, OSError) as error:
                raise DataError(f"Cannot read {name} as Parquet: {error}") from error
        return total if self.limit is None else min(total, self.limit)

    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        import pyarrow as pa

        from ..core.errors import DataError
        from ..core.frames import RowNames, index_name

        filesystem, names = files.list_files(self.path, self.suffix)
        naming = RowNames()
        for name in names:
            with contextlib.ExitStack() as stack:
                local = files.is_local(filesystem)
                source = name if local else stack.enter_context(filesystem.open(name, "rb"))
                try:
                    whole = rows is None and self.limit is None
                    file = stack.enter_context(_open_parquet(source, streaming=not whole))
                    columns = self._wanted(schema, file.schema_arrow.names)
                    index = _RangeIndex(file.schema_arrow.pandas_metadata, index_name(schema))
                    if whole:
                        parts = iter([file.read(columns=columns)])
                    elif rows is not None and len(columns) > WIDE:
                        parts = _stream_wide(source, columns, rows)
                    else:
                        parts = file.iter_batches(batch_size=rows or BATCH_ROWS, columns=columns)
                    for part in parts:
                        yield name, self._interpret(index.restore(to_pandas(part)), schema, naming)
                        pa.default_memory_pool().release_unused()
                except (pa.ArrowException, OSError, ValueError) as error:
                    raise DataError(f"Cannot read {name} as Parquet: {error}") from error


def to_pandas(table: pa.Table | pa.RecordBatch) -> pd.DataFrame:
    """Make a data frame, whose types are those that schemas know.

    Args:
        table: n rows. Decimal numbers become floats, days times, categories and UUIDs texts, and
            times are counted in microseconds.
    """
    import pyarrow as pa

    types = pa.types
    for place, field in enumerate(table.schema):
        kind = field.type
        if types.is_dictionary(kind):
            kind = kind.value_type
        if types.is_decimal(kind):
            kind = pa.float64()
        elif types.is_date(kind):
            kind = pa.timestamp("us")
        elif types.is_timestamp(kind):
            kind = pa.timestamp("us", tz=kind.tz)
        elif kind == pa.uuid():
            texts = [value and str(value) for value in table.column(place).to_pylist()]
            table = table.set_column(place, field.name, pa.array(texts, pa.string()))
            continue
        if kind != field.type:
            exact = not types.is_timestamp(kind)  # no model sees a nanosecond
            table = table.set_column(place, field.name, table.column(place).cast(kind, safe=exact))
    # A block for each column shares its memory, where one for all is a copy.
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True, split_blocks=True)
    return frame


def join(chunks: Iterable[pd.DataFrame]) -> list[pd.DataFrame]:
    """Put the chunks of one table together, as one; there is none where there was no chunk."""
    import pandas as pd

    found = list(chunks)
    return found if len(found) < 2 else [pd.concat(found, ignore_index=True)]


def _open_parquet(source: Any, *, streaming: bool) -> pq.ParquetFile:
    """Open a Parquet file; streaming holds neither it nor a whole group of rows in memory."""
    import pyarrow.parquet as pq

    return pq.ParquetFile(source, pre_buffer=False, buffer_size=BUFFER_BYTES if streaming else 0)


def _stream_wide(source: Any, columns: list[str], rows: int) -> Iterator[pa.RecordBatch]:
    """Stream a file whose pages, one of each column, would fill the memory.

    Some columns at a time are copied to temporary files, which hold rows that belong together next
    to each other.

    Args:
        source: a path or an open file.
        columns: which to read.
        rows: how many at most in one part.
    """
    import pyarrow as pa

    with contextlib.ExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory())
        streams = []
        for start in range(0, len(columns), WIDE):
            path = f"{folder}/{start}"
            names = columns[start : start + WIDE]
            with _open_parquet(source, streaming=True) as file:
                described = pa.schema([file.schema_arrow.field(name) for name in names])
                with pa.OSFile(path, "wb") as sink, pa.ipc.new_stream(sink, described) as copy:
                    for batch in file.iter_batches(batch_size=rows, columns=names):
                        copy.write_batch(batch)
            pa.default_memory_pool().release_unused()
            copied = stack.enter_context(pa.OSFile(path))
            streams.append(stack.enter_context(pa.ipc.open_stream(copied)))
        for parts in zip(*streams, strict=True):
            arrays = [array for part in parts for array in part.columns]
            yield pa.RecordBatch.from_arrays(arrays, names=columns)


class CSVReader(FileReader):
    """A CSV file with a header, or a directory of them; compressed ones too."""

    KIND: Literal["CSVReader"] = "CSVReader"
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","
    encoding: Annotated[str, Field(min_length=1)] = "utf-8"
    skip: Annotated[int, Field(ge=0)] = 0
    """How many lines stand above the header."""
    suffix: ClassVar[str] = ".csv"

    def check(self) -> None:
        super().check()
        try:
            codecs.lookup(self.encoding)
        except LookupError:
            raise ConfigError(f"There is no encoding '{self.encoding}'.") from None

    def _parts(self, schema: Schema, rows: int | None) -> Iterator[tuple[str, pd.DataFrame]]:
        from ..core.errors import DataError
        from ..core.frames import columns_by_kind, text_names

        kinds = columns_by_kind(schema)
        texts = text_names(schema)
        plain = [self._given(name) for name in [*texts, *self.columns]]  # read as they are
        missing = dict.fromkeys([*kinds["number"], *kinds["castable"], *kinds["time"]], MISSING)
        named = self.row_names(rows) if self.named_by else None
        filesystem, names = files.list_files(self.path, self.suffix)
        left = self.limit
        for name in names:
            try:
                # Every column is read: pandas counts the cells of a row only then.
                with self._open(
                    filesystem,
                    name,
                    schema,
                    dtype=dict.fromkeys([*plain, NO_COLUMN], "str"),
                    na_values=missing | {name: [""] for name in plain},
                    nrows=left,
                    low_memory=False,
                ) as table:
                    while len(part := _chunk(table, rows)):
                        if NO_COLUMN in part and (part[NO_COLUMN].str.strip() != "").any():
                            raise ValueError("a row has more cells than the header")
                        yield name, self._make_values(part, schema, texts, named)
                        left = None if left is None else left - len(part)
            except (ValueError, OSError, EOFError, csv.Error, zlib.error) as error:
                wrong = isinstance(error, UnicodeError)
                hint = ". Save it as UTF-8, or name its encoding." if wrong else ""
                raise DataError(f"Cannot read {name} as CSV: {error}{hint}") from error
            if left == 0:
                return

    def _make_values(
        self,
        part: pd.DataFrame,
        schema: Schema,
        texts: list[str],
        named: Iterator[list[str]] | None,
    ) -> pd.DataFrame:
        """Make values of the columns that are written in a way of their own.

        Args:
            part: n rows as they were read.
            schema: which columns to take.
            texts: those that hold text.
            named: the names of these rows come next, where no column identifies them.
        """
        from ..core.frames import index_name, select

        if self.unnamed:
            part = part.rename(columns={UNNAMED: self.unnamed})
        part = part[select(schema, part.columns)]
        parsed: dict[str, Any] = {
            name: self.columns[name].parse(part[name], is_text=name in texts)
            for name in part.columns.intersection(list(self.columns))
        }
        if named is not None:
            parsed[index_name(schema)] = next(named)
        return part.assign(**parsed) if parsed else part

    @contextlib.contextmanager
    def _open(
        self, filesystem: Any, name: str, schema: Schema | None = None, **options: Any
    ) -> Iterator[Any]:
        """Open a file to read it in parts; the options are those of ``pandas.read_csv``.

        Raises:
            ValueError: A column of the schema is named twice.
        """
        import pandas as pd

        from ..core.frames import select

        header = self._read_header(filesystem, name)
        names = select(schema, header) if schema else []
        if twice := [column for column in names if names.count(column) > 1]:
            # pandas would rename the second, and leave it unread.
            raise ValueError(f"the header names {twice[0]} more than once")
        if header[-1:] == [NO_COLUMN]:
            # Without a name, pandas would drop what the column holds.
            options |= {"header": 0, "names": _make_unique(header)}
        with (
            filesystem.open(name, "rb", compression="infer") as file,
            pd.read_csv(
                file,
                sep=self.separator,
                encoding=self.encoding,
                skiprows=self.skip,
                index_col=False,
                keep_default_na=False,
                iterator=True,
                **options,
            ) as table,
        ):
            yield table

    def _given(self, name: str) -> str:
        """Tell what pandas calls a column."""
        return UNNAMED if name == self.unnamed else name

    def row_names(self, rows: int | None = None) -> Iterator[list[str]]:
        """Name the rows by the cells of ``named_by``, as the file has them.

        Args:
            rows: how many at most in one part; a part is a whole file where the number is None.

        Raises:
            ValueError: A file lacks one of these columns.
        """
        from ..core.frames import RowNames

        naming, left = RowNames(), self.limit
        columns = sorted(map(self._given, self.named_by))
        filesystem, names = files.list_files(self.path, self.suffix)
        for name in names:
            with self._open(filesystem, name, usecols=columns, dtype="str", nrows=left) as table:
                while len(part := _chunk(table, rows)):
                    yield naming.add(part[columns])
                    left = None if left is None else left - len(part)
            if left == 0:
                return

    def _read_header(self, filesystem: Any, name: str) -> list[str]:
        """Read the names of a file's columns, and of one more where rows end with a separator."""
        with (
            filesystem.open(name, "rb", compression="infer") as file,
            io.TextIOWrapper(file, self.encoding, newline="") as text,
        ):
            rows = csv.reader(itertools.islice(text, self.skip, None), delimiter=self.separator)
            filled = (row for row in rows if row)
            header, first = next(filled, []), next(filled, [])
        if header:
            header[0] = header[0].removeprefix("\ufeff")
        return [*header, NO_COLUMN] if len(first) == len(header) + 1 else header


def _make_unique(names: list[str]) -> list[str]:
    """Name columns that have no name, or that of another, by their place, as pandas does."""
    return [
        name if name and names.index(name) == place else f"Unnamed: {place}"
        for place, name in enumerate(names)
    ]


class Writer(Component, ABC):
    """Where a table is written to, whole or not at all."""

    KIND: str

    @property
    @abstractmethod
    def place(self) -> str:
        """Where the table is, as people are told."""

    @abstractmethod
    def open(self) -> contextlib.AbstractContextManager[Callable[[pd.DataFrame], None]]:
        """Write a table part by part.

        Yields:
            A function that takes the next rows. They are there at the end; after a failure all is
            as it was.
        """

    @abstractmethod
    def lineage(self) -> Lineage:
        """Say where the data went, and digest it."""


class FileWriter(Writer):
    """A file, which takes the place of the old one."""

    path: files.OutputPath

    @property
    def place(self) -> str:
        return self.path

    @contextlib.contextmanager
    def open(self) -> Iterator[Callable[[pd.DataFrame], None]]:
        with files.replacing(self.path) as part, self._open(part) as write:
            yield write

    def lineage(self) -> Lineage:
        return lineage(self.path, self.KIND)

    @abstractmethod
    def _open(
        self, part: Path
    ) -> contextlib.AbstractContextManager[Callable[[pd.DataFrame], None]]:
        """Open a local file."""


class ParquetWriter(FileWriter):
    """A Parquet file; the index becomes an ordinary column."""

    KIND: Literal["ParquetWriter"] = "ParquetWriter"

    @contextlib.contextmanager
    def _open(self, part: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
        import pyarrow as pa
        import pyarrow.parquet as pq

        with contextlib.ExitStack() as stack:
            writer: Any = None

            def write(frame: pd.DataFrame) -> None:
                nonlocal writer
                schema = None if writer is None else writer.schema
                table = pa.Table.from_pandas(frame.reset_index(), schema, preserve_index=False)
                if writer is None:
                    writer = stack.enter_context(pq.ParquetWriter(part, table.schema))
                writer.write_table(table)

            yield write


class CSVWriter(FileWriter):
    """A CSV file with a header; the index becomes the first column."""

    KIND: Literal["CSVWriter"] = "CSVWriter"
    separator: Annotated[str, Field(min_length=1, max_length=1)] = ","

    @contextlib.contextmanager
    def _open(self, part: Path) -> Iterator[Callable[[pd.DataFrame], None]]:
        with part.open("w", encoding="utf-8", newline="") as file:

            def write(frame: pd.DataFrame) -> None:
                frame.to_csv(file, sep=self.separator, header=file.tell() == 0)

            yield write


def lineage(path: str, kind: str, suffix: str = "") -> Lineage:
    """Digest a file, or all the files of a directory.

    Args:
        path: local or an fsspec URL.
        kind: of the reader or writer.
        suffix: which files of a directory count.
    """
    filesystem, names = files.list_files(path, suffix)
    digest = hashlib.blake2b(digest_size=16)
    for name in names:
        if files.is_local(filesystem):
            with filesystem.open(name, "rb") as file:
                part = hashlib.file_digest(file, "sha256").digest()
        else:
            part = str(filesystem.ukey(name)).encode()
        digest.update(part)
    return Lineage(path, kind, digest.hexdigest())


class _RangeIndex:
    """The index of consecutive numbers that pandas keeps in a file's metadata, as no column."""

    def __init__(self, metadata: dict[str, Any] | None, name: str) -> None:
        columns = (metadata or {}).get("index_columns", [])
        ranges = [each for each in columns if isinstance(each, dict) and each["name"] == name]
        self.name = name
        self.found = ranges[0] if ranges else None
        self.rows = 0

    def restore(self, part: pd.DataFrame) -> pd.DataFrame:
        """Give the next rows of the file their index as a column."""
        import numpy as np

        if self.found is None:
            return part
        places = np.arange(self.rows, self.rows + len(part))
        self.rows += len(part)
        return part.assign(**{self.name: self.found["start"] + self.found["step"] * places})


def _count_repeats(file: Any) -> int:
    """Count the numbers in a file that stand in it before, a share of them in memory at a time."""
    import numpy as np

    repeats = 0
    for share in range(SHARES):
        file.seek(0)
        parts = []
        while len(numbers := np.fromfile(file, "uint64", BATCH_ROWS)):
            parts.append(numbers[numbers % SHARES == share])
        # np.unique would hold them in a set, which is many times larger.
        mine = np.concatenate(parts)
        mine.sort()
        repeats += int(np.count_nonzero(mine[1:] == mine[:-1]))
    return repeats


def _parse_texts(cells: pd.Series[Any], form: ColumnFormat | None, *, is_text: bool) -> Any:
    """Make values of the texts among cells; the others have their types."""
    if is_text and form is None:
        return cells
    texts = cells.map(lambda cell: isinstance(cell, str)).astype("bool")
    found = cells.astype("object")
    parsed = (form or ColumnFormat()).parse(cells[texts].astype("str"), is_text=is_text)
    found[texts] = parsed.astype("object")
    return found


def _chunk(table: Any, rows: int | None) -> Any:
    from pandas.errors import ParserWarning

    with warnings.catch_warnings():
        # More cells than columns in every row is a warning of pandas', in one row an error.
        warnings.simplefilter("error", ParserWarning)
        try:
            return table.get_chunk(rows)
        except StopIteration:
            return ()
        except ParserWarning as warning:
            raise ValueError("the rows have more cells than the header has columns") from warning

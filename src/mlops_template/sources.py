"""Tables as their owners keep them: found out, read a part at a time, and spooled to Arrow."""

import codecs
import contextlib
import csv
import dataclasses
import difflib
import io
import itertools
import json
import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path, PurePosixPath
from types import MappingProxyType
from typing import Any, NamedTuple
from zipfile import BadZipFile

import numpy as np
import pandas as pd
import pyarrow as pa

from . import files
from .errors import AdoptionError
from .files import hide_secrets

MAX_COLUMNS = 1_000
CHUNK_ROWS = 50_000
BLOCK_BYTES = 4 << 20
SNIFF_BYTES = 1 << 20
SEPARATORS = ",;\t|"
FORMATS = {
    ".csv": "CSV",
    ".tsv": "CSV",
    ".txt": "CSV",
    ".parquet": "Parquet",
    ".pq": "Parquet",
    ".jsonl": "JSON lines",
    ".ndjson": "JSON lines",
    ".feather": "Feather",
    ".arrow": "Feather",
    ".xlsx": "Excel",
}
FOLDERS = [".parquet", ".csv", ".jsonl", ".feather", ".xlsx"]
"""What a folder may hold of, the first that it does."""
FORM = ("separator", "encoding", "skip")
"""What the first file of several decides for the others."""
NUMBER = re.compile(r"[+-]?(0|[1-9]\d{0,14}|0?\.\d+|[1-9]\d{0,14}\.\d*|0\.\d*)([eE][+-]?\d+)?")
DRIVERS = {
    "MySQLdb": "mysqlclient",
    "psycopg": "psycopg[binary]",
    "psycopg2": "psycopg2-binary",
}
"""What to install for modules of other names."""
SQL = re.compile(r"(sqlite|postgres(ql)?|mysql|mariadb|mssql|oracle|duckdb|snowflake)(\+\w+)?://")

COMMA = re.compile(r"[+-]?(\d{1,3}(\.\d{3})+|\d*),\d+")
MOST_TITLES = 20
"""Of how many lines at most above a header may be."""

MISSING = ["", "?", "#N/A", "N/A", "NA", "NULL", "NaN", "n/a", "nan", "null"]
"""What stands for a missing value in text."""
BLANKS = [*MISSING, "None", "none", "-", "--", "."]
"""What does so among numbers, dates and truth values, where it cannot be a value."""

Batches = Iterator[pa.RecordBatch]


class NotQuickError(Exception):
    """What looked like numbers was something else further on, or rows are cut in another way."""


class Given(NamedTuple):
    """What people say of a source, whatever it looks like."""

    reader: Mapping[str, Any] = MappingProxyType({})
    """Options of the project's reader."""
    text: Sequence[str] = ()
    """Columns to take for text."""

    @property
    def columns(self) -> dict[str, dict[str, Any]]:
        """How columns are written."""
        return dict(self.reader.get("columns", {}))


@dataclasses.dataclass
class Found:
    """What was found out about a source."""

    given: Given
    """What needs no finding out."""

    notes: list[str] = dataclasses.field(default_factory=list)
    """For people."""
    options: dict[str, Any] = dataclasses.field(default_factory=dict)
    """For the reader of the jobs."""
    filesystem: Any = None
    files: list[str] = dataclasses.field(default_factory=list)
    """Where the table is, if it is no database."""
    newest: str = ""
    """The last one of several files that are one table."""
    dotted: set[str] = dataclasses.field(default_factory=set)
    """Columns of numbers with a point in some: 20240131.0 is no day that the jobs would know."""
    na_is_missing: bool = False
    """Whether NA stands among numbers, and so is no code elsewhere."""


class Spool(NamedTuple):
    """A whole table on the disk, in parts of one schema."""

    path: Path
    """An Arrow file."""
    rows: int
    names: list[str]
    untyped: set[str]
    """The columns of text of which types are made, as the source has none for them."""
    found: Found
    """What was found out about the source."""

    def batches(self) -> Batches:
        """Read the table, one part in memory at a time."""
        with pa.memory_map(str(self.path)) as source, pa.ipc.open_file(source) as file:
            for number in range(file.num_record_batches):
                yield file.get_batch(number)

    def read(self, names: list[str]) -> pd.DataFrame:
        """Read some columns of all rows."""
        table = pa.Table.from_batches([batch.select(names) for batch in self.batches()])
        frame: pd.DataFrame = table.to_pandas()
        return frame


def spool(
    path: str,
    query: str,
    drop: list[str],
    roles: dict[str, str],
    target: Path,
    given: Given,
) -> Spool:
    """Read a table from wherever it is.

    Args:
        path: a file, a folder of Parquet files, an fsspec URL of one, or the URL of a database.
        query: what to ask a database for.
        drop: columns to leave out.
        roles: columns that must be there, by the options that name them.
        target: where to write the table.
        given: what people say of the source.

    Raises:
        AdoptionError: It cannot be read as a table.
    """
    shown, found = hide_secrets(path), Found(given)

    def write(batches: Batches) -> Spool:
        return _write(batches, drop, roles, target, found)

    try:
        if SQL.match(path) or (query and "://" in path):
            return write(_read_sql(path, query, drop, found))
        if query:
            raise AdoptionError("--query is for a database, and --path is none.", option=True)
        filesystem, names, form = _list_files(path)
        found.filesystem, found.files = filesystem, names
        if names[1:] or not filesystem.isfile(path):
            found.newest = _name_again(path, filesystem, names[-1])
        read = _READERS[form]
        try:
            if names[1:] and form != "Parquet":
                spooled = write(_read_all(read, filesystem, names, drop, found))
            else:
                spooled = write(read(filesystem, names, drop, found))
        except NotQuickError:
            found.notes.clear()
            spooled = write(_read_csv(filesystem, names, drop, found, quick=False))
    except AdoptionError as error:
        # What was found out may be what is wrong.
        raise AdoptionError(" ".join([str(error), *found.notes]), option=error.option) from error
    except (pa.ArrowException, UnicodeError, ValueError, OSError, EOFError, BadZipFile) as error:
        raise AdoptionError(f"{shown} cannot be read: {_reason(error)}.") from error
    # Spreadsheets hold many a number as text.
    is_text = form in ("CSV", "Excel")
    return spooled._replace(untyped=set(spooled.names)) if is_text else spooled


def _list_files(path: str) -> tuple[Any, list[str], str]:
    """List the files of a table, and say of what kind they are.

    Returns:
        The file system, the files in their order, and the kind.
    """
    known = [suffix for suffix in PurePosixPath(path).suffixes if suffix.lower() in FORMATS]
    errors = []
    for suffix in known[-1:] or FOLDERS:
        try:
            filesystem, names = files.list_files(path, suffix)
        except AdoptionError as error:
            errors.append(error)
        else:
            is_folder = filesystem.isdir(path)
            return filesystem, names, FORMATS[suffix.lower()] if is_folder else _find_format(path)
    if Path(path).is_dir():
        raise AdoptionError(f"The folder {path} holds none of {', '.join(FOLDERS)}.", option=True)
    raise errors[0]


def _name_again(path: str, filesystem: Any, name: str) -> str:
    """Name a file of a folder or a pattern from where that is named."""
    if "://" in path:
        return str(filesystem.unstrip_protocol(name))
    return name if Path(path).is_absolute() else os.path.relpath(name)


def _read_all(
    read: Callable[..., Batches], filesystem: Any, names: list[str], drop: list[str], found: Found
) -> Batches:
    """Read several files as one table: the later as the first was understood."""
    options = {"quick": False} if read is _read_csv else {}
    columns: list[str] = []
    for name in names:
        mine = found
        if columns:
            same = {key: found.options[key] for key in FORM if key in found.options}
            mine = Found(found.given._replace(reader={**same, **found.given.reader}))
        for batch in read(filesystem, [name], drop, mine, **options):
            columns = columns or batch.schema.names
            if differing := set(columns) ^ set(batch.schema.names):
                raise AdoptionError(
                    f"{name} and {names[0]} differ in the column '{min(differing)}': all files of a"
                    " table need the same columns."
                )
            yield batch.select(columns)


def drop_option(name: str) -> str:
    """Write the option that leaves a column out."""
    text = f'"{name}"' if "," in name else name
    return f"--drop '{text}'"


def check_names(names: list[str]) -> None:
    """Refuse tables whose columns cannot be told apart.

    Raises:
        AdoptionError: Two columns have one name, one has none, or there are too many.
    """
    if len(names) > MAX_COLUMNS:
        raise AdoptionError(
            f"The table has {len(names):,} columns, and {MAX_COLUMNS:,} are the most: choose those"
            " that matter, or turn columns into rows."
        )
    twice = sorted({name for name in names if name.strip() and names.count(name) > 1})
    if twice:
        raise AdoptionError(f"The column '{twice[0]}' is there more than once: rename one of them.")
    if any(not name.strip() for name in names[1:]):
        place = next(place for place, name in enumerate(names) if place and not name.strip())
        raise AdoptionError(f"Column {place + 1} has no name in the first row: give it one.")


def _find_format(path: str) -> str:
    suffixes = [suffix.lower() for suffix in PurePosixPath(path).suffixes]
    for suffix in reversed(suffixes):
        if suffix in FORMATS:
            return FORMATS[suffix]
    known = ", ".join(sorted(FORMATS))
    raise AdoptionError(
        f"{hide_secrets(path)} is of no kind that is known by its ending: {known}.", option=True
    )


def _write(
    batches: Batches, drop: list[str], roles: dict[str, str], target: Path, found: Found
) -> Spool:
    """Write all parts with the columns and the types of the first."""
    rows = 0
    schema: pa.Schema = None
    with contextlib.ExitStack() as stack:
        for batch in batches:
            # A first column without a name is what spreadsheets and pandas number rows with.
            named = batch.rename_columns(
                [name if name.strip() else "row" for name in batch.schema.names]
            )
            if schema is None:
                if named.schema.names != batch.schema.names:
                    found.notes.append("Its first column has no name, and is called `row`.")
                    found.options["unnamed"] = "row"
                check_names(named.schema.names)
                drop = [_find_name(name, named.schema.names) for name in drop]
                said = {"--drop": drop, "--reader": found.given.columns, "--text": found.given.text}
                for option, wanted in (said | {key: [roles[key]] for key in roles}).items():
                    for name in wanted:
                        _check_known(option, name, named.schema.names)
                schema = _settle(named.schema, drop)
                untyped = {field.name for field in named.schema if pa.types.is_null(field.type)}
                writer = stack.enter_context(pa.ipc.new_file(target, schema))
            writer.write_batch(_fit(named.select(schema.names), schema, found))
            rows += batch.num_rows
    if not rows:
        raise AdoptionError("The table holds no rows.")
    return Spool(target, rows, schema.names, untyped, found)


def _find_name(wanted: str, names: list[str]) -> str:
    """Find a column whose name has spaces around it that people do not see."""
    trimmed = {name.strip(): name for name in names}
    return wanted if wanted in names else trimmed.get(wanted.strip(), wanted)


def _check_known(option: str, wanted: str, names: list[str]) -> None:
    if wanted in names:
        return
    lower = {name.lower(): name for name in names}
    near = difflib.get_close_matches(wanted.lower(), lower, 1, 0.5)
    hint = f"Did you mean '{lower[near[0]]}'?" if near else f"It has {', '.join(names[:20])}."
    raise AdoptionError(f"{option}: there is no column '{wanted}'. {hint}", option=True)


def _settle(schema: pa.Schema, drop: list[str]) -> pa.Schema:
    """Choose for each column the widest type of its kind, which later parts fit too."""

    def widest(kind: pa.DataType) -> pa.DataType:
        types = pa.types
        if types.is_dictionary(kind):
            return widest(kind.value_type)
        if types.is_integer(kind):
            return pa.uint64() if types.is_uint64(kind) else pa.int64()
        if types.is_floating(kind) or types.is_decimal(kind):
            return pa.float64()
        if types.is_date(kind) or types.is_timestamp(kind):
            return pa.timestamp("us", tz=getattr(kind, "tz", None))
        if types.is_large_string(kind) or types.is_string_view(kind) or types.is_null(kind):
            return pa.string()
        if kind == pa.uuid():
            return pa.string()
        return kind

    kept = [field for field in schema if field.name not in drop]
    return pa.schema([field.with_type(widest(field.type)) for field in kept])


def _fit(batch: pa.RecordBatch, schema: pa.Schema, found: Found) -> pa.RecordBatch:
    columns = []
    for place, field in enumerate(schema):
        column = batch.column(place)
        if pa.types.is_dictionary(column.type):
            column = column.dictionary_decode()
        if column.type == pa.uuid():
            column = pa.array([value and str(value) for value in column.to_pylist()], pa.string())
        try:
            if pa.types.is_timestamp(field.type) and pa.types.is_timestamp(column.type):
                exact = column
                column = column.cast(field.type, safe=False)
                note = (
                    f"`{field.name}`: of its times, what is less than a microsecond is left away."
                )
                if note not in found.notes and not column.cast(exact.type).equals(exact):
                    found.notes.append(note)
            columns.append(column.cast(field.type))
        except pa.ArrowException as error:
            raise AdoptionError(
                f"The column '{field.name}' is of mixed types: {_reason(error)}."
                f" Mend it, or leave it out: {drop_option(field.name)}."
            ) from error
    return pa.record_batch(columns, schema=schema)


def _read_csv(
    filesystem: Any, names: list[str], drop: list[str], found: Found, *, quick: bool = True
) -> Batches:
    """Read text; what looks like numbers at the first glance as such, if it is to be quick.

    Raises:
        NotQuickError: The quick way does not get through.
    """
    [name] = names

    def open_file() -> Any:
        return filesystem.open(name, "rb", compression="infer")

    given = found.given.reader
    encoding = given.get("encoding") or _find_encoding(open_file, name, quick=quick)
    with open_file() as file:
        head = file.read(SNIFF_BYTES)
    text = codecs.getincrementaldecoder(encoding)().decode(head).removeprefix("\ufeff")
    form = _find_form(text, name, given.get("separator"), given.get("skip"))
    separator, skip, (header, *cells) = form.separator, form.skip, form.rows
    found.options |= {"KIND": "CSVReader", "separator": separator, "encoding": encoding}
    if skip:
        found.options["skip"] = skip
        found.notes.append(f"Its header is in line {skip + 1}.")
    if encoding != "utf-8":
        found.notes.append(f"It is read as {encoding}: if letters look wrong, save it as UTF-8.")
    if separator != ",":
        found.notes.append(f"Its separator is {separator!r}.")
    check_names(header)
    said = {*found.given.columns, *found.given.text}
    numbers = [
        place
        for place, column in enumerate(header)
        if column not in said and _are_numbers(cells, place)
    ]
    found.dotted |= {header[n] for n in numbers if any("." in row[n] for row in cells)}
    found.na_is_missing |= any(row[place].strip() == "NA" for row in cells for place in numbers)
    if quick:
        if any(COMMA.fullmatch(cell.strip()) for row in cells for cell in row):
            # Where the comma may be the decimal sign, a point may be none.
            numbers = [n for n in numbers if not any("." in row[n] for row in cells)]
        yield from _read_quickly(open_file, encoding, separator, skip, header, numbers)
        return
    with (
        open_file() as file,
        pd.read_csv(
            file,
            sep=separator,
            encoding=encoding,
            skiprows=skip,
            header=0,
            # What stands in a column without a name would be lost without a word.
            names=range(len(header) + form.ends),
            index_col=False,
            dtype="str",
            keep_default_na=False,
            chunksize=CHUNK_ROWS,
        ) as chunks,
    ):
        for chunk in chunks:
            kept = chunk.iloc[:, : len(header)]
            more = chunk.index[(chunk.iloc[:, len(header) :].fillna("") != "").any(axis=1)]
            if len(more):
                raise AdoptionError(
                    f"Row {more[0] + 1:,} of {name} has more cells than the header."
                )
            table = pa.Table.from_pandas(kept, preserve_index=False).rename_columns(header)
            yield from table.combine_chunks().to_batches()


def _read_quickly(
    open_file: Callable[[], Any],
    encoding: str,
    separator: str,
    skip: int,
    header: list[str],
    numbers: list[int],
) -> Batches:
    """Read CSV as Arrow does: in a third of the time, but no row that lacks its last cells."""
    import pyarrow.csv

    types = dict.fromkeys(header, pa.string()) | {header[n]: pa.float64() for n in numbers}
    try:
        with (
            open_file() as file,
            pyarrow.csv.open_csv(
                file,
                # Threads would be no quicker, and take memory in turn from the system.
                pyarrow.csv.ReadOptions(
                    use_threads=False,
                    block_size=BLOCK_BYTES,
                    encoding=encoding,
                    skip_rows=skip,
                ),
                pyarrow.csv.ParseOptions(delimiter=separator, newlines_in_values=True),
                pyarrow.csv.ConvertOptions(column_types=types, null_values=BLANKS),
            ) as batches,
        ):
            last = None
            for batch in batches:
                if batch.schema.names != header:
                    raise NotQuickError
                last = batch if batch.num_rows else last
                yield batch
    except pa.ArrowInvalid as error:
        raise NotQuickError from error
    # A quotation mark that is never closed would make one cell of all that follows.
    if last is not None and "\n" in str(last.column(len(header) - 1)[-1]):
        raise NotQuickError


def _are_numbers(rows: list[list[str]], place: int) -> bool:
    """Say whether the first cells of a column are plain numbers, none of them a code as 007."""
    cells = [cell for row in rows if (cell := row[place].strip()) not in BLANKS]
    return bool(cells) and all(NUMBER.fullmatch(cell) for cell in cells)


def _find_encoding(open_file: Callable[[], Any], name: str, *, quick: bool) -> str:
    """Take UTF-8 if the whole file is, or else what the first bytes that are not look like.

    The quick way to read refuses what is no UTF-8 itself: only the first bytes are looked at then.
    """
    decoder = codecs.getincrementaldecoder("utf-8")()
    with open_file() as file:
        part = head = file.read(SNIFF_BYTES)
        if not head:
            raise AdoptionError(f"{name} is empty.")
        if head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
            return "utf-16"
        try:
            while part:
                if b"\0" in part:
                    raise AdoptionError(
                        f"{name} holds bytes that are no text: is it another kind of file?"
                    )
                decoder.decode(part)
                if quick:
                    return "utf-8"
                part = file.read(SNIFF_BYTES)
            decoder.decode(b"", final=True)
        except UnicodeDecodeError:
            return _guess_encoding(head[: 1 << 16] + part, name)
    return "utf-8"


def _guess_encoding(sample: bytes, name: str) -> str:
    """Take western Europe's encoding where few letters are foreign to ASCII; or else ask a library.

    The library takes a lone umlaut for a letter of any country.
    """
    with contextlib.suppress(UnicodeDecodeError):
        letters = [letter for letter in sample.decode("cp1252") if letter.isalpha()]
        if sum(not letter.isascii() for letter in letters) < 0.3 * len(letters):
            return "cp1252"
    import charset_normalizer

    found = charset_normalizer.from_bytes(sample).best()
    if found is None:
        raise AdoptionError(f"{name} is in no encoding that can be told: save it as UTF-8.")
    return found.encoding


class Form(NamedTuple):
    """How a text file is cut into cells."""

    separator: str = ","
    skip: int = 0
    """How many lines stand above the header."""
    ends: bool = False
    """Whether rows end with one more separator."""
    rows: Sequence[list[str]] = ()
    """The header, and the first rows that are cut as it is."""


def _find_form(text: str, name: str, separator: str | None, skip: int | None) -> Form:
    """Take the separator that cuts the first rows into the most columns, as the header is cut.

    Args:
        text: the first part of the file.
        name: of the file.
        separator: the one that it has, if somebody says so.
        skip: how many lines stand above its header, if somebody says so.
    """
    is_part = len(text) >= SNIFF_BYTES // 4
    named = re.match(r"sep=(.)\r?\n", text)
    best, most = Form(), (False, 0.0)
    for sign in separator or (named[1] if named else SEPARATORS):
        check_names([str(place) for place in range(text.partition("\n")[0].count(sign))])
        reader = csv.reader(io.StringIO(text), delimiter=sign)
        try:
            # Each row with the number of lines before it.
            lines = [(before, row) for before, row in _count_lines(reader) if row]
        except csv.Error as error:
            raise AdoptionError(f"{name} cannot be read as CSV: {error}.") from error
        lines = lines[int(bool(named)) :]
        lines = lines[:-1] if is_part else lines
        if skip is not None:
            lines = [(before, row) for before, row in lines if before >= skip]
        form = _find_header(lines, 0 if skip is not None else MOST_TITLES)
        if form.rows:
            width, share = len(form.rows[0]), len(form.rows) / len(lines)
            # A header in the first line goes before one that would have titles above it.
            is_plain = form.skip == lines[0][0] and width > 1 and 2 * share > 1
            if (is_plain, width * share) > most:
                best, most = form._replace(separator=sign), (is_plain, width * share)
    if not best.rows:
        raise AdoptionError(f"{name} holds no rows.")
    return best


def _count_lines(reader: Any) -> Iterator[tuple[int, list[str]]]:
    before = 0
    for row in reader:
        yield before, row
        before = reader.line_num


def _find_header(lines: list[tuple[int, list[str]]], most: int) -> Form:
    """Find the header among the first rows, and the rows that are cut as it is.

    It is the first row, unless that is narrower than most and another is not: titles and remarks
    may stand above it. Rows may end with one more separator.

    Args:
        lines: each row with the number of lines before it.
        most: how many rows may stand above the header.
    """
    for place in range(min(len(lines), most + 1)):
        before, header = lines[place]
        rows = [row for _, row in lines[place + 1 :]]
        width = len(header)
        alike = [row for row in rows if len(row) == width]
        if width > 2 and not any(row[-1].strip() for row in [header, *alike]):
            header, width = header[:-1], width - 1
        ended = [row[:-1] for row in rows if len(row) == width + 1 and not row[-1].strip()]
        ends = width > 1 and 2 * len(ended) > len(rows)
        if ends or (2 * len(alike) > len(rows) and (place == 0 or width > len(lines[0][1]))):
            return Form(skip=before, ends=ends, rows=[header, *(ended if ends else alike)])
    # A header alone, or rows that are cut in many ways.
    before, header = lines[0] if lines else (0, [])
    return Form(skip=before, rows=[row for _, row in lines if len(row) == len(header)])


def _read_parquet(filesystem: Any, names: list[str], drop: list[str], found: Found) -> Batches:
    import pyarrow.parquet as pq

    found.options["KIND"] = "ParquetReader"
    first: pa.Schema | None = None
    for name in names:
        with filesystem.open(name, "rb") as source:
            file = pq.ParquetFile(source, pre_buffer=False)
            columns = file.schema_arrow.names
            check_names(columns)
            if first is None:
                first = file.schema_arrow
            missing = set(first.names) ^ set(columns)
            if missing:
                raise AdoptionError(
                    f"{name} and {names[0]} differ in the column '{min(missing)}': all files of a"
                    " folder need the same columns."
                )
            start = 0
            for batch in file.iter_batches(CHUNK_ROWS):
                yield _restore_index(batch.select(first.names), file.schema_arrow, start)
                start += batch.num_rows


def _restore_index(batch: pa.RecordBatch, schema: pa.Schema, start: int) -> pa.RecordBatch:
    """Make a column of the index of evenly spaced numbers that pandas writes as metadata only."""
    for index in (schema.pandas_metadata or {}).get("index_columns", []):
        if isinstance(index, dict) and index["name"]:
            places = np.arange(start, start + batch.num_rows)
            numbers = pa.array(index["start"] + index["step"] * places)
            batch = batch.add_column(0, str(index["name"]), numbers)
    return batch


def _read_feather(filesystem: Any, names: list[str], drop: list[str], found: Found) -> Batches:
    found.options["KIND"] = "FeatherReader"
    with filesystem.open(names[0], "rb") as source, pa.ipc.open_file(source) as file:
        for number in range(file.num_record_batches):
            yield file.get_batch(number)


def _read_json(filesystem: Any, names: list[str], drop: list[str], found: Found) -> Batches:
    found.options["KIND"] = "JSONLinesReader"
    with filesystem.open(names[0], "rb", compression="infer") as file:
        # pandas' own reader takes the numbers of some columns for times, by their names.
        lines = (line for line in file if line.strip())
        parts = iter(lambda: list(itertools.islice(lines, CHUNK_ROWS)), [])
        chunks = (pd.DataFrame.from_records(map(json.loads, part)) for part in parts)
        yield from _from_pandas(chunks, drop)


def _read_excel(filesystem: Any, names: list[str], drop: list[str], found: Found) -> Batches:
    found.options["KIND"] = "ExcelReader"
    with filesystem.open(names[0], "rb") as file, pd.ExcelFile(file) as book:
        if len(book.sheet_names) > 1:
            first, *others = map(str, book.sheet_names)
            found.notes.append(
                f"Only its first sheet is read, '{first}', and not {', '.join(others)}: save the"
                " one that you mean as a file of its own."
            )
        # Only the first sheet, from its first row: titles above the header leave columns unnamed.
        header = pd.read_excel(book, header=None, nrows=1, dtype="str", keep_default_na=False)
        if not header.empty:
            check_names(header.iloc[0].fillna("").tolist())
        # Cells keep the types that they have: text such as 007 stays text.
        table = pd.read_excel(book, dtype="object", keep_default_na=False, na_values=[""])
        yield from _from_pandas(iter([table]), drop)


_READERS: dict[str, Callable[[Any, list[str], list[str], Found], Batches]] = {
    "CSV": _read_csv,
    "Parquet": _read_parquet,
    "JSON lines": _read_json,
    "Feather": _read_feather,
    "Excel": _read_excel,
}


def _read_sql(url: str, query: str, drop: list[str], found: Found) -> Batches:
    import sqlalchemy

    if not query:
        raise AdoptionError('A database needs a question: --query "SELECT … FROM …".', option=True)
    found.options |= {"KIND": "SQLReader", "url": "${oc.env:DATABASE_URL}"}
    found.options["query"] = query.replace("${", "\\${")  # what confs would take for theirs
    try:
        engine = sqlalchemy.create_engine(url)
        file = engine.url.database
        if engine.name == "sqlite" and file and not Path(file).is_file():
            raise AdoptionError(f"There is no file {file}.", option=True)
        with engine.connect().execution_options(stream_results=True) as connection:
            chunks = pd.read_sql_query(sqlalchemy.text(query), connection, chunksize=CHUNK_ROWS)
            yield from _from_pandas(chunks, drop)
    except (sqlalchemy.exc.SQLAlchemyError, pd.errors.DatabaseError) as error:
        raise AdoptionError(f"The database says: {_reason(error)}.") from error
    except ModuleNotFoundError as error:
        raise AdoptionError(
            "Reaching this database needs its driver: uv add --dev"
            f" '{DRIVERS.get(str(error.name), error.name)}'.",
            option=True,
        ) from error


def _from_pandas(chunks: Iterator[Any], drop: list[str]) -> Batches:
    """Turn parts whose types pandas found into parts of the types of the first."""
    first: pa.Schema | None = None
    for chunk in chunks:
        check_names([str(name) for name in chunk.columns])
        chunk = chunk.assign(**{name: None for name in drop if name in chunk})
        try:
            table = pa.Table.from_pandas(chunk, preserve_index=False)
        except (pa.ArrowException, TypeError) as error:
            column = error.args[-1] if len(error.args) > 1 else ""
            name = re.search(r"column (.+) with type", str(column))
            raise AdoptionError(
                f"The column '{name[1] if name else '?'}' is of mixed types:"
                f" {_reason(error)}. Mend it, or leave it out: --drop."
            ) from error
        if first is None:
            first = table.schema
        if set(first.names) ^ set(table.column_names):
            other = min(set(first.names) ^ set(table.column_names))
            raise AdoptionError(f"The column '{other}' is not in all rows: give it to all.")
        yield from table.select(first.names).combine_chunks().to_batches()


def _reason(error: BaseException) -> str:
    """Take the first line of what a library says, without its full stop."""
    lines = str(error.args[0] if error.args else error).strip().splitlines()
    return (lines[0] if lines else type(error).__name__).rstrip(" .:")

"""Keep a small table in the project as it is, and cut rows out of it in its own form."""

import csv
import io
import itertools
import json
from collections.abc import Iterable
from pathlib import Path, PurePosixPath
from typing import Any

import pyarrow as pa

from .sources import Found, Spool

SMALL_BYTES = 5 << 20
"""What git takes well; a larger table is read where it lies."""
SUFFIXES = {
    "CSVReader": ".csv",
    "ParquetReader": ".parquet",
    "FeatherReader": ".feather",
    "JSONLinesReader": ".jsonl",
    "ExcelReader": ".xlsx",
}
RESERVED = {"README", "adoption", "held-out", "inference", "training"}
"""What the files of the sample and of an adoption are called: an update would merge them."""


def name_copy(found: Found) -> str:
    """Name the copy of a table, or nothing where it stays where it is."""
    if len(found.files) != 1 or found.newest or found.filesystem.size(found.files[0]) > SMALL_BYTES:
        return ""
    name = PurePosixPath(found.files[0]).name
    return f"data/table-{name}" if name.partition(".")[0] in RESERVED else f"data/{name}"


def copy(found: Found, target: Path) -> None:
    """Copy the file of a table."""
    target.parent.mkdir(parents=True, exist_ok=True)
    found.filesystem.get_file(found.files[0], str(target))


def cut(cells: Spool, places: set[int], without: str, target: Path) -> bool:
    """Write some rows of a table in its form, each cell as it is there.

    Args:
        cells: the table, as it was read.
        places: of the rows, from 0 on.
        without: a column to leave out.
        target: where to write.

    Returns:
        Whether its rows could be told apart; if not, nothing is written.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    match cells.found.options["KIND"]:
        case "CSVReader":
            rows = _cut_csv(cells.found, places, without, target)
        case "JSONLinesReader":
            rows = _cut_json(cells.found, places, without, target)
        case "ExcelReader":
            rows = _cut_excel(cells.found, places, without, target)
        case kind:
            rows = _cut_arrow(cells, places, without, target, parquet=kind == "ParquetReader")
    if rows != cells.rows:
        target.unlink()
    return rows == cells.rows


def _cut_csv(found: Found, places: set[int], without: str, target: Path) -> int:
    options = found.options
    encoding, separator = options["encoding"], options["separator"]
    with (
        found.filesystem.open(found.files[0], "rb", compression="infer") as file,
        io.TextIOWrapper(file, encoding, newline="") as text,
        target.open("w", encoding=encoding, newline="") as output,
    ):
        output.writelines(itertools.islice(text, options.get("skip", 0)))
        writer = csv.writer(output, delimiter=separator, lineterminator="\n")
        rows = (row for row in csv.reader(text, delimiter=separator) if row)
        header = next(rows)
        header[0] = header[0].removeprefix("\ufeff")
        column = header.index(without)
        count = 0
        writer.writerow(header[:column] + header[column + 1 :])
        for count, row in enumerate(rows, 1):
            if count - 1 in places:
                writer.writerow(row[:column] + row[column + 1 :])
    return count


def _cut_json(found: Found, places: set[int], without: str, target: Path) -> int:
    count = 0
    with (
        found.filesystem.open(found.files[0], "rb", compression="infer") as file,
        target.open("w", encoding="utf-8") as output,
    ):
        for count, line in enumerate(filter(bytes.strip, file), 1):
            if count - 1 in places:
                row = json.loads(line)
                row.pop(without, None)
                output.write(f"{json.dumps(row, ensure_ascii=False)}\n")
    return count


def _cut_excel(found: Found, places: set[int], without: str, target: Path) -> int:
    import openpyxl

    count = 0
    with found.filesystem.open(found.files[0], "rb") as file:
        sheet = openpyxl.load_workbook(file, read_only=True, data_only=True).worksheets[0]
        book = openpyxl.Workbook(write_only=True)
        output = book.create_sheet(sheet.title)
        rows: Iterable[tuple[Any, ...]] = sheet.iter_rows(values_only=True)
        header, *rows = rows
        column = header.index(without)
        output.append(header[:column] + header[column + 1 :])
        for count, row in enumerate(rows, 1):
            if count - 1 in places:
                output.append(row[:column] + row[column + 1 :])
        book.save(target)
    return count


def _cut_arrow(cells: Spool, places: set[int], without: str, target: Path, *, parquet: bool) -> int:
    import pyarrow.feather
    import pyarrow.parquet

    start, parts, ordered = 0, [], sorted(places)
    for batch in cells.batches():
        stop = start + batch.num_rows
        here = [place - start for place in ordered if start <= place < stop]
        parts.append(batch.take(pa.array(here, pa.int64())))
        start = stop
    table = pa.Table.from_batches(parts).drop_columns([without])
    if parquet:
        pyarrow.parquet.write_table(table, target)
    else:
        pyarrow.feather.write_feather(table, str(target))
    return start

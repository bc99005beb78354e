"""Make the project one for other data: all is prepared first, and then put in place."""

import contextlib
import difflib
import hashlib
import importlib
import json
import re
import runpy
import shlex
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from . import leakage, texts
from .columns import KEY, Column, Recipe, Statistics, convert, guess, is_identifier, judge, show
from .errors import AdoptionError
from .sources import Spool, check_known, hide_secrets, spool
from .texts import Plan

MANIFEST = "data/adoption.json"
README = "README.md"
SECTION = re.compile(r"(?<=^## Data\n\n).*?(?=\n\n## )", re.MULTILINE | re.DOTALL)

TRAINING, TEST = 1, 2
PARTS = {TRAINING: "training", TEST: "test"}

MIN_ROWS = 50
MIN_LABEL_ROWS = 10
MIN_GROUPS = 8
MAX_LABELS = 100
FEW_VALUES = 10
"""A whole number of no more values is taken for a class."""
GROUP_ROWS = 65_536
"""How many rows a row group of a Parquet file has."""
SAMPLE_ROWS = 2_000
"""From more rows on, tests take a sample."""
DRAWN_ROWS = 20_000
"""From how many rows at most leaks are found and the profile is made."""
PROFILE_ROWS = 5_000
IGNORED_BYTES = 5 << 20
"""Larger data stays out of git."""


@dataclass
class Options:
    """What the command was given."""

    path: str
    target: str
    query: str = ""
    problem: str = ""
    time: str = ""
    index: str = ""
    group: str = ""
    drop: list[str] = field(default_factory=list)

    def check(self) -> None:
        """Find what no data could mend.

        Raises:
            AdoptionError: Two options contradict each other.
        """
        roles = [name for name in (self.target, self.time, self.index, self.group) if name]
        twice = [name for name in roles if roles.count(name) > 1 or name in self.drop]
        if twice:
            raise AdoptionError(
                f"'{twice[0]}' is asked for twice: a column has one use, or is dropped.",
                option=True,
            )
        if self.time and self.group:
            raise AdoptionError(
                "--time and --group split the rows in different ways: give one.", option=True
            )
        if self.problem not in ("", "regression", "classification"):
            raise AdoptionError(
                f"--problem is regression or classification, not {self.problem}.", option=True
            )

    def command(self) -> str:
        """Write the command that gives them, without a password."""
        parts = ["uv", "run", "inv", "data.adopt"]
        for name in ("path", "query", "target", "problem", "time", "index", "group"):
            if value := getattr(self, name):
                parts += [f"--{name}", hide_secrets(value)]
        if self.drop:
            parts += ["--drop", ",".join(self.drop)]
        return shlex.join(parts)


@dataclass
class Adoption:
    """All that is to be written."""

    plan: Plan
    folder: Path
    """Where the files are that wait to be put in place, by the same paths."""
    written: list[str]
    removed: list[str]

    def edited(self) -> list[str]:
        """List what would be overwritten or removed, and is not what was written there last."""
        known = read_manifest()
        return [
            path
            for path in [*self.written, *self.removed]
            if Path(path).is_file()
            and path != MANIFEST
            and not path.startswith("outputs/")
            and known.get(path) != digest(Path(path))
            and not (path in self.written and _same(Path(path), self.folder / path))
        ]

    def diff(self, path: str) -> str:
        """Show what would change in a file."""
        try:
            old = _comparable(Path(path)).splitlines(keepends=True)
            new = _comparable(self.folder / path) if path in self.written else ""
        except UnicodeDecodeError:
            return f"{path}: not text\n"
        lines = difflib.unified_diff(old, new.splitlines(keepends=True), path, path)
        return "".join(lines)

    def apply(self) -> None:
        """Put everything in place, or nothing."""
        kept = self.folder / "before"
        touched: list[str] = []
        try:
            for path in [*self.written, *self.removed]:
                place = Path(path)
                if place.exists():
                    kept.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
                    place.rename(kept / path)
                touched.append(path)
                if path in self.written:
                    place.parent.mkdir(parents=True, exist_ok=True)
                    self.folder.joinpath(path).rename(place)
        except BaseException:
            for path in touched:
                Path(path).unlink(missing_ok=True)
            for path in [*self.written, *self.removed]:
                if kept.joinpath(path).exists():
                    kept.joinpath(path).rename(path)
            raise


def read_manifest() -> dict[str, str]:
    """Read the digests of what was written last, by path."""
    path = Path(MANIFEST)
    if not path.is_file():
        return {}
    found: dict[str, str] = json.loads(path.read_text(encoding="utf-8"))["files"]
    return found


def digest(path: Path) -> str:
    """Digest a file, or of README.md what it says of the data; line ends do not count."""
    if path.suffix == ".parquet":
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    return hashlib.sha256(_comparable(path).encode()).hexdigest()


def _comparable(path: Path) -> str:
    text = path.read_text(encoding="utf-8")
    if path.name == README and (section := SECTION.search(text)) and path.parent.name != "data":
        return section[0]
    return text


def _same(path: Path, other: Path) -> bool:
    return digest(path) == digest(other)


@contextlib.contextmanager
def prepare(options: Options, package: str) -> Iterator[Adoption]:
    """Read the data, and write all files into a folder beside their places.

    Args:
        options: what the command was given.
        package: the name of the package.

    Yields:
        What waits to be applied; it is gone after the block.

    Raises:
        AdoptionError: The data will not do.
    """
    Path("outputs").mkdir(exist_ok=True)
    files = importlib.import_module(f"{package}.io.files")
    with tempfile.TemporaryDirectory(prefix=".adoption-", dir="outputs") as name:
        folder = Path(name)
        options.check()
        source = spool(options.path, options.query, options.drop, files, folder / "rows.arrow")
        columns = _read_columns(source, folder / "values.arrow")
        (folder / "rows.arrow").unlink()
        source = source._replace(path=folder / "values.arrow")
        plan = _plan(options, source, columns)
        frame = _write_data(plan, source, _split(plan, source, package), folder)
        plan.leaks += leakage.find(
            frame,
            plan.target.name,
            plan.problem,
            plan.time,
            [column for column in plan.inputs if column.name != plan.group],
        )
        _write_texts(plan, folder, package)
        _write_profile(plan, frame, folder)
        (folder / "values.arrow").unlink()
        written = sorted(
            path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()
        )
        manifest = {
            path: digest(folder / path) for path in written if not path.startswith("outputs/")
        }
        text = json.dumps({"files": manifest}, indent=2, ensure_ascii=False)
        (folder / MANIFEST).write_text(f"{text}\n", encoding="utf-8")
        removed = [path for path in read_manifest() if path not in written]
        yield Adoption(plan, folder, [*written, MANIFEST], removed)


def _read_columns(source: Spool, target: Path) -> list[Column]:
    """Give each column its type, and see what its values are."""
    recipes = guess(source)
    columns = [Column(name, recipes[name]) for name in source.names]
    seen = [Statistics(column) for column in columns]
    start = 0
    with contextlib.ExitStack() as stack:
        writer: Any = None
        for batch in source.batches():
            cells = [
                convert(batch.column(place), column, start) for place, column in enumerate(columns)
            ]
            for statistics, values in zip(seen, cells, strict=True):
                statistics.add(values)
            part = pa.record_batch(cells, names=source.names)
            if writer is None:
                writer = stack.enter_context(pa.ipc.new_file(target, part.schema))
            writer.write_batch(part)
            start += batch.num_rows
    for statistics in seen:
        statistics.close()
    return columns


def _plan(options: Options, source: Spool, columns: list[Column]) -> Plan:
    """Decide what each column is for."""
    for option in ("target", "time", "index", "group"):
        if name := getattr(options, option):
            check_known(f"--{option}", [name], source.names)
    by_name = {column.name: column for column in columns}
    target = by_name[options.target]
    roles = [options.target, options.time, options.index, options.group]
    named = [name for name in roles if name]
    judge(columns, source.rows, set(named))
    rows = source.rows - target.missing
    if target.missing == source.rows:
        raise AdoptionError(f"The target '{target.name}' is empty: there is nothing to learn.")
    if rows < MIN_ROWS:
        raise AdoptionError(
            f"There are {rows} rows with a target: {MIN_ROWS} are the least that can be split into"
            " rows to learn from and rows to be judged by."
        )
    _check_role(by_name, options.time, "time")
    _check_role(by_name, options.group, "group")
    index = _find_index(options, source, columns, named)
    inputs = [
        column
        for column in columns
        if not column.left_out and column is not target and column is not index
    ]
    if not [column for column in inputs if column.name != options.group]:
        raise AdoptionError(
            "No column is left to predict from: all are empty, constant or identifiers."
        )
    notes = list(source.notes)
    if target.missing:
        notes.append(f"{target.missing:,} rows without a target are left out.")
    notes += _conversions(columns)
    notes += _advice(options, inputs)
    kept = [column.name for column in (index, *inputs, target)]
    renamed = [
        f"`{show(name)}` is `{ours}`"
        for name, ours in texts.identifiers(kept).items()
        if name != ours
    ]
    if renamed:
        notes.append(f"In schemas.py, {', '.join(renamed)}.")
    problem, shares = _find_problem(options.problem, target, source, rows)
    return Plan(
        source=_source_name(options.path),
        problem=problem,
        target=target,
        index=index,
        inputs=inputs,
        left_out=[column for column in columns if column.left_out and column is not index],
        rows=rows,
        group=options.group,
        time=options.time,
        shares=shares,
        notes=notes,
        command=options.command(),
    )


def _source_name(path: str) -> str:
    if "://" in path:
        return hide_secrets(path)
    return Path(path).name


def _check_role(columns: dict[str, Column], name: str, role: str) -> None:
    if not name:
        return
    column = columns[name]
    if column.missing:
        raise AdoptionError(
            f"--{role}: '{name}' is missing in {column.missing:,} rows, which cannot be split."
        )
    if role == "time" and column.kind in ("text", "boolean"):
        raise AdoptionError(f"--time: '{name}' holds no dates or numbers that order the rows.")
    if role == "group" and column.values is not None and len(column.values) < MIN_GROUPS:
        raise AdoptionError(
            f"--group: '{name}' makes {len(column.values)} groups, and {MIN_GROUPS} are the least"
            " that can be split."
        )


def _advice(options: Options, inputs: list[Column]) -> list[str]:
    """Name the columns that may ask for another split."""
    if options.time or options.group:
        return []
    return [
        f"`{show(column.name)}` holds dates: to predict later rows than these, adopt with --time."
        for column in inputs
        if column.kind == "time"
    ] + [
        f"`{show(column.name)}` repeats: if such rows belong together, adopt with --group."
        for column in inputs
        if KEY.search(column.name) and column.kind in ("integer", "text") and not column.unique
    ]


def _conversions(columns: list[Column]) -> list[str]:
    """Say where the files of the project hold other values than the source."""
    notes = []
    for column in columns:
        detail = column.recipe.detail
        if column.left_out:
            continue
        if column.kind == "boolean" and detail not in ("", "true"):
            notes.append(f"`{show(column.name)}`: {detail} is true.")
        elif column.kind == "time" and detail not in ("", "ISO8601") and detail[:8] != "%Y-%m-%d":
            doubt = ""
            if detail.startswith(("%m/%d", "%m-%d")) and column.low.day <= 12 >= column.high.day:
                doubt = ", the month first"
            notes.append(f"`{show(column.name)}`: dates are read as {detail}{doubt}.")
        elif column.kind == "number" and detail == ",":
            notes.append(f"`{show(column.name)}`: the comma is the decimal sign.")
        if column.zoned:
            notes.append(f"`{show(column.name)}`: times are in UTC.")
    return notes


def _read(source: Spool, names: list[str]) -> pd.DataFrame:
    """Read some columns of all rows."""
    wanted = [source.names.index(name) for name in names]
    options = pa.ipc.IpcReadOptions(included_fields=wanted)
    with pa.ipc.open_file(source.path, options=options) as file:
        frame: pd.DataFrame = file.read_all().select(names).to_pandas()
    return frame


def _find_index(options: Options, source: Spool, columns: list[Column], named: list[str]) -> Column:
    """Take the column that identifies a row, or number the rows."""
    candidates = [
        column
        for column in columns
        if column.name == options.index
        or (not options.index and column.name not in named and is_identifier(column, source.rows))
    ]
    for column in candidates:
        if column.missing or not _read(source, [column.name])[column.name].is_unique:
            if options.index:
                raise AdoptionError(f"--index: '{column.name}' does not identify a row.")
            continue
        if column.kind not in ("integer", "text"):
            raise AdoptionError(f"--index: '{column.name}' must hold whole numbers or text.")
        column.left_out = ""
        return column
    name = next(name for name in ("id", "row", "row_id", "row_number") if name not in source.names)
    made = Column(name, Recipe("integer"), low=0, high=source.rows - 1)
    made.notes.append("the number of the row, as no column does: new rows need one too")
    return made


def _find_problem(
    wanted: str, target: Column, source: Spool, rows: int
) -> tuple[Any, dict[Any, float]]:
    """Say what kind of problem the target makes, and how frequent its labels are."""
    name = target.name
    values = target.values
    few = values is not None and len(values) <= FEW_VALUES and rows >= 10 * len(values)
    classes = target.kind in ("text", "boolean") or (target.kind == "integer" and few)
    problem = wanted or ("classification" if classes else "regression")
    if target.kind == "time" or (problem == "regression" and target.kind in ("text", "boolean")):
        held = {"time": "dates", "text": "text", "boolean": "true and false"}[target.kind]
        advice = "choose another" if target.kind == "time" else "--problem classification would do"
        raise AdoptionError(f"The target '{name}' holds {held}, which is no number: {advice}.")
    if values is not None and len(values) == 1:
        raise AdoptionError(
            f"The target '{name}' is always {values[0]!r}: there is nothing to learn."
        )
    if problem == "regression":
        return problem, {}
    if target.kind == "number":
        raise AdoptionError(
            f"The target '{name}' holds fractions, which are no classes: it is a regression."
        )
    if values is None or len(values) > MAX_LABELS:
        many = "more than a thousand" if values is None else f"{len(values):,}"
        raise AdoptionError(
            f"The target '{name}' has {many} values in {rows:,} rows: {MAX_LABELS} are the most"
            " for classes. Group them, or choose another target."
        )
    counts = _read(source, [name])[name].value_counts()
    if counts.min() < MIN_LABEL_ROWS:
        raise AdoptionError(
            f"The label {counts.index[-1]!r} of the target '{name}' has {_rows(counts.min())}, and"
            f" {MIN_LABEL_ROWS} are the least that can be split: merge it with another, or leave"
            " these rows out."
        )
    return problem, {value: float(counts[value] / rows) for value in values}


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"


def _split(plan: Plan, source: Spool, package: str) -> pd.DataFrame:
    """Decide where each row goes.

    Returns:
        A row for each of the source: its ``part``, ``training``, ``test`` or none, and whether the
        tests get it as a ``sample``.
    """
    splitters = importlib.import_module(f"{package}.core.splitters")
    errors = importlib.import_module(f"{package}.core.errors")
    names = [plan.target.name, *filter(None, [plan.time, plan.group])]
    frame = _read(source, names)
    known = np.flatnonzero(frame[plan.target.name].notna())
    frame = frame.iloc[known]
    fields = {key: value for key, value in plan.holdout.items() if key != "KIND"}
    splitter = getattr(splitters, plan.holdout["KIND"])(**fields)
    try:
        [(training, test)] = splitter.splits(frame, frame[plan.target.name])
    except errors.DataError as error:
        raise AdoptionError(str(error)) from error
    plan.training_rows, plan.test_rows = len(training), len(test)
    rows = pd.DataFrame({"part": np.zeros(source.rows, dtype=np.int8), "sample": False})
    for number, places, count in ((TRAINING, training, 800), (TEST, test, 200)):
        rows.iloc[known[places], 0] = number
        rows.iloc[known[places[_draw(plan, frame.iloc[places], count)]], 1] = True
    return rows


def _draw(plan: Plan, frame: pd.DataFrame, rows: int) -> "np.ndarray[Any, Any]":
    """Draw places of rows for the tests: some groups whole, and of each label enough."""
    generator = np.random.default_rng(0)
    places = generator.permutation(len(frame))
    if plan.group:
        groups = frame[plan.group]
        some = generator.permutation(groups.unique())[:100]
        places = places[groups.isin(some).to_numpy()[places]]
    chosen = [places[:rows]]
    for label in plan.labels:
        mine = (frame[plan.target.name] == label).to_numpy()[places]
        chosen.append(places[mine][: rows // 50])
    return np.unique(np.concatenate(chosen))


def _write_data(plan: Plan, source: Spool, rows: pd.DataFrame, folder: Path) -> pd.DataFrame:
    """Write the training and the test data, and samples of them for the tests.

    Returns:
        Some training rows.
    """
    names = [plan.index.name, *(column.name for column in plan.inputs), plan.target.name]
    generator = np.random.default_rng(0)
    share = min(1.0, DRAWN_ROWS / plan.training_rows)
    drawn: list[pa.RecordBatch] = []
    with contextlib.ExitStack() as stack:

        def open_(path: str) -> _ParquetWriter:
            return stack.enter_context(_ParquetWriter(folder / path))

        writers = {number: open_(f"data/{name}.parquet") for number, name in PARTS.items()}
        samples = {}
        if plan.rows > SAMPLE_ROWS:
            samples = {
                number: open_(f"tests/data/{name}.parquet") for number, name in PARTS.items()
            }
        start = 0
        for batch in source.batches():
            stop = start + batch.num_rows
            if plan.index.name not in batch.schema.names:
                numbers = pa.array(np.arange(start, stop, dtype=np.int64))
                batch = batch.append_column(plan.index.name, numbers)
            batch = batch.select(names)
            here = rows.iloc[start:stop]
            for number in PARTS:
                mine = here["part"].to_numpy() == number
                part = batch.filter(pa.array(mine))
                writers[number].write(part)
                if samples:
                    samples[number].write(batch.filter(pa.array(mine & here["sample"].to_numpy())))
                if number == TRAINING:
                    drawn.append(part.filter(pa.array(generator.random(len(part)) < share)))
            start = stop
    size = sum(path.stat().st_size for path in (folder / "data").iterdir())
    if size > IGNORED_BYTES:
        (folder / "data" / ".gitignore").write_text(
            "# Too large for git: adopt them again where they are missing (README.md).\n"
            "/*.parquet\n",
            encoding="utf-8",
        )
    frame: pd.DataFrame = pa.Table.from_batches(drawn).to_pandas()
    return frame


class _ParquetWriter:
    """A Parquet file whose row groups are as large as readers like them, whatever parts come."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        self._path = path
        self._writer: Any = None
        self._waiting: list[pa.RecordBatch] = []
        self._rows = 0

    def __enter__(self) -> "_ParquetWriter":
        return self

    def write(self, part: pa.RecordBatch) -> None:
        """Take the next rows."""
        self._waiting.append(part)
        self._rows += part.num_rows
        if self._rows >= GROUP_ROWS:
            self._flush()

    def _flush(self) -> None:
        table = pa.Table.from_batches(self._waiting)
        if self._writer is None:
            texts = [column.name for column in table.schema if pa.types.is_string(column.type)]
            self._writer = pq.ParquetWriter(self._path, table.schema, use_dictionary=texts)
        self._writer.write_table(table)
        self._waiting, self._rows = [], 0

    def __exit__(self, *_: object) -> None:
        if self._waiting:
            self._flush()
        self._writer.close()


def _write_texts(plan: Plan, folder: Path, package: str) -> None:
    """Write the schemas, formatted, the confs and the descriptions, and try the schemas."""
    schemas = f"src/{package}/core/schemas.py"
    contents = {
        schemas: _format(texts.write_schemas(plan), schemas),
        **texts.write_confs(plan),
        "data/README.md": texts.write_readme(plan),
    }
    readme = Path(README)
    if readme.is_file() and SECTION.search(text := readme.read_text(encoding="utf-8")):
        contents[README] = SECTION.sub(lambda _: texts.write_section(plan), text)
    for path, text in contents.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
    _check_schemas(folder, schemas, package)


def _format(text: str, path: str) -> str:
    """Format a module as the project does, and let foreign letters pass for what they are."""
    ruff = [sys.executable, "-m", "ruff"]
    stdin = f"--stdin-filename={path}"
    shaped = subprocess.run(
        [*ruff, "format", stdin, "-"], input=text, capture_output=True, encoding="utf-8", check=True
    ).stdout
    looks = [*ruff, "check", "--quiet", "--select=RUF001,RUF002,RUF003", "--output-format=concise"]
    said = subprocess.run(
        [*looks, stdin, "-"], input=shaped, capture_output=True, encoding="utf-8", check=False
    ).stdout
    codes = sorted(set(re.findall(r"RUF00[123]", said)))
    return f"# ruff: noqa: {', '.join(codes)}\n{shaped}" if codes else shaped


def _check_schemas(folder: Path, schemas: str, package: str) -> None:
    """Hold rows to the schemas, as the jobs will; what all rows hold was seen before."""
    module = runpy.run_path(str(folder / schemas))  # unlike an import, it leaves no bytecode
    datasets = importlib.import_module(f"{package}.io.datasets")
    errors = importlib.import_module(f"{package}.core.errors")
    for name in ("training", "test"):
        path = str(folder / "data" / f"{name}.parquet")
        reader = datasets.ParquetReader(path=path, limit=GROUP_ROWS)
        for schema in (module["Inputs"], module["Targets"]):
            try:
                reader.read(schema)
            except errors.DataError as error:
                raise AdoptionError(
                    f"The rows do not keep to what was seen of them: {error}"
                ) from error


def _write_profile(plan: Plan, frame: pd.DataFrame, folder: Path) -> None:
    """Write a page that shows each column."""
    from skrub import TableReport

    if len(frame) > PROFILE_ROWS:
        frame = frame.sample(PROFILE_ROWS, random_state=0).sort_index()
    report = TableReport(frame, title=f"{plan.source}: {_rows(len(frame))} to train on", verbose=0)
    (folder / "outputs").mkdir()
    (folder / "outputs" / "profile.html").write_text(report.html(), encoding="utf-8")

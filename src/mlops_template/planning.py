"""Decide what each column is for, and refuse what cannot be learned from."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from . import formats
from .columns import KEY, Column, Recipe, is_identifier, judge, show
from .errors import AdoptionError
from .files import hide_secrets
from .plan import Plan
from .project import show as show_command
from .schemas import identifiers
from .sources import Given, Spool

MIN_ROWS = 50
MIN_LABEL_ROWS = 10
MIN_GROUPS = 8
MAX_LABELS = 100
FEW_VALUES = 10
"""A whole number of no more values is taken for a class."""


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
    reader: str = ""
    text: list[str] = field(default_factory=list)

    @property
    def given(self) -> Given:
        """What people know better than a look at the table tells.

        Raises:
            AdoptionError: `reader` holds no options of a reader.
        """
        try:
            is_file = Path(self.reader).suffix in (".yaml", ".yml")
            text = Path(self.reader).read_text("utf-8") if is_file else self.reader
            conf = yaml.safe_load(text) or {}
        except (OSError, UnicodeDecodeError, yaml.YAMLError) as error:
            raise AdoptionError(f"--reader cannot be read: {error}.", option=True) from error
        for part, table in (("data", "training"), ("job", "inputs")):
            if isinstance(conf, dict) and isinstance(conf.get(part), dict):
                conf = conf[part].get(table, {})
        if not isinstance(conf, dict):
            raise AdoptionError("--reader is YAML, as '{separator: \";\"}'.", option=True)
        return Given(formats.check(conf), self.text)

    @property
    def roles(self) -> dict[str, str]:
        """The columns that get a part, by the options that give it."""
        named = {option: getattr(self, option) for option in ("target", "time", "index", "group")}
        return {f"--{option}": name for option, name in named.items() if name}

    def check(self) -> None:
        """Find what no data could mend.

        Raises:
            AdoptionError: Two options contradict each other.
        """
        for option, value in (("--path", self.path), ("--target", self.target)):
            if not value:
                raise AdoptionError(f"{option} is empty: name what you mean.", option=True)
        named = list(self.roles.values())
        twice = [name for name in named if named.count(name) > 1 or name in self.drop]
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
        return show_command(["uv", "run", "inv", "data.adopt", *list_options(self)])


def list_options(options: Options) -> list[str]:
    """List options as a command line gives them."""
    listed = []
    for name in ("path", "query", "target", "problem", "time", "index", "group"):
        if value := getattr(options, name):
            listed += [f"--{name}", value]
    if given := options.given.reader:
        text = yaml.safe_dump(given, default_flow_style=True, allow_unicode=True, width=math.inf)
        listed += ["--reader", text.strip()]
    for option, names in (("--text", options.text), ("--drop", options.drop)):
        if names:
            quoted = (f'"{name}"' if "," in name else name for name in names)
            listed += [option, ",".join(quoted)]
    return listed


def decide(options: Options, source: Spool, columns: list[Column]) -> Plan:
    """Decide what each column is for."""
    by_name = {column.name: column for column in columns}
    target = by_name[options.target]
    named = list(options.roles.values())
    rows = source.rows - target.missing
    judge(columns, rows, set(named))
    if target.missing == source.rows:
        raise AdoptionError(f"The target '{target.name}' is empty: there is nothing to learn.")
    if rows < MIN_ROWS:
        raise AdoptionError(
            f"There are {rows} rows with a target: {MIN_ROWS} are the least that can be split into"
            " rows to learn from and rows to be judged by."
        )
    _check_role(by_name, options.time, "time")
    _check_role(by_name, options.group, "group")
    index = _find_index(options, source, columns, rows)
    inputs = [
        column
        for column in columns
        if not column.left_out and column is not target and column is not index
    ]
    if not [column for column in inputs if column.name != options.group]:
        raise AdoptionError(
            "No column is left to predict from: all are empty, constant or identifiers."
        )
    notes = list(source.found.notes)
    if target.missing:
        notes.append(f"{target.missing:,} rows without a target are left out.")
    notes += _conversions(columns)
    notes += _advice(options, inputs)
    kept = [column.name for column in (index, *inputs, target)]
    renamed = [
        f"`{show(name)}` is `{ours}`" for name, ours in identifiers(kept).items() if name != ours
    ]
    if renamed:
        more = f" and {len(renamed) - 10} more" if len(renamed) > 10 else ""
        notes.append(f"In schemas.py, {', '.join(renamed[:10])}{more}.")
    problem, shares = _find_problem(options.problem, target, source, rows)
    if not options.problem and shares and target.kind == "integer" and len(shares) > 2:
        notes.append(
            f"`{show(target.name)}` has {len(shares)} whole numbers, taken for classes: if they"
            " measure something, adopt with --problem regression."
        )
    if len({str(label).strip().casefold() for label in shares}) < len(shares):
        notes.append(f"Labels of `{show(target.name)}` differ by spaces or capitals only.")
    return Plan(
        source=_source_name(options.path),
        problem=problem,
        target=target,
        index=index,
        inputs=inputs,
        left_out=[column for column in columns if column.left_out and column is not index],
        rows=rows,
        table=options.path if source.found.files else "",
        sample=source.found.newest or (options.path if source.found.files else ""),
        grows=bool(source.found.newest),
        group=options.group,
        time=options.time,
        shares=shares,
        notes=notes,
        reader=_read_again(source, index, inputs, target),
        command=options.command(),
    )


def _read_again(
    source: Spool, index: Column, inputs: list[Column], target: Column
) -> dict[str, Any]:
    """Say how the jobs read tables of the source's form."""
    reader = dict(source.found.options)
    columns = {
        column.name: form for column in (index, *inputs, target) if (form := column.format())
    }
    if columns:
        reader["columns"] = columns
    if index.name not in source.names:
        reader["named_by"] = [column.name for column in inputs]
    return reader


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
                doubt = ", the month first, and the day would do as well (--reader)"
            notes.append(f"`{show(column.name)}`: dates are read as {detail}{doubt}.")
        elif detail == "figures":
            notes.append(
                f"`{show(column.name)}` is text: how numbers are written, --reader can say."
            )
        elif column.kind in ("integer", "number") and column.recipe.form:
            notes.append(f"`{show(column.name)}`: {_say_number(column.recipe.form)}.")
        elif detail == "codes" and column.na_codes:
            notes.append(
                f"`{show(column.name)}`: NA is a code in {column.na_codes:,} cells, not missing."
            )
        if column.zoned or (column.kind == "time" and detail == "ISO8601"):
            notes.append(f"`{show(column.name)}`: times are in UTC.")
    return notes


def _say_number(number: dict[str, str]) -> str:
    """Say how numbers are written."""
    signs = {".": "the point", ",": "the comma", "'": "the apostrophe", " ": "the space"}
    said = []
    if number.get("decimal") == ",":
        said.append("the comma is the decimal sign")
    if thousands := number.get("thousands"):
        said.append(f"{signs[thousands]} separates thousands")
    if unit := number.get("unit"):
        said.append(f"{unit} is left away")
    return ", ".join(said) or "numbers in brackets, or behind a long dash, are negative"


def _find_index(options: Options, source: Spool, columns: list[Column], rows: int) -> Column:
    """Take the column that identifies a row, or make one of what the rows hold."""
    named = list(options.roles.values())
    candidates = [
        column
        # A number without a name of its own is the last to go by.
        for column in sorted(columns, key=lambda column: column.name == "row")
        if column.name == options.index
        or (not options.index and column.name not in named and is_identifier(column, rows))
    ]
    for column in candidates:
        if column.missing or not source.read([column.name])[column.name].is_unique:
            if options.index:
                raise AdoptionError(f"--index: '{column.name}' does not identify a row.")
            continue
        if column.kind not in ("integer", "text"):
            hint = " To hold out the latest rows, give --time." if column.kind == "time" else ""
            raise AdoptionError(f"--index: '{column.name}' must hold whole numbers or text.{hint}")
        column.left_out = ""
        return column
    name = next(name for name in ("id", "row", "row_id", "row_number") if name not in source.names)
    made = Column(name, Recipe("text"))
    made.notes.append("made of what the row holds, as no column does")
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
    if target.recipe.detail == "figures" and not wanted:
        raise AdoptionError(
            f"The target '{name}' is text that looks like numbers: write them plainly, as 1234.56,"
            " or, if they are classes, give --problem classification."
        )
    if values is None or len(values) > MAX_LABELS:
        many = "more than a thousand" if values is None else f"{len(values):,}"
        raise AdoptionError(
            f"The target '{name}' has {many} values in {rows:,} rows: {MAX_LABELS} are the most"
            " for classes. Group them, or choose another target."
        )
    counts = source.read([name])[name].value_counts()
    if counts.min() < MIN_LABEL_ROWS:
        raise AdoptionError(
            f"The label {counts.index[-1]!r} of the target '{name}' has {_rows(counts.min())}, and"
            f" {MIN_LABEL_ROWS} are the least that can be split: merge it with another, or leave"
            " these rows out."
        )
    return problem, {value: float(counts[value] / rows) for value in values}


def _rows(number: int) -> str:
    return f"{number:,} row{'' if number == 1 else 's'}"

"""What each column of a table is: its type, its values, and whether a model should see it."""

from __future__ import annotations

import contextlib
import re
import textwrap
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from .errors import AdoptionError
from .sources import BLANKS, MISSING, Spool

SAMPLE_ROWS = 20_000
"""How many rows types are guessed from; all rows are then held to the guess."""
MANY = 1_000
"""Of so many values or more it is not told which."""
MOSTLY = 0.9
"""From this share on, a column of one type with other values in it is a mistake."""

TRUTHS = [("true", "false"), ("yes", "no"), ("y", "n"), ("t", "f"), ("on", "off")]
DATES = [
    *(
        f"{date}{time}"
        for date in ("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y")
        for time in ("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M:%S.%f")
    ),
    *("%d-%m-%Y", "%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%m/%d/%y", "%d/%m/%y", "%b %Y", "%B %Y"),
]
KEY = re.compile(
    r"(?i:(^|[_\s-])(id|ids|key|uuid|guid|index|idx|instant|rownames?|row|no|nr)$)|[a-z]I[dD]$"
)

Kind = Literal["integer", "number", "boolean", "time", "text"]


class Recipe(NamedTuple):
    """How the text of a column becomes values."""

    kind: Kind
    detail: str = ""
    """The format of a time, the word for true, the decimal sign; of text, whether it is prose,
    figures that are no plain numbers, or codes of two letters, among which NA is one."""


@dataclass
class Column:
    """A column and what was seen in it."""

    name: str
    recipe: Recipe
    missing: int = 0
    low: Any = None
    high: Any = None
    values: list[Any] | None = None
    """All values, where they are few."""
    unique: bool = False
    """Whether no value was seen to come twice."""
    zoned: bool = False
    left_out: str = ""
    """Why no schema has it, if so."""
    notes: list[str] = field(default_factory=list)
    words: set[str] = field(default_factory=set)
    """What stood for a missing text."""
    typed: bool = False
    """Whether its texts are so by the source's own word."""

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return self.recipe.kind

    def format(self) -> dict[str, Any]:
        """Say how its cells are written in the source, where it is not as schemas say."""
        detail = self.recipe.detail
        if self.kind == "text":
            return {"missing": sorted(self.words)} if self.words else {}
        if self.kind == "boolean" and detail not in ("", "true"):
            return {"words": next([yes, no] for yes, no in TRUTHS if yes == detail)}
        if self.zoned:
            return {"time": "ISO8601"}
        if self.kind == "time" and detail and not detail.startswith("%Y-%m-%d"):
            return {"time": detail}
        return {"decimal": ","} if detail == "," else {}


class FractionError(Exception):
    """A column that looked like whole numbers has others too.

    Args:
        column: which.
    """

    def __init__(self, column: Column) -> None:
        super().__init__(column.name)
        self.column = column


def sample(spool: Spool, rows: int = SAMPLE_ROWS) -> pd.DataFrame:
    """Draw rows evenly from a whole table, in their order."""
    generator = np.random.default_rng(0)
    share = min(1.0, rows / spool.rows)
    parts = []
    for batch in spool.batches():
        taken = np.flatnonzero(generator.random(batch.num_rows) < share)
        parts.append(batch.take(pa.array(taken)))
    frame: pd.DataFrame = pa.Table.from_batches(parts).to_pandas()
    return frame


def guess(spool: Spool, target: str) -> dict[str, Recipe]:
    """Guess from a sample what each column is.

    Args:
        spool: the table.
        target: the column to predict; if it holds two words, as yes and no, these are its labels.

    Raises:
        AdoptionError: A column holds values of several types, or of one that no model knows.
    """
    rows = sample(spool)
    kinds = next(spool.batches()).schema
    recipes = {}
    for name in spool.names:
        kind = kinds.field(name).type
        if pa.types.is_string(kind):
            recipes[name] = _guess_text(
                rows[name], typed=name not in spool.untyped, are_labels=name == target
            )
        elif pa.types.is_boolean(kind):
            recipes[name] = Recipe("boolean")
        elif pa.types.is_integer(kind):
            recipes[name] = Recipe("integer")
        elif pa.types.is_floating(kind):
            given = rows[name].dropna()
            recipes[name] = Recipe("integer" if _are_whole(given) else "number")
        elif pa.types.is_timestamp(kind):
            recipes[name] = Recipe("time")
        else:
            raise AdoptionError(
                f"The column '{name}' is of the type {kind}, which no model knows: change it, or"
                f" leave it out: --drop '{name}'."
            )
    return recipes


def _guess_text(cells: pd.Series[Any], *, typed: bool, are_labels: bool = False) -> Recipe:
    values = cells.dropna().str.strip()
    values = values[~values.isin(BLANKS)]
    if values.empty:
        return Recipe("text")
    distinct = pd.Series(values.unique())
    words = {word.lower() for word in distinct[:10]}
    for yes, no in TRUTHS:
        if words == {yes, no} and len(distinct) <= 6:
            own = are_labels and yes != "true" and len(distinct) == 2
            return Recipe("text") if own else Recipe("boolean", yes)
    if not typed and (recipe := _guess_number(distinct)):
        return recipe
    if (recipe := _guess_time(distinct)) is not None:
        return recipe
    numbers = distinct.str.fullmatch(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?")
    share = numbers.mean()
    if MOSTLY <= share < 1 and not typed and not distinct.str.match(r"0\d").any():
        odd = distinct[~numbers].iloc[0]
        row = cells[cells.str.strip() == odd].index[0]
        raise AdoptionError(
            f"The column '{cells.name}' is of mixed types: {min(share, 0.99):.0%} of its values are"
            f" numbers, and others are not, such as {odd[:40]!r} near row {row + 1:,}. Mend it, or"
            f" leave it out: --drop '{cells.name}'."
        )
    if len(distinct) > 2 and distinct.str.fullmatch("[A-Z]{2}").all():
        return Recipe("text", "codes")
    plain = distinct.str.replace(r"[\s$€£¥%.,'+-]", "", regex=True)
    are_codes = distinct.str.match(r"0\d").any()
    if plain.str.fullmatch(r"\d+").all() and (plain != distinct).any() and not are_codes:
        return Recipe("text", "figures")
    return Recipe("text", "prose" if distinct.str.count(" ").mean() >= 1 else "")


def _guess_number(values: pd.Series[Any]) -> Recipe | None:
    """Take text for numbers where all of it is, and none is a code such as 007."""
    if values.str.match(r"[+-]?0\d").any():
        return None
    if values.str.fullmatch(r"[+-]?\d+").all():
        return Recipe("integer") if values.str.len().max() <= 18 else None
    if values.str.fullmatch(r"[+-]?\d*,\d+|[+-]?\d+").all():
        commas = values[values.str.contains(",")]
        if not commas.str.fullmatch(r"[+-]?\d{1,3},\d{3}").all():
            return Recipe("number", ",")
        return None
    numbers = pd.to_numeric(values, errors="coerce")
    if numbers.isna().any():
        return None
    return Recipe("integer" if _are_whole(numbers) else "number", ".")


def _guess_time(values: pd.Series[Any]) -> Recipe | None:
    if values.str.len().max() > 40 or not values.str.contains(r"\d").all():
        return None
    some = values.sample(min(len(values), 1_000), random_state=0)
    for form in DATES:
        # The first few refuse most formats without a look at the others.
        if all(
            pd.to_datetime(part, format=form, errors="coerce").notna().all()
            for part in (some.iloc[:5], some)
        ):
            return Recipe("time", form)
    if not values.str.match(r"\d{4}-\d\d-\d\d").all():
        return None
    times = pd.to_datetime(some, format="ISO8601", errors="coerce", utc=True)
    return Recipe("time", "ISO8601") if times.notna().all() else None


def _are_whole(values: pd.Series[Any]) -> bool:
    return bool(len(values) and ((values % 1 == 0) & (values.abs() < 2**53)).all())


def convert(cells: pa.Array, column: Column, start: int) -> pa.Array:
    """Make values of a part of a column.

    Args:
        cells: as they were read.
        column: what they should be.
        start: the number of the first one's row, for an error.

    Raises:
        AdoptionError: A cell is not what the sample led to believe.
    """
    kind = column.kind
    if pa.types.is_string(cells.type):
        trimmed = pc.utf8_trim_whitespace(cells)
        blanks = MISSING if kind == "text" else BLANKS
        if kind == "text" and column.recipe.detail == "codes":
            blanks = [blank for blank in MISSING if blank != "NA"]
        if kind == "text" and column.typed:
            blanks = []  # such a source has missing values of its own
        # Spaces belong to a text: whoever predicts with it will have them too.
        texts = cells if kind == "text" else trimmed
        # To look each cell up takes long, and longer ones than the longest blank are none.
        longest = max(map(len, blanks), default=-1)
        if pc.any(pc.less_equal(pc.binary_length(trimmed), longest)).as_py():
            blank = pc.is_in(trimmed, pa.array(blanks))
            if kind == "text":
                column.words |= set(pc.unique(trimmed.filter(blank)).to_pylist()) - {"", None}
            texts = pc.if_else(blank, pa.scalar(None, pa.string()), texts)
        converted = _PARSERS[kind](texts, column.recipe.detail)
        given = texts
    else:
        converted, given = _narrow(cells, column), cells
    wrong = pc.and_(pc.is_null(converted), pc.is_valid(given))
    if pc.any(wrong).as_py():
        place = pc.index(wrong, True).as_py()
        if kind == "integer" and _is_fraction(given[place].as_py()):
            raise FractionError(column)
        raise AdoptionError(
            f"The column '{column.name}' is of mixed types: it looks like {_A[kind]}, and row"
            f" {start + place + 1:,} holds {given[place].as_py()!r}. Mend it, or leave it out:"
            f" --drop '{column.name}'."
        )
    if kind == "number" and pc.any(pc.is_inf(converted)).as_py():
        raise AdoptionError(
            f"The column '{column.name}' holds an infinite number near row {start + 1:,}: mend it,"
            f" or leave it out: --drop '{column.name}'."
        )
    return converted


def _is_fraction(cell: Any) -> bool:
    try:
        return float(cell) % 1 != 0
    except ValueError:
        return False


_A = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "true and false",
    "time": "dates",
    "text": "text",
}


def _parse_number(texts: pa.Array, sign: str) -> pa.Array:
    if sign == ",":
        texts = pc.replace_substring(texts, ",", ".")
    try:
        return pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        # Slower, and tells which one it is.
        return pa.array(pd.to_numeric(texts.to_pandas(), errors="coerce"), from_pandas=True)


def _parse_integer(texts: pa.Array, sign: str) -> pa.Array:
    if not sign:
        try:
            return pc.cast(texts, pa.int64())
        except pa.ArrowInvalid:
            pass
    return _whole(_parse_number(texts, "."))


def _whole(numbers: pa.Array) -> pa.Array:
    """Make whole numbers of floats, and nothing of what is none."""
    whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 2.0**53))
    return pc.if_else(whole, numbers, pa.scalar(None, pa.float64())).cast(pa.int64())


def _parse_boolean(texts: pa.Array, yes: str) -> pa.Array:
    [no] = [no for word, no in TRUTHS if word == yes]
    small = pc.utf8_lower(texts)
    known = pc.is_in(small, pa.array([yes, no]))
    return pc.if_else(known, pc.equal(small, yes), pa.scalar(None, pa.bool_()))


def _parse_time(texts: pa.Array, form: str) -> pa.Array:
    if form.startswith("%Y-%m-%d"):
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.cast(texts, pa.timestamp("us"))
    coded = texts.dictionary_encode()
    values = pd.Series(coded.dictionary.to_pandas(), dtype="str")
    times = pd.to_datetime(values, format=form, errors="coerce", utc=form == "ISO8601")
    if times.dt.tz is not None:
        times = times.dt.tz_localize(None)
    return pa.array(times.astype("datetime64[us]"), from_pandas=True).take(coded.indices)


_PARSERS: dict[Kind, Callable[[pa.Array, str], pa.Array]] = {
    "integer": _parse_integer,
    "number": _parse_number,
    "boolean": _parse_boolean,
    "time": _parse_time,
    "text": lambda texts, _: texts,
}


def _narrow(cells: pa.Array, column: Column) -> pa.Array:
    """Bring values that have a type to the one that schemas know for it."""
    if column.kind == "integer":
        if pa.types.is_floating(cells.type):
            cells = pc.if_else(pc.is_nan(cells), pa.scalar(None, pa.float64()), cells)
            return _whole(cells)
        return cells.cast(pa.int64())
    if column.kind == "number" and pc.any(pc.is_nan(cells)).as_py():
        return pc.if_else(pc.is_nan(cells), pa.scalar(None, pa.float64()), cells)
    if column.kind == "time":
        column.zoned = cells.type.tz is not None
        return cells.cast(pa.timestamp("us"))
    return cells


class Statistics:
    """What all values of a column have in common, found part by part."""

    def __init__(self, column: Column) -> None:
        self.column = column
        self._values: set[Any] = set()
        self._repeats = False

    def add(self, cells: pa.Array) -> None:
        """Take the next values into account."""
        column = self.column
        column.missing += cells.null_count
        if column.kind in ("integer", "number", "time"):
            ends = pc.min_max(cells)
            for end, choose in (("min", min), ("max", max)):
                value = ends[end].as_py()
                if value is not None:
                    name = "low" if end == "min" else "high"
                    known = getattr(column, name)
                    setattr(column, name, value if known is None else choose(known, value))
        if column.kind in ("integer", "text", "boolean"):
            if self._repeats and len(self._values) > MANY:
                return
            found = pc.unique(cells)
            self._repeats = self._repeats or len(found) < len(cells)
            if len(self._values) <= MANY:
                self._values.update(found.drop_null().to_pylist())

    def close(self) -> None:
        """Write into the column what was found."""
        column = self.column
        column.unique = column.kind in ("integer", "text") and not self._repeats
        if column.kind in ("number", "time"):
            column.values = [column.low] if column.low == column.high else None
        else:
            column.values = sorted(self._values) if len(self._values) <= MANY else None


def read_columns(source: Spool, target: str, path: Path) -> list[Column]:
    """Give each column its type, and see what its values are.

    Args:
        source: the table, which may still be text.
        target: the column to predict.
        path: where to write the table with its types.
    """
    recipes = guess(source, target)
    while True:
        try:
            return _read_columns(source, recipes, path)
        except FractionError as error:
            # The sample had none, which says little of a large table.
            recipes[error.column.name] = error.column.recipe._replace(kind="number")


def _read_columns(source: Spool, recipes: dict[str, Recipe], path: Path) -> list[Column]:
    columns = [
        Column(name, recipes[name], typed=name not in source.untyped) for name in source.names
    ]
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
                writer = stack.enter_context(pa.ipc.new_file(path, part.schema))
            writer.write_batch(part)
            start += batch.num_rows
    for statistics in seen:
        statistics.close()
    return columns


def judge(columns: Iterable[Column], rows: int, keep: set[str]) -> None:
    """Say which columns teach a model nothing, and why.

    Args:
        columns: with what was seen in them; this writes `left_out`.
        rows: how many there are.
        keep: the names that an option gives a part to.
    """
    for column in columns:
        if column.missing == rows:
            column.left_out = "it is empty"
        elif column.name in keep:
            continue
        elif column.values is not None and len(column.values) == 1 and not column.missing:
            column.left_out = f"it is constant: {show(column.values[0])}"
        elif is_identifier(column, rows):
            column.left_out = "it identifies a row"


def show(value: Any) -> str:
    """Write a value on one line, and not at length."""
    text = str(value)
    return textwrap.shorten(text, 60) if text.isprintable() else repr(text)[:60]


def is_identifier(column: Column, rows: int) -> bool:
    """Say whether a column only tells rows apart."""
    if not column.unique:
        return False
    if column.kind == "integer":
        return bool(KEY.search(column.name) or column.high - column.low == rows - 1)
    return column.kind == "text" and column.recipe.detail not in ("prose", "figures")


def describe(column: Column, rows: int) -> str:
    """Say in a few words what was seen in a column."""
    seen = ""
    if column.kind in ("integer", "number"):
        seen = f"{column.low:.6g} to {column.high:.6g}"
    elif column.kind == "time":
        seen = f"{column.low:%Y-%m-%d} to {column.high:%Y-%m-%d}"
    elif column.kind == "text":
        seen = f"{len(column.values)} values" if column.values else "many values"
    missing = f"{column.missing / rows:.1%} missing" if column.missing else ""
    return ", ".join(part for part in (seen, missing) if part)

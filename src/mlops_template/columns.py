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
from .sources import BLANKS, MISSING, Spool, drop_option

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
        for date in (
            *("%Y-%m-%d", "%Y/%m/%d", "%m/%d/%Y", "%d/%m/%Y", "%d.%m.%Y", "%m-%d-%Y", "%d-%m-%Y"),
        )
        for time in (
            *("", " %H:%M", " %H:%M:%S", " %H:%M:%S.%f", "T%H:%M:%S", "T%H:%M:%S.%f"),
            *(" %I:%M %p", " %I:%M:%S %p"),
        )
    ),
    *("%b %d %Y", "%b %d, %Y", "%B %d, %Y", "%d %b %Y", "%d %B %Y", "%d-%b-%Y"),
    *("%d-%b-%y", "%m/%d/%y", "%d/%m/%y", "%d.%m.%y", "%d.%m.%y %H:%M", "%b %Y", "%B %Y"),
]
DAYS = "%Y%m%d"
"""Dates that are written as whole numbers."""
UNITS = "€$£¥₹%‰"
DECIDES = {
    # By what stands behind it, before it or with it, a sign can be no other than the decimal one.
    point: re.compile(
        rf"[+-]?(\d{{1,3}}(\{other}\d{{3}})+\{point}\d+|\d*\{point}(\d{{1,2}}|\d{{4,}})"
        rf"|0\{point}\d+|\d{{4,}}\{point}\d+)"
    )
    for point, other in (".,", ",.")
}
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
    form: dict[str, Any] | None = None
    """How the cells are written, as a reader's conf says it, where it was given or is not plain."""


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
    na_codes: int = 0
    """In how many cells NA is a code."""
    typed: bool = False
    """Whether its texts are so by the source's own word."""

    @property
    def kind(self) -> Kind:
        """What its values are."""
        return self.recipe.kind

    def format(self) -> dict[str, Any]:
        """Say how its cells are written in the source, where it is not as schemas say."""
        detail = self.recipe.detail
        if self.recipe.form:
            return dict(self.recipe.form)
        if self.kind == "text":
            return {"missing": sorted(self.words)} if self.words else {}
        if self.kind == "boolean" and detail not in ("", "true"):
            return {"words": next([yes, no] for yes, no in TRUTHS if yes == detail)}
        if self.zoned:
            return {"time": "ISO8601"}
        if self.kind == "time" and detail and not detail.startswith("%Y-%m-%d"):
            return {"time": detail}
        return {}


class OtherKindError(Exception):
    """A column is not what its first rows led to believe.

    Args:
        name: of the column.
        recipe: what it is.
    """

    def __init__(self, name: str, recipe: Recipe) -> None:
        super().__init__(name)
        self.name, self.recipe = name, recipe


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
    """Guess from a sample what each column is; what one decides of a file decides for the others.

    Args:
        spool: the table.
        target: the column to predict; if it holds two words, as yes and no, these are its labels.

    Raises:
        AdoptionError: A column holds values of several types, or of one that no model knows.
    """
    rows = sample(spool)
    kinds = next(spool.batches()).schema
    texts = [name for name in spool.names if pa.types.is_string(kinds.field(name).type)]
    decimal = find_decimal(_distinct(rows[name]) for name in texts if name in spool.untyped)
    recipes = {}
    said = spool.found.given
    for name in spool.names:
        kind = kinds.field(name).type
        if name in said.text:
            recipes[name] = Recipe("text")
        elif form := said.columns.get(name):
            recipes[name] = _follow(form, rows[name])
        elif name in texts:
            recipes[name] = _guess_text(
                rows[name],
                typed=name not in spool.untyped,
                are_labels=name == target,
                decimal=decimal,
                na_is_missing=spool.found.na_is_missing,
            )
        elif pa.types.is_boolean(kind):
            recipes[name] = Recipe("boolean")
        elif pa.types.is_integer(kind):
            recipes[name] = Recipe("integer")
        elif pa.types.is_floating(kind):
            given = rows[name].dropna()
            recipes[name] = Recipe("integer" if _are_whole(given) else "number")
            if name in spool.untyped and _are_days(given) and name not in spool.found.dotted:
                recipes[name] = Recipe("time", DAYS)
        elif pa.types.is_timestamp(kind):
            recipes[name] = Recipe("time")
        else:
            raise AdoptionError(
                f"The column '{name}' is of the type {kind}, which no model knows: change it, or"
                f" leave it out: {drop_option(name)}."
            )
    _settle_order(recipes, rows)
    return recipes


def _follow(form: dict[str, Any], cells: pd.Series[Any]) -> Recipe:
    """Take a column for what somebody says that it is."""
    if "time" in form:
        return Recipe("time", form["time"], form)
    if "words" in form:
        return Recipe("boolean", form["words"][0].lower(), form)
    if "missing" in form:
        return Recipe("text", "", form)
    recipe = Recipe("number", form.get("decimal", "."), form)
    numbers = parse_numbers(pa.array(_distinct(cells), pa.string()), recipe).to_pandas()
    return recipe._replace(kind="integer" if _are_whole(numbers) else "number")


def _settle_order(recipes: dict[str, Recipe], rows: pd.DataFrame) -> None:
    """Read all dates of a file in one order: where the month could be first, another may decide."""
    forms = [recipe.detail for recipe in recipes.values() if recipe.kind == "time"]
    if not any(re.match("%d[/.-]%m", form) for form in forms):
        return
    for sign in "/-":
        for name, recipe in recipes.items():
            first = recipe.detail.startswith(f"%m{sign}%d")
            if recipe.kind == "time" and first and not recipe.form:
                form = recipe.detail.replace(f"%m{sign}%d", f"%d{sign}%m", 1)
                if (
                    pd.to_datetime(_distinct(rows[name]), format=form, errors="coerce")
                    .notna()
                    .all()
                ):
                    recipes[name] = recipe._replace(detail=form)


def _distinct(cells: pd.Series[Any]) -> pd.Series[Any]:
    """List the values of text cells, without what stands for none."""
    values = cells.dropna().str.strip()
    return pd.Series(values[~values.isin(BLANKS)].unique(), dtype="str")


def _guess_text(
    cells: pd.Series[Any],
    *,
    typed: bool,
    are_labels: bool = False,
    decimal: str = "",
    na_is_missing: bool = False,
) -> Recipe:
    distinct = _distinct(cells)
    if distinct.empty:
        return Recipe("text")
    words = {word.lower() for word in distinct[:10]}
    for yes, no in TRUTHS:
        if words == {yes, no} and len(distinct) <= 6:
            own = are_labels and yes != "true" and len(distinct) == 2
            return Recipe("text") if own else Recipe("boolean", yes)
    if not typed and (recipe := _guess_number(distinct, decimal)):
        if recipe == Recipe("integer") and _are_days(pd.to_numeric(distinct)):
            return Recipe("time", DAYS)
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
            f" numbers, and others are not, such as {odd[:40]!r} near row {row + 1:,}. Mend it,"
            f" leave it out ({drop_option(str(cells.name))}), or take it for text (--text)."
        )
    if len(distinct) > 1 and distinct.str.fullmatch("[A-Z]{2}").all() and not na_is_missing:
        return Recipe("text", "codes")
    plain = distinct.str.replace(rf"[\s{UNITS}.,'+-]", "", regex=True)
    are_codes = distinct.str.match(r"0\d").any() or _have_one_shape(distinct)
    if plain.str.fullmatch(r"\d+").all() and (plain != distinct).any() and not are_codes:
        return Recipe("text", "figures")
    return Recipe("text", "prose" if distinct.str.count(" ").mean() >= 1 else "")


def _have_one_shape(values: pd.Series[Any]) -> bool:
    """Say whether all are groups of digits of the same lengths, as 17-000003."""
    shapes = values.str.replace(r"\d", "9", regex=True)
    return bool(shapes.nunique() == 1 and re.fullmatch(r"9+(-9+)+", shapes.iloc[0]))


def find_decimal(columns: Iterable[pd.Series[Any]]) -> str:
    """Find the sign that is the decimal one in some column of a file, and in none is another.

    Args:
        columns: the values of each, n texts.

    Returns:
        A point, a comma, or nothing where no column decides.
    """
    found = {_decide_decimal(_clean(values)) for values in columns} - {""}
    return found.pop() if len(found) == 1 else ""


def _clean(values: pd.Series[Any]) -> pd.Series[Any]:
    """Take from numbers the signs that say nothing of their digits."""
    values = values.str.replace("\N{RIGHT SINGLE QUOTATION MARK}", "'")
    minus = values.str.replace("\N{MINUS SIGN}", "-").str.replace(r"^\((.+)\)$", r"-\1", regex=True)
    return minus.str.replace(rf"^([+-]?)[{UNITS}]\s*|\s*[{UNITS}]$", r"\1", regex=True)


def _decide_decimal(values: pd.Series[Any]) -> str:
    values = values.str.replace(r"(?<=\d)[\s'](?=\d{3})", "", regex=True)
    if values.empty or not values.str.fullmatch(r"[+-]?[\d.,]*\d[.,]?").all():
        return ""
    signs = [sign for sign, form in DECIDES.items() if values.str.fullmatch(form).any()]
    return signs[0] if len(signs) == 1 else ""


def _guess_number(values: pd.Series[Any], decimal: str) -> Recipe | None:
    """Take text for numbers where all of it is, and none is a code such as 007.

    Args:
        values: n texts, each once.
        decimal: the sign that other columns of the file have, if that is known.
    """
    plain = _clean(values)
    units = set("".join(values.str.findall(f"[{UNITS}]").str.join("")))
    if plain.str.match(r"[+-]?0\d").any() or len(units) > 1:
        return None
    written = {"unit": units.pop()} if units else {}
    if plain.str.fullmatch(r"[+-]?\d+").all():
        if plain.str.len().max() > 18:
            return None
        if (plain != values).any() and not written:
            written = {"decimal": "."}
        return Recipe("integer", "." if written else "", written or None)
    itself = _decide_decimal(plain)
    own = itself or decimal or "."
    # 1,234 may be one and a bit, and 555 123 a telephone's.
    other = "," if own == "." else "."
    more = [other] * bool(itself or decimal) + [" "] * bool(itself)
    for thousands in ("", "'", *more):
        if plain.str.fullmatch(_number_form(own, thousands)).all():
            break
    else:
        return None
    if thousands:
        written["thousands"] = thousands
    if own == "," or ((plain != values).any() and not written):
        written["decimal"] = own
    recipe = Recipe("number", own, written or None)
    numbers = parse_numbers(pa.array(values), recipe).to_pandas()
    return recipe._replace(kind="integer" if _are_whole(numbers) else "number")


def _number_form(point: str, thousands: str) -> str:
    """Write the pattern of numbers that have these signs."""
    group = r"\s" if thousands == " " else re.escape(thousands)
    digits = rf"(?:\d{{1,3}}(?:{group}\d{{3}})+|\d+)" if thousands else r"\d+"
    return rf"[+-]?(?:{digits}(?:\{point}\d*)?|\{point}\d+)(?:[eE][+-]?\d+)?"


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


def _are_days(values: pd.Series[Any]) -> bool:
    """Say whether whole numbers are days as 20240131, of which there are some in all."""
    if values.nunique() < 10 or not values.between(19000101, 21001231).all():
        return False
    texts = values.astype("int64").astype("str")
    return bool(
        _are_whole(values) and pd.to_datetime(texts, format=DAYS, errors="coerce").notna().all()
    )


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
    if column.recipe.detail == DAYS and pa.types.is_floating(cells.type):
        cells = cells.cast(pa.int64()).cast(pa.string())
    if pa.types.is_string(cells.type):
        given = _find_given(cells, column)
        converted = _PARSERS[kind](given, column.recipe)
    else:
        if kind == "integer" and pa.types.is_uint64(cells.type) and _exceed(cells):
            raise OtherKindError(column.name, Recipe("text"))
        converted, given = _narrow(cells, column), cells
    wrong = pc.and_(pc.is_null(converted), pc.is_valid(given))
    if pc.any(wrong).as_py():
        place = pc.index(wrong, True).as_py()
        if kind == "integer" and _is_fraction(given[place], column.recipe):
            raise OtherKindError(column.name, column.recipe._replace(kind="number"))
        raise AdoptionError(
            f"The column '{column.name}' is of mixed types: it looks like {_A[kind]}, and row"
            f" {start + place + 1:,} holds {given[place].as_py()!r}. Mend it, or leave it out:"
            f" {drop_option(column.name)}."
        )
    if kind == "number" and pc.any(pc.is_inf(converted)).as_py():
        raise AdoptionError(
            f"The column '{column.name}' holds an infinite number near row {start + 1:,}: mend it,"
            f" or leave it out: {drop_option(column.name)}."
        )
    return converted


def _find_given(cells: pa.Array, column: Column) -> pa.Array:
    """Take what stands for a missing value out of texts, and note by which words."""
    is_text = column.kind == "text"
    trimmed = pc.utf8_trim_whitespace(cells)
    blanks = MISSING if is_text else BLANKS
    if is_text and column.recipe.detail == "codes":
        blanks = [blank for blank in MISSING if blank != "NA"]
        column.na_codes += pc.sum(pc.equal(trimmed, "NA")).as_py() or 0
    if is_text and column.recipe.form:
        blanks = column.recipe.form["missing"]
    elif is_text and column.typed:
        blanks = []  # such a source has missing values of its own
    # Spaces belong to a text: whoever predicts with it will have them too.
    texts = cells if is_text else trimmed
    # To look each cell up takes long, and longer ones than the longest blank are none.
    longest = max(map(len, blanks), default=-1)
    if not pc.any(pc.less_equal(pc.binary_length(trimmed), longest)).as_py():
        return texts
    blank = pc.is_in(trimmed, pa.array(blanks))
    if is_text:
        column.words |= set(pc.unique(trimmed.filter(blank)).to_pylist()) - {"", None}
    return pc.if_else(blank, pa.scalar(None, pa.string()), texts)


def _exceed(cells: pa.Array) -> bool:
    """Say whether whole numbers are longer than schemas know: they tell things apart."""
    return bool(pc.any(pc.greater(cells, pa.scalar(2**63 - 1, pa.uint64()))).as_py())


def _is_fraction(cell: pa.Scalar, recipe: Recipe) -> bool:
    if not pa.types.is_string(cell.type):
        return bool(cell.as_py() % 1)
    number = parse_numbers(pa.array([cell.as_py()]), recipe)[0].as_py()
    return number is not None and number % 1 != 0


_A = {
    "integer": "whole numbers",
    "number": "numbers",
    "boolean": "true and false",
    "time": "dates",
    "text": "text",
}


def parse_numbers(texts: pa.Array, recipe: Recipe) -> pa.Array:
    """Make floats of texts, and nothing of what is written in another way than the recipe says."""
    if recipe.form:
        texts = pa.array(_write_plainly(texts.to_pandas(), recipe.form), from_pandas=True)
    try:
        return pc.cast(texts, pa.float64())
    except pa.ArrowInvalid:
        # Slower, and tells which one it is.
        return pa.array(pd.to_numeric(texts.to_pandas(), errors="coerce"), from_pandas=True)


def _write_plainly(values: pd.Series[Any], number: dict[str, str]) -> pd.Series[Any]:
    """Write numbers as Python does, as the project's readers will."""
    plain = _clean(values.astype("str"))
    point, thousands = number.get("decimal", "."), number.get("thousands", "")
    fits = plain.str.fullmatch(_number_form(point, thousands)).fillna(False).astype("bool")
    if thousands:
        space = thousands == " "
        plain = plain.str.replace(r"\s" if space else thousands, "", regex=space)
    return plain.str.replace(point, ".", regex=False).where(fits)


def _parse_integer(texts: pa.Array, recipe: Recipe) -> pa.Array:
    if not recipe.detail:
        try:
            return pc.cast(texts, pa.int64())
        except pa.ArrowInvalid:
            pass
    return _whole(parse_numbers(texts, recipe))


def _whole(numbers: pa.Array) -> pa.Array:
    """Make whole numbers of floats, and nothing of what is none."""
    whole = pc.and_(pc.equal(pc.floor(numbers), numbers), pc.less(pc.abs(numbers), 2.0**53))
    return pc.if_else(whole, numbers, pa.scalar(None, pa.float64())).cast(pa.int64())


def _parse_boolean(texts: pa.Array, recipe: Recipe) -> pa.Array:
    yes = recipe.detail
    given = recipe.form["words"] if recipe.form else None
    no = given[1].lower() if given else next(no for word, no in TRUTHS if word == yes)
    small = pc.utf8_lower(texts)
    known = pc.is_in(small, pa.array([yes, no]))
    return pc.if_else(known, pc.equal(small, yes), pa.scalar(None, pa.bool_()))


def _parse_time(texts: pa.Array, recipe: Recipe) -> pa.Array:
    form = recipe.detail
    if form.startswith("%Y-%m-%d"):
        with contextlib.suppress(pa.ArrowInvalid):
            return pc.cast(texts, pa.timestamp("us"))
    coded = texts.dictionary_encode()
    values = pd.Series(coded.dictionary.to_pandas(), dtype="str")
    times = pd.to_datetime(values, format=form, errors="coerce", utc=form == "ISO8601")
    if times.dt.tz is not None:
        times = times.dt.tz_localize(None)
    return pa.array(times.astype("datetime64[us]"), from_pandas=True).take(coded.indices)


_PARSERS: dict[Kind, Callable[[pa.Array, Recipe], pa.Array]] = {
    "integer": _parse_integer,
    "number": parse_numbers,
    "boolean": _parse_boolean,
    "time": _parse_time,
    "text": lambda texts, _: texts,
}


def _narrow(cells: pa.Array, column: Column) -> pa.Array:
    """Bring values that have a type to the one that schemas know for it."""
    if column.kind == "text":
        return cells.cast(pa.string())
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
            return _read_columns(source, recipes, target, path)
        except OtherKindError as error:
            # A sample says little of a large table.
            recipes[error.name] = error.recipe


def _read_columns(
    source: Spool, recipes: dict[str, Recipe], target: str, path: Path
) -> list[Column]:
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
            part = pa.record_batch(cells, names=source.names)
            # Rows without a target are not used, and say nothing of the other columns.
            used = part.filter(part[target].is_valid()) if target else part
            for statistics in seen:
                name = statistics.column.name
                statistics.add((part if name == target else used)[name])
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

"""The text of schemas.py, as a person would write it."""

import keyword
import math
import re
import textwrap
import unicodedata

import pandera.pandas as pa

from .columns import KEY, Column, describe, show
from .plan import Plan

MAX_VALUES = 20
"""A text column of more values is open: new ones may come."""
RESERVED = {
    "pa",
    "pd",
    "Config",
    "Final",
    "Index",
    "Literal",
    "Series",
    "bool",
    "float",
    "int",
    "str",
}
"""Names that the fields of a class would hide from each other."""

SCHEMAS = '''"""The data of this project: the one module to rewrite for other data.

Each class is a pandera model (https://pandera.readthedocs.io): a column's type and the checks
that its values must pass. The index identifies a row. Readers take these columns and no others,
models are built from them, and the registered model checks them before it predicts.

Written by `inv data.adopt`. Names and types are known: rows that break them are refused. What was
only seen in the table (values, ranges, that no cell is missing) warns, by `raise_warning=True`:
take that out where you know that it is a rule. The comments say what else was seen.
"""

from typing import {typing}

{imports}import pandera.pandas as pa
from pandera.typing.pandas import Index, Series

PROBLEM: Final[Literal["regression", "classification"]] = {problem}
{labels}

class Schema(pa.DataFrameModel):
    """What all tables share: the column that identifies a row."""

    {index}

    class Config:
        """A column that is not declared is an error."""

        strict = True


class Inputs(Schema):
    """What is known of a row when the model predicts."""

{inputs}
{complete}

class Targets(Schema):
    """What is to be predicted."""

{target}


class Outputs(Schema):
    """{outputs}"""

    prediction: Series[{prediction}] = pa.Field({checks})
{probabilities}'''

COMPLETE = """
    @pa.check({columns}, name="is there", ignore_na=False, raise_warning=True)
    @classmethod
    def _was_never_missing(cls, cells: Series[Any]) -> Any:
        return cells.notna()
"""

TYPES = {"integer": "int", "number": "float", "boolean": "bool", "text": "str"}
NULLABLE = {"integer": "pd.Int64Dtype", "boolean": "pd.BooleanDtype"}


def identifiers(names: list[str]) -> dict[str, str]:
    """Give each column a name that Python takes, its own where possible.

    Args:
        names: all columns, the index and the target too.
    """
    reserved = {*RESERVED, *keyword.kwlist, *dir(pa.DataFrameModel)}
    found = {
        name: name
        for name in names
        if name.isidentifier() and name.isascii() and name[0] != "_" and name not in reserved
    }
    for name in names:
        if name in found:
            continue
        plain = (
            unicodedata.normalize("NFKD", name.replace("ß", "ss"))
            .encode("ascii", "ignore")
            .decode()
            .lower()
        )
        base = re.sub(r"\W+", "_", plain).strip("_") or "column"
        if base[0].isdigit():
            base = f"column_{base}"
        if base in reserved:
            base = f"{base}_"
        unique, number = base, 2
        while unique in found.values():
            unique, number = f"{base}_{number}", number + 1
        found[name] = unique
    return {name: found[name] for name in names}


def write_schemas(plan: Plan) -> str:
    """Write schemas.py; the formatter has the last word."""
    columns = [plan.index, *plan.inputs, plan.target]
    names = identifiers([column.name for column in columns])
    classes = plan.problem == "classification"
    index = plan.index
    index_checks = ["check_name=True"]
    if index.kind == "integer" and index.low >= 0:
        index_checks.append("ge=0")
    checks = "isin=LABELS"
    if not classes:
        checks = f"description={f'the {plan.target.name} to expect'!r}"
    fields = [_field(column, plan, names) for column in plan.inputs]
    complete = [repr(column.name) for column in plan.inputs if not column.missing]
    every = len(complete) == len(plan.inputs)
    return SCHEMAS.format(
        imports="import pandas as pd\n" if any("pd." in line for line in fields) else "",
        problem=repr(plan.problem),
        labels=f"LABELS: Final = {plan.labels!r}\n" if classes else "",
        index=(
            f"{names[index.name]}: Index[{TYPES[index.kind]}] ="
            f" pa.Field({', '.join([*_alias(index, names), *index_checks])})"
        ),
        typing="Any, Final, Literal" if complete else "Final, Literal",
        inputs="\n".join(fields),
        complete=(
            COMPLETE.format(columns='".+", regex=True' if every else ", ".join(complete))
            if complete
            else ""
        ),
        target=_field(plan.target, plan, names),
        outputs=(
            "What the model says of each row: a label, and how likely it finds each label."
            if classes
            else "What the model says of each row."
        ),
        prediction=TYPES[plan.target.kind] if classes else "float",
        checks=checks,
        probabilities=(
            '    probabilities: Series[float] = pa.Field(alias="probability_.+", regex=True, ge=0,'
            " le=1)\n"
            if classes
            else ""
        ),
    )


def _field(column: Column, plan: Plan, names: dict[str, str]) -> str:
    is_target = column is plan.target
    dtype = "pd.Timestamp" if column.kind == "time" else TYPES[column.kind]
    checks = _alias(column, names)
    if is_target and plan.problem == "classification":
        checks.append("isin=LABELS")
    elif rules := _checks(column, is_target=is_target):
        checks += [*rules, "raise_warning=True"]
    if not is_target:
        dtype = NULLABLE.get(column.kind, dtype)
        checks.append("nullable=True")
    if column.name == plan.group:
        checks.append('metadata={"feature": False}')
    seen = [_seen(column, plan), *column.notes]
    comments = "".join(f"    # {line}\n" for text in seen for line in textwrap.wrap(text, 92))
    value = f" = pa.Field({', '.join(checks)})" if checks else ""
    return f"{comments}    {names[column.name]}: Series[{dtype}]{value}"


def _seen(column: Column, plan: Plan) -> str:
    """Say of a column what its checks do not."""
    if column is plan.target and plan.shares:
        few = len(plan.shares) <= 5
        return ", ".join(f"{show(label)} {share:.1%}" for label, share in plan.shares.items()) * few
    seen = describe(column, plan.rows)
    listed = column.kind == "text" and _checks(column, is_target=False)
    return seen.partition(", ")[2] if listed else seen


def _alias(column: Column, names: dict[str, str]) -> list[str]:
    return [] if names[column.name] == column.name else [f"alias={column.name!r}"]


def _checks(column: Column, *, is_target: bool) -> list[str]:
    if column.kind in ("integer", "number"):
        if column.kind == "integer" and column.values == [0, 1]:
            return ["isin=[0, 1]"]
        if column.kind == "integer" and 1900 <= column.low <= column.high <= 2100:
            return ["ge=1900", "le=2100"]  # years go on
        if column.kind == "integer" and all(map(is_day, (column.low, column.high))):
            return ["ge=19000101"]  # and so do days
        if KEY.search(column.name) and column.kind == "integer" and column.low >= 0:
            return ["ge=0"]  # so do the numbers of people and things
        low, high = slack(column.low, column.high)
        # What is to be predicted may well go where it has never been.
        return [f"ge={low}"] * (not is_target or low == 0) + [f"le={high}"] * (not is_target)
    if column.kind == "text" and column.values and len(column.values) <= MAX_VALUES:
        return [f"isin={column.values!r}"]
    return []


def is_day(number: int) -> bool:
    """Say whether a whole number may be a day, as 20240131."""
    year, month, day = number // 10_000, number // 100 % 100, number % 100
    return 1900 <= year <= 2100 and 1 <= month <= 12 and 1 <= day <= 31


def slack(low: float, high: float) -> tuple[float, float]:
    """Widen a range by half its width on each side, to round numbers.

    What is never negative keeps 0 as its end, and a share 1.
    """
    width = high - low or abs(high) or 1.0
    step = 10.0 ** math.floor(math.log10(width))
    digits = max(0, -math.floor(math.log10(step)))
    least: float = round(math.floor((low - width / 2) / step) * step, digits)
    most: float = round(math.ceil((high + width / 2) / step) * step, digits)
    if low >= 0:
        least = 0
    if least == 0 and 0 < high <= 1 and isinstance(high, float):
        most = 1
    return tuple(int(end) if end == int(end) else end for end in (least, most))  # type: ignore[return-value]

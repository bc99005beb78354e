"""Tables at the boundaries: nothing goes in or out that its schema does not describe."""

from __future__ import annotations

import contextlib
import copy
import datetime
import functools
import re
from collections.abc import Callable, Iterable, Iterator
from contextvars import ContextVar
from typing import Any, SupportsFloat

import numpy as np
import pandas as pd
import pandera.pandas as pa
from pandera import dtypes
from pandera.engines.pandas_engine import Engine

from .errors import ConfigError, DataError

EXAMPLES = 3
"""How many offending rows an error shows for each column and check."""


def index_name(schema: type[pa.DataFrameModel]) -> str:
    """Name the column that identifies a row.

    Raises:
        DataError: The schema does not name its index.
    """
    index = schema.to_schema().index
    if index is None or index.name is None:
        raise DataError(
            f"The schema {schema.__name__} does not name its index: declare the column that"
            " identifies a row, as in 'id: Index[int] = pa.Field(check_name=True)'."
        )
    return str(index.name)


def column_names(schema: type[pa.DataFrameModel]) -> list[str]:
    """List the columns of a schema in their order, without the index."""
    return [str(name) for name in schema.to_schema().columns]


def select(schema: type[pa.DataFrameModel], names: Iterable[str]) -> list[str]:
    """Choose the columns that a schema describes, its index and regular expressions included.

    Args:
        schema: what to choose by.
        names: the columns of a file.
    """
    columns = schema.to_schema().columns
    patterns = [str(name) for name, column in columns.items() if column.regex]
    return [
        name
        for name in names
        if name in columns
        or name == index_name(schema)
        or any(re.fullmatch(pattern, name) for pattern in patterns)
    ]


def target_name(schema: type[pa.DataFrameModel]) -> str:
    """Name the only column of a schema.

    Raises:
        DataError: It has another number of columns.
    """
    names = column_names(schema)
    if len(names) != 1:
        raise DataError(f"The schema {schema.__name__} must have one column, and has {len(names)}.")
    return names[0]


def allowed_values(schema: type[pa.DataFrameModel]) -> list[Any]:
    """List the values that the only column of a schema may hold, or none where it does not say.

    Raises:
        DataError: See ``target_name``.
    """
    checks = schema.to_schema().columns[target_name(schema)].checks
    return [value for check in checks for value in check.statistics.get("allowed_values", [])]


def columns_by_kind(schema: type[pa.DataFrameModel]) -> dict[str, list[str]]:
    """Group the columns of a schema by how a model and a file must treat them.

    Returns:
        The names under ``number``, ``castable`` (booleans and pandas' nullable types, which are
        numbers once they are cast), ``text`` (categories too) and ``time``.

    Raises:
        DataError: A column has a type that is none of these.
    """
    kinds: dict[str, list[str]] = {"number": [], "castable": [], "text": [], "time": []}
    for name, column in schema.to_schema().columns.items():
        if dtypes.is_numeric(column.dtype) or dtypes.is_bool(column.dtype):
            nullable = isinstance(column.dtype.type, pd.api.extensions.ExtensionDtype)
            castable = nullable or dtypes.is_bool(column.dtype)
            kinds["castable" if castable else "number"].append(str(name))
        elif dtypes.is_string(column.dtype) or dtypes.is_category(column.dtype):
            kinds["text"].append(str(name))
        elif dtypes.is_datetime(column.dtype):
            kinds["time"].append(str(name))
        else:
            raise DataError(
                f"The schema {schema.__name__} types the column '{name}' as {column.dtype}:"
                " use a number, bool, str, pd.CategoricalDtype or pd.Timestamp."
            )
    return kinds


def set_aside(schema: type[pa.DataFrameModel]) -> list[str]:
    """List the columns that no model learns from.

    They split or order rows, as a patient's number does, and say so in the schema:
    ``pa.Field(metadata={"feature": False})``.
    """
    columns = schema.to_schema().columns.items()
    return [
        str(name) for name, column in columns if not (column.metadata or {}).get("feature", True)
    ]


def text_names(schema: type[pa.DataFrameModel]) -> list[str]:
    """List what a file must be read as text for, so that ``007`` stays what it is.

    Returns:
        The columns of text and categories, and the index where it is text.
    """
    index = schema.to_schema().index
    is_text = index is not None and dtypes.is_string(index.dtype)
    return [*([index_name(schema)] if is_text else []), *columns_by_kind(schema)["text"]]


def conform(
    frame: pd.DataFrame, schema: type[pa.DataFrameModel], source: str, *, indexed: bool = True
) -> pd.DataFrame:
    """Give a table the types of its schema where no value changes by it, and check it.

    Checks that only warn (``raise_warning``) are left to ``UnseenCells``.

    Args:
        frame: rows of any number; the index may still be an ordinary column.
        schema: what the table must be.
        source: where the table comes from, for the error.
        indexed: whether the table must have the schema's index, or may have any.

    Returns:
        The table with the schema's index and types.

    Raises:
        DataError: With a table of column, check, count and example rows.
    """
    rules = _rules(schema, indexed, _parsing.get())
    index = index_name(schema)
    if index in frame.columns:
        frame = frame.set_index(index)
    elif indexed and frame.index.name != index:
        raise DataError(f"{source} has no column '{index}', which identifies a row.")
    if not frame.columns.is_unique:
        twice = frame.columns[frame.columns.duplicated()].unique()
        raise DataError(f"{source} has columns more than once: {_examples(twice)}.")
    failures = [
        {"column": name, "check": "is there", "count": len(frame), "examples": "", "rows": None}
        for name in rules.columns
        if name not in frame and not rules.columns[name].regex
    ]
    if rules.index is not None and not rules.index.dtype.check(Engine.dtype(frame.index.dtype)):
        identifiers, wrong = _convert(frame.index.to_series(), rules.index.dtype)
        failures += _failures(index, f"is {rules.index.dtype}", identifiers[wrong], wrong)
        frame = frame.set_axis(pd.Index(identifiers, name=index), axis=0)
    if indexed and not frame.index.is_unique:
        twice = frame.index[frame.index.duplicated()]
        every = frame.index.duplicated(keep=False)
        failures += _failures(index, "is unique", twice.to_series(), every)
    converted: dict[str, pd.Series[Any]] = {}
    for name in frame.columns.intersection(list(rules.columns)):
        values, found = _conform_column(frame[name], rules.columns[name].dtype)
        if values is not None:
            converted[str(name)] = values
        failures += found
    if not failures:
        try:
            # In place spares a copy: without coercion, pandera changes nothing.
            return rules.validate(
                frame.assign(**converted) if converted else frame, lazy=True, inplace=True
            )
        except pa.errors.SchemaErrors as error:
            failures = _found(error.failure_cases, index, frame.index)
    table = pd.DataFrame(failures).drop(columns="rows").to_string(index=False)
    text = f"{source} does not match the schema {schema.__name__}:\n{table}"
    raise DataError(text, _reasons(failures))


class SetAside:
    """Rows that are not predicted, kept apart with the reason, as tables go by.

    Args:
        write: takes the next of these rows, their cells as they were read, and the reason.
    """

    def __init__(self, write: Callable[[pd.DataFrame], None] = lambda _: None) -> None:
        self._write = write
        self.rows = 0

    def add(self, rows: pd.DataFrame, reasons: Iterable[str]) -> None:
        """Set rows aside.

        Args:
            rows: n rows.
            reasons: why, of each.
        """
        if len(rows):
            self.rows += len(rows)
            self._write(rows.assign(reason=list(reasons)))

    def conform(
        self, frame: pd.DataFrame, schema: type[pa.DataFrameModel], source: str
    ) -> pd.DataFrame:
        """Conform a table as ``conform`` does, without the rows that break its schema.

        Raises:
            DataError: More than rows is wrong, as a column that is missing.
        """
        index = index_name(schema)
        while len(frame):
            try:
                return conform(frame, schema, source)
            except DataError as error:
                if error.reasons is None:
                    raise
                wrong = np.zeros(len(frame), dtype="bool")
                wrong[list(error.reasons)] = True
                rows = frame[wrong].set_index(index) if index in frame else frame[wrong]
                self.add(rows, (error.reasons[place] for place in sorted(error.reasons)))
                frame = frame[~wrong]
        return frame


class Unlabelled(SetAside):
    """Rows without a target, as those whose truth has yet to come: nothing is learned from them."""

    def conform(
        self, frame: pd.DataFrame, schema: type[pa.DataFrameModel], source: str
    ) -> pd.DataFrame:
        """Conform a table of targets as ``conform`` does, without the rows that have none."""
        name = target_name(schema)
        if name in frame:
            blank = frame[name].isna().to_numpy()
            self.rows += int(blank.sum())
            frame = frame[~blank]
        return conform(frame, schema, source) if len(frame) else frame


class UnseenCells:
    """Cells unlike any that were seen when the schema was written, counted as tables go by.

    What is known of a column refuses a table. What was only seen in a sample, as its values, its
    range, or that no cell was missing, warns: those are the checks with ``raise_warning=True``.
    """

    def __init__(self, schema: type[pa.DataFrameModel]) -> None:
        """Look in tables of a schema.

        Args:
            schema: whose columns they have.
        """
        columns = schema.to_schema().columns
        warning = {
            str(name): [check for check in column.checks if check.raise_warning]
            for name, column in columns.items()
        }
        self._checks = {name: checks for name, checks in warning.items() if checks}
        self.rows = 0
        self.counts: dict[str, int] = {}
        """How many such cells each column has; those without are left out."""
        self._examples: dict[str, str] = {}

    def add(self, frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Look in one more table.

        Args:
            frame: n rows that conform to the schema.

        Returns:
            Which rows have such cells: n truth values.
        """
        self.rows += len(frame)
        some = np.zeros(len(frame), dtype="bool")
        for name in frame.columns.intersection(list(self._checks)):
            values = frame[name].reset_index(drop=True)
            unseen = np.zeros(len(values), dtype="bool")
            for check in self._checks[name]:
                passed = check(values).check_output.fillna(value=False).astype("bool")
                unseen[passed.index[~passed]] = True
            some |= unseen
            if unseen.any():
                self.counts[str(name)] = self.counts.get(str(name), 0) + int(unseen.sum())
                cells = values[unseen].head(EXAMPLES).tolist()
                self._examples.setdefault(
                    str(name),
                    ", ".join("missing" if pd.isna(cell) else repr(cell) for cell in cells),
                )
        return some

    def __str__(self) -> str:
        """Name the columns, how many cells each has, and some of these."""
        return "; ".join(
            f"{name}: {count} ({self._examples[name]})" for name, count in self.counts.items()
        )

    def describe(self, source: str) -> str:
        """Say in a sentence where such cells are, given where the tables come from."""
        return f"{source} holds cells unlike any seen before: {self}."


_parsing: ContextVar[bool] = ContextVar("_parsing", default=True)


@contextlib.contextmanager
def parsed() -> Iterator[None]:
    """Within the block, tables have been through their schema's parsers, and are only checked."""
    token = _parsing.set(False)
    try:
        yield
    finally:
        _parsing.reset(token)


def check_outputs(schema: type[pa.DataFrameModel]) -> None:
    """Check that nothing changes predictions after the model has made them.

    Args:
        schema: of the outputs.

    Raises:
        ConfigError: It has a parser.
    """
    rules = schema.to_schema()
    if rules.parsers or any(column.parsers for column in rules.columns.values()):
        raise ConfigError(
            f"The schema {schema.__name__} has a parser, which would change predictions after the"
            " model has made them, each time that they are read: make it a step of the model."
        )


def check_pair(inputs: pd.DataFrame, others: pd.DataFrame, name: str) -> None:
    """Check that two tables are the same rows, in the same order.

    Args:
        inputs: n rows.
        others: what should belong to them.
        name: of these, for the error.

    Raises:
        DataError: The two differ.
    """
    if inputs.index.equals(others.index):
        return
    lone = inputs.index.symmetric_difference(others.index)
    if len(lone):
        raise DataError(
            f"Inputs and {name} are not the same rows: {len(lone)} stand in one of them only,"
            f" as {inputs.index.name} {_examples(lone)}."
        )
    raise DataError(f"Inputs and {name} hold the same rows in a different order: sort one of them.")


def fingerprint(frame: pd.DataFrame) -> str:
    """Digest the values of a table, whatever file they came from.

    Args:
        frame: rows of any number; their order counts, that of the columns does not, nor whether
            numbers are whole by their type or by chance.

    Returns:
        16 hexadecimal digits.
    """
    return fingerprint_as_typed(_plain(frame))


def hash_rows(frame: pd.DataFrame) -> np.ndarray[Any, np.dtype[np.uint64]]:
    """Hash what each row of a table holds, its identifier apart.

    Args:
        frame: n rows; the columns' order and the types of numbers count as in ``fingerprint``.

    Returns:
        n hashes.
    """
    return np.asarray(pd.util.hash_pandas_object(_plain(frame), index=False), dtype=np.uint64)


class RowNames:
    """Names for rows that no column identifies: what they hold, and a count among equals.

    A row keeps its name wherever it stands; rows that hold the same are told apart by their order.
    """

    def __init__(self) -> None:
        """Begin with no row."""
        self._seen: list[np.ndarray[Any, np.dtype[np.uint64]]] = []
        """The digests so far, sorted, in parts that get shorter: few to search and to merge."""

    def add(self, cells: pd.DataFrame) -> list[str]:
        """Name the next rows.

        Args:
            cells: n rows of texts, as a file has them; spaces around them do not count.

        Returns:
            n names, each unlike all before.
        """
        texts = cells.apply(lambda column: column.str.strip())
        digests = pd.util.hash_pandas_object(texts, index=False).to_numpy()
        counts = pd.Series(digests).groupby(digests).cumcount().to_numpy().copy()
        for seen in self._seen:
            counts += np.searchsorted(seen, digests, "right") - np.searchsorted(seen, digests)
        self._seen.append(np.sort(digests))
        while len(self._seen) > 1 and len(self._seen[-2]) <= len(self._seen[-1]):
            merged = np.concatenate([self._seen.pop(), self._seen.pop()])
            merged.sort()
            self._seen.append(merged)
        return [
            f"{digest:016x}-{count + 1}" if count else f"{digest:016x}"
            for digest, count in zip(digests.tolist(), counts.tolist(), strict=True)
        ]


def to_texts(frame: pd.DataFrame) -> pd.DataFrame:
    """Write each cell in the one way that its value has, whatever type its column has.

    Args:
        frame: n rows, as a file has them.

    Returns:
        n rows of texts: whole numbers and truth values as other numbers, times in UTC.
    """
    return pd.DataFrame(
        {
            name: (
                values.astype("float64").map(str)
                if pd.api.types.is_numeric_dtype(values.dtype)
                else values.map(_to_text)
            ).astype("str")
            for name, values in frame.items()
        },
        index=frame.index,
    )


def _to_text(cell: Any) -> str:
    if isinstance(cell, str):
        return cell
    if pd.api.types.is_scalar(cell) and pd.isna(cell):
        return "nan"
    if isinstance(cell, datetime.date):
        time = pd.Timestamp(cell)
        return (time.tz_convert(None) if time.tz else time).isoformat()
    return str(float(cell)) if isinstance(cell, SupportsFloat) else str(cell)


def fingerprint_as_typed(frame: pd.DataFrame) -> str:
    """Digest a table as releases before 0.4.0 did: with its columns' order and types.

    Args:
        frame: rows of any number; their order counts.

    Returns:
        16 hexadecimal digits.
    """
    rows = pd.util.hash_pandas_object(frame, index=True).to_numpy()
    weights = np.arange(1, len(rows) + 1, dtype=np.uint64) * np.uint64(2) + np.uint64(1)
    return f"{int((rows * weights).sum(dtype=np.uint64)):016x}"


def _plain(frame: pd.DataFrame) -> pd.DataFrame:
    """Put columns in one order, and numbers into one type."""
    plain = {
        name: values.astype("float64") if pd.api.types.is_numeric_dtype(values.dtype) else values
        for name, values in sorted(frame.items(), key=lambda item: str(item[0]))
    }
    return pd.DataFrame(plain, index=frame.index)


@functools.cache
def _rules(schema: type[pa.DataFrameModel], indexed: bool, parsing: bool) -> pa.DataFrameSchema:
    rules = copy.copy(schema.to_schema())
    if not indexed:
        rules.index = None
    if not parsing:
        rules.parsers = []
    rules.columns = {name: copy.copy(column) for name, column in rules.columns.items()}
    for column in rules.columns.values():
        column.checks = [check for check in column.checks if not check.raise_warning]
        if not parsing:
            column.parsers = []
    return rules


def _conform_column(
    values: pd.Series[Any], dtype: Any
) -> tuple[pd.Series[Any] | None, list[dict[str, Any]]]:
    """Convert a column where it is of another type, and find the cells that it may not hold."""
    name = str(values.name)
    converted = None
    # pandera takes any objects for text, but an encoder tells None, NaN and pd.NA apart.
    is_other_text = dtypes.is_string(dtype) and values.dtype != "str"
    # To pandera, int64 is Int64 without missing values; a model's signature tells them apart.
    is_plain = isinstance(values.dtype, np.dtype) and not isinstance(dtype.type, np.dtype)
    if is_other_text or is_plain or not dtype.check(Engine.dtype(values.dtype)):
        converted, wrong = _convert(values, dtype)
        if wrong.any():
            return None, _failures(name, f"is {dtype}", values[wrong], wrong)
    if dtypes.is_float(dtype):
        values = values if converted is None else converted
        infinite = np.isinf(values)
        return converted, _failures(name, "is finite", values[infinite], infinite)
    return converted, []


def _convert(values: pd.Series[Any], dtype: Any) -> tuple[pd.Series[Any], pd.Series[bool]]:
    """Convert a column without changing a value, and mark the cells where that is impossible."""
    if dtypes.is_string(dtype) or dtypes.is_category(dtype):
        return _convert_texts(values, dtype)
    if dtypes.is_datetime(dtype):
        return _convert_times(values, dtype, values.notna())
    return _convert_numbers(values, dtype)


def _convert_texts(values: pd.Series[Any], dtype: Any) -> tuple[pd.Series[Any], pd.Series[bool]]:
    given = values.notna()
    wrong = given & (pd.api.types.is_numeric_dtype(values.dtype) or values.dtype.kind in "mM")
    if values.dtype == "object":
        wrong = ~values.map(lambda value: isinstance(value, str)).astype(bool) & given
    if (categories := getattr(dtype.type, "categories", None)) is not None:
        wrong = ~values.isin(categories) & given
    return (values, wrong) if wrong.any() else (values.astype(dtype.type), wrong)


def _convert_numbers(values: pd.Series[Any], dtype: Any) -> tuple[pd.Series[Any], pd.Series[bool]]:
    missing = values.isna()
    numbers = pd.to_numeric(values, errors="coerce")
    wrong = (numbers.isna() | (values.dtype.kind in "mM")) & ~missing
    nullable = isinstance(dtype.type, pd.api.extensions.ExtensionDtype)
    if not (dtypes.is_float(dtype) or nullable):
        wrong |= missing
    if dtypes.is_bool(dtype):
        wrong |= ~numbers.isin([0, 1]) & ~missing
    elif dtypes.is_int(dtype):
        wrong |= (numbers % 1 != 0) & ~missing
        if numbers.dtype.kind == "f":
            # From here on, floats skip whole numbers: which one was meant is lost.
            wrong |= numbers.abs() >= 2**53
    if dtypes.is_uint(dtype):
        wrong |= (numbers < 0) & ~missing
    if wrong.any():
        return values, wrong
    converted = numbers.astype(dtype.type)
    if dtypes.is_float(dtype) and numbers.dtype.kind == "f":
        # Rounding to the type's precision is what the type is for; overflow is not.
        return converted, np.isinf(converted) & ~np.isinf(numbers)
    # Too large an integer comes back as it was, but negative in between.
    differs = (converted.astype(numbers.dtype) != numbers) | ((converted < 0) != (numbers < 0))
    return converted, differs & ~missing


def _convert_times(
    values: pd.Series[Any], dtype: Any, given: pd.Series[bool]
) -> tuple[pd.Series[Any], pd.Series[bool]]:
    if pd.api.types.is_numeric_dtype(values.dtype):
        return (values, given) if given.any() else (values.astype(dtype.type), given)
    try:
        # Other formats leave open which number is the month.
        times = pd.to_datetime(values, errors="coerce", format="ISO8601")
    except ValueError:  # more than one time zone
        return values, given
    same_zone = (times.dt.tz is None) == (getattr(dtype.type, "tz", None) is None)
    wrong = times.isna() & given if same_zone else given
    if wrong.any() or dtype.check(Engine.dtype(times.dtype)):
        return times, wrong
    return times.astype(dtype.type), wrong


def _failures(column: str, check: str, cells: pd.Series[Any], rows: Any) -> list[dict[str, Any]]:
    """Tell of a failed check.

    Args:
        column: where.
        check: what was to be so.
        cells: those that are not.
        rows: of which rows they are, as truth values.
    """
    if cells.empty:
        return []
    some = [
        f"{cell!r} at {row}" if pd.notna(row) else repr(cell)
        for row, cell in zip(cells.index[:EXAMPLES].tolist(), cells, strict=False)
    ]
    examples = ", ".join(some)
    places = np.flatnonzero(np.asarray(rows))
    return [
        {
            "column": column,
            "check": check,
            "count": len(cells),
            "examples": examples,
            "rows": places,
        }
    ]


def _reasons(failures: list[dict[str, Any]]) -> dict[int, str] | None:
    """Say of each row that breaks its schema what it breaks; None where not only rows do."""
    reasons: dict[int, str] = {}
    for failure in failures:
        if failure["rows"] is None or not len(failure["rows"]):
            return None
        said = f"{failure['column']}: {failure['check']}"
        for place in failure["rows"].tolist():
            reasons[place] = f"{reasons[place]}; {said}" if place in reasons else said
    return reasons


def _found(cases: pd.DataFrame, index: str, rows: pd.Index[Any]) -> list[dict[str, Any]]:
    """Tell pandera's failures as ours, one for each column and check."""
    failures = []
    cases = cases.fillna({"column": index})
    for (name, check), failed in cases.groupby(["column", "check"], sort=False):
        cells = failed.set_index("index")["failure_case"]
        failures += _failures(str(name), str(check), cells, rows.isin(cells.index))
    return failures


def _examples(values: pd.Index[Any]) -> str:
    return ", ".join(str(value) for value in values[:EXAMPLES])

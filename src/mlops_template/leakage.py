"""Columns that know the answer: those that a model may not have when it must predict."""

from __future__ import annotations

import itertools
from collections.abc import Iterator
from typing import Any

import numpy as np
import pandas as pd

from .columns import Column

ROWS = 5_000
R2 = 0.95
ACCURACY = 0.98
ABSENCE = 0.9
"""How well a missing value may tell the label; real data is seldom missing for one label only."""
EXACT = 1 - 1e-6
NEIGHBOURS = 4
"""How many rows of alike values are compared with each other; those of equal ones all are."""
HALF = 0.5
"""Where more of its cells are there, a column is judged by those alone."""
COPIED = 0.2
"""From this share of the rows on, a column that is the target in them is said."""
MOST_FACTORS = 30
"""Of how many numbers at most products and ratios are tried."""
AMOUNT = r"(-?\d+(?:[.,]\d+)?)"
FEWEST = 5
"""How many groups must have means of their own."""
NEAR = 0.01
"""How near to the mean of the target a column's value is, beside how far these means vary."""
REPEATS = 0.01
"""From this share on, rows that repeat others are said."""


def find(
    frame: pd.DataFrame, target: str, problem: str, time: str, columns: list[Column]
) -> list[str]:
    """Find columns that all but give the target away.

    For each column alone, rows of alike values must tell the target of each other; so must whether
    it is missing; and numbers together must add up to it, or two be multiplied or divided; nor may
    a number be the target in part of the rows.

    Args:
        frame: a sample of the rows.
        target: the column to predict.
        problem: regression or classification.
        time: the column that orders the rows, if there is one.
        columns: those to look at; what is found is noted in them.

    Returns:
        A sentence for each finding, with the score that shows it.
    """
    if len(frame) > ROWS:
        frame = frame.sample(ROWS, random_state=0)
    truth = frame[target]
    if problem == "classification":
        truth = truth.astype("str")
    found: list[str] = []
    for column in columns:
        if column.name == time:
            continue
        for score, limit, what in _scores(frame[column.name], truth, problem):
            if score >= limit:
                name = "R²" if problem == "regression" else "balanced accuracy"
                found.append(f"`{column.name}` {what} predicts `{target}`: {name} {score:.3f}")
                column.notes.append(f"possible leakage: {what} it predicts the target, {score:.3f}")
                break
        if time and column.kind == "time" and _comes_later(frame[column.name], frame[time]):
            found.append(f"`{column.name}` lies after `{time}`: is it known by then?")
            column.notes.append(f"possible leakage: later than {time}")
    found += _find_means(frame, truth, columns, problem)
    if problem == "regression":
        found += _find_sum(frame, truth, columns)
        found += _find_equals(frame, truth, columns)
    return found


def find_repeats(frame: pd.DataFrame, columns: list[Column]) -> list[str]:
    """Find rows that repeat others, and so may be on both sides of a split.

    Where no column measures anything, rows are expected to be alike.
    """
    names = [column.name for column in columns]
    share = frame[names].duplicated().mean()
    if share < REPEATS or not any(column.kind in ("number", "time") for column in columns):
        return []
    return [
        f"{share:.1%} of the rows to train on repeat others, so the same may be learned from and"
        " judged by: take them out, or adopt with --group what such rows share."
    ]


def _scores(
    cells: pd.Series[Any], truth: pd.Series[Any], problem: str
) -> Iterator[tuple[float, float, str]]:
    """Score what a column may tell by, its values and whether there are any, beside the limit."""
    numbers = cells
    if cells.dtype.kind == "M":
        numbers = cells.astype("int64").where(cells.notna())
    elif not pd.api.types.is_numeric_dtype(cells.dtype):
        # In the alphabet's order, whatever that of the rows: texts that begin alike are neighbours.
        codes, _ = pd.factorize(cells, sort=True)
        numbers = pd.Series(codes, cells.index).where(cells.notna())
    limit = R2 if problem == "regression" else ACCURACY
    yield _score(numbers.astype("float64"), truth, problem), limit, "alone"
    if cells.dtype in ("object", "str"):
        # What stands in a text: a code's last character, or an amount.
        texts = cells.astype("str").str.strip().where(cells.notna())
        ends, _ = pd.factorize(texts.str[-1], sort=True)
        within = texts.str.extract(AMOUNT, expand=False).str.replace(",", ".")
        for part, what in (
            (pd.Series(ends, cells.index).where(cells.notna()), "by its last character"),
            (pd.to_numeric(within, errors="coerce"), "by a number in it"),
        ):
            if part.notna().mean() > HALF and part.nunique() > 1:
                yield _score(part.astype("float64"), truth, problem), limit, what
    absent = cells.isna()
    if problem == "classification" and 0 < absent.sum() < len(absent):
        # Of one label against all others, as a lifeboat's number tells of those who were saved.
        shares = [
            absent[truth == label].mean() - absent[truth != label].mean()
            for label in truth.unique()
        ]
        yield (1 + max(map(abs, shares))) / 2, ABSENCE, "being there or not"


def _score(cells: pd.Series[Any], truth: pd.Series[Any], problem: str) -> float:
    """Score what other rows of the same value, or of values beside it, tell of each row.

    A few missing cells hide no leak: rows that have the column are judged where they are most.

    Args:
        cells: n numbers, or codes for what is none.
        truth: the n values of the target.
        problem: regression or classification.

    Returns:
        R², or the balanced accuracy of the label that is the most frequent among the others for how
        frequent it is: a value for each row is no rule, as it tells nothing of another row.
    """
    all_labels = truth.unique()
    given = cells.notna()
    if given.mean() > HALF:
        cells, truth = cells[given], truth[given]
    groups = (cells.rank(method="min", na_option="top") - 1) // NEIGHBOURS
    others = groups.map(groups.value_counts()) - 1

    def tell(known: pd.DataFrame) -> pd.DataFrame:
        return (known.groupby(groups).transform("sum") - known).div(others, axis="index")

    if problem == "classification":
        labels = pd.get_dummies(truth, dtype="float64")
        told = (tell(labels) / labels.sum()).fillna(0).idxmax(axis="columns")
        return float((told == truth).groupby(truth).mean().reindex(all_labels).fillna(0).mean())
    values = truth.astype("float64")
    spread = values.var(ddof=0)
    # A line first, as of the same in another unit: neighbours are far from each other at the ends.
    slope = values.cov(cells, min_periods=2) / (cells.var() or 1)
    left = values - (slope * (cells - cells.mean())).fillna(0)
    errors = left - tell(left.to_frame("left"))["left"].fillna(left.mean())
    return float(1 - (errors**2).mean() / spread) if spread else 0.0


def _comes_later(cells: pd.Series[Any], time: pd.Series[Any]) -> bool:
    if time.dtype.kind != "M":
        return False
    given = cells.notna()
    return bool(given.any() and (cells[given] > time[given]).mean() > 0.99)


def _find_means(
    frame: pd.DataFrame, truth: pd.Series[Any], columns: list[Column], problem: str
) -> list[str]:
    """Find numbers that are the mean of the target in each group of another column.

    Such a mean was taken with the row that it is to predict.
    """
    if problem == "regression":
        targets = {truth.name: truth.astype("float64")}
    else:
        labels = truth.unique()[: 1 if truth.nunique() == 2 else None]
        targets = {label: (truth == label).astype("float64") for label in labels}
    numbers = [column for column in columns if column.kind == "number" and not column.missing]
    found = []
    for group in columns:
        keys = frame[group.name]
        if group.kind not in ("text", "integer") or not FEWEST <= keys.nunique() <= len(keys) / 3:
            continue
        for column in numbers:
            cells = frame[column.name].groupby(keys)
            if cells.nunique().max() > 1:
                continue
            given = cells.first()
            for values in targets.values():
                mean = values.groupby(keys).mean()
                far = min((given - each).abs().median() for each in (mean, 1 - mean))
                if far <= NEAR * (mean.std() or 1) and given.nunique() >= FEWEST:
                    found.append(
                        f"`{column.name}` is the mean of `{truth.name}` for each `{group.name}`"
                    )
                    column.notes.append("possible leakage: a mean of the target")
                    break
    return found


def _find_sum(frame: pd.DataFrame, truth: pd.Series[Any], columns: list[Column]) -> list[str]:
    """Find numbers whose weighted sum is the target."""
    names = [
        column.name
        for column in columns
        if column.kind in ("integer", "number") and not column.missing
    ]
    if len(names) < 2 or len(frame) < 3 * len(names):
        return []
    table = frame[names].astype("float64")
    spread = table.std().replace(0, 1)
    scaled = (table - table.mean()) / spread
    values = truth.astype("float64")
    weights, *_ = np.linalg.lstsq(
        scaled.to_numpy(), (values - values.mean()).to_numpy(), rcond=None
    )
    error = values - values.mean() - scaled @ weights
    score = 1 - float(error.var() / values.var())
    parts = [
        name
        for name, weight in zip(names, weights, strict=True)
        if abs(weight) > 1e-3 * values.std()
    ]
    if score < EXACT or not 2 <= len(parts) <= 5:
        return []
    for column in columns:
        if column.name in parts:
            column.notes.append("possible leakage: part of a sum that is the target")
    listing = ", ".join(f"`{name}`" for name in parts)
    return [f"{listing} together make up `{truth.name}`: R² {score:.6f}"]


def _find_equals(frame: pd.DataFrame, truth: pd.Series[Any], columns: list[Column]) -> list[str]:
    """Find numbers that are the target in part of the rows, and pairs whose product or ratio is."""
    values = truth.astype("float64")
    numbers = [column for column in columns if column.kind in ("integer", "number")]
    table = {column.name: frame[column.name].astype("float64") for column in numbers}
    most = values.round(6).value_counts(normalize=True).iloc[0]
    found, copies = [], set()
    for column in numbers:
        share = _share_alike(table[column.name], values)
        # A value that is frequent meets itself by chance.
        if share >= max(COPIED, 2 * most):
            copies.add(column.name)
            found.append(f"`{column.name}` is `{truth.name}` itself in {share:.0%} of the rows")
            column.notes.append(f"possible leakage: it is the target in {share:.0%} of the rows")
    rest = [column for column in numbers if column.name not in copies][:MOST_FACTORS]
    for one, other in itertools.combinations(rest, 2):
        for first, sign, second in ((one, "×", other), (one, "/", other), (other, "/", one)):
            left, right = table[first.name], table[second.name]
            made = left * right if sign == "×" else left / right
            if _share_alike(made, values) > HALF > most:
                found.append(f"`{first.name}` {sign} `{second.name}` is `{truth.name}`")
                for column in (one, other):
                    column.notes.append("possible leakage: with another, it makes up the target")
    return found


def _share_alike(cells: pd.Series[Any], values: pd.Series[Any]) -> float:
    """Say in which share of the rows two numbers are the same, but for what is rounded."""
    near = (cells - values).abs() <= 1e-3 * values.abs().clip(lower=1e-9)
    return float((near & (values != 0)).mean())

"""Drift: whether values are still distributed as they were when the model was trained.

Each test wants two things at once before it speaks of drift: a difference that chance does not
explain (small samples differ by chance) and one that is large enough to matter (in large samples
any difference is significant).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, PositiveFloat

from .components import Component

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd

    Values = pd.Series[Any]

Probability = Annotated[float, Field(gt=0, lt=1)]
MAX_CATEGORIES = 50
"""Rarer values of a text column, past this many, are compared as one."""

FEW_ROWS = 50
"""With fewer, the distributions that tests tend to in large samples are far from the truth."""

RESAMPLES = (999, 99_999)
"""How many tables of the same totals are drawn where a bin holds few rows: more if few differ."""


class Difference(NamedTuple):
    """What one test found in one column."""

    column: str
    test: str
    statistic: float
    threshold: float
    """What the statistic must reach for the difference to matter."""
    p_value: float
    alpha: float
    """What the p-value must be below for chance not to explain the difference."""
    drifted: bool


class DriftTest(Component, ABC):
    """A comparison of two samples of one column."""

    KIND: str
    threshold: float
    alpha: Probability = 0.01
    """How often the tests together may speak of drift by chance, in all columns of a table."""

    @abstractmethod
    def applies(self, values: Values) -> bool:
        """Say whether the test is for values of this type."""

    @abstractmethod
    def compare(self, reference: Values, live: Values) -> tuple[float, float]:
        """Compare two samples.

        Args:
            reference: n values that the model was trained on.
            live: m values seen since.

        Returns:
            The statistic, and how likely chance alone makes it as large.
        """


class PSITest(DriftTest):
    """Population stability index over the reference's deciles, or over its categories.

    A missing value is a bin of its own. Whether chance explains the difference is Pearson's
    chi-squared test of the bins: the index itself is far from its asymptotic distribution where
    a bin holds few rows.

    Source: Yurdakul and Naranjo (2020), Statistical properties of the population stability index,
    Journal of Risk Model Validation 14(4).
    """

    KIND: Literal["PSITest"] = "PSITest"
    threshold: PositiveFloat = 0.2
    bins: Annotated[int, Field(ge=2)] = 10

    def applies(self, values: Values) -> bool:
        return True

    def compare(self, reference: Values, live: Values) -> tuple[float, float]:
        import numpy as np

        before, after = _counts(reference, live, self.bins)
        if not after.sum():
            return 0.0, 1.0
        # Half a row in an empty bin: the logarithm of nothing is not a number.
        p = np.maximum(before, 0.5) / before.sum()
        q = np.maximum(after, 0.5) / after.sum()
        index = float(((q - p) * np.log(q / p)).sum())
        _, p_value = _chi_squared(before, after)
        return index, p_value


class KSTest(DriftTest):
    """Two-sample Kolmogorov-Smirnov test of numbers and times.

    Source: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.ks_2samp.html
    """

    KIND: Literal["KSTest"] = "KSTest"
    threshold: Probability = 0.1
    """The least distance between the two distribution functions that matters."""

    def applies(self, values: Values) -> bool:
        return _is_ordered(values)

    def compare(self, reference: Values, live: Values) -> tuple[float, float]:
        from scipy import stats

        before, after = _numbers(reference.dropna()), _numbers(live.dropna())
        if not len(before) or not len(after):
            # There are no numbers to compare, only how many are missing.
            _, p_value = _chi_squared(*_counts(reference.isna(), live.isna(), 2))
            return float(len(before) != len(after)), p_value
        few = min(len(before), len(after)) < FEW_ROWS
        result = stats.ks_2samp(before, after, method="exact" if few else "asymp")
        return float(result.statistic), float(result.pvalue)


class ChiSquaredTest(DriftTest):
    """Chi-squared test of the frequencies of categories and labels.

    Source: https://docs.scipy.org/doc/scipy/reference/generated/scipy.stats.chi2_contingency.html
    """

    KIND: Literal["ChiSquaredTest"] = "ChiSquaredTest"
    threshold: Probability = 0.1
    """The least Cramér's V that matters."""

    def applies(self, values: Values) -> bool:
        return not _is_ordered(values)

    def compare(self, reference: Values, live: Values) -> tuple[float, float]:
        before, after = _counts(reference, live, MAX_CATEGORIES)
        statistic, p_value = _chi_squared(before, after)
        return math.sqrt(statistic / (len(reference) + len(live))), p_value


DriftTestKind = Annotated[PSITest | KSTest | ChiSquaredTest, Field(discriminator="KIND")]


def compare(
    reference: pd.DataFrame, live: pd.DataFrame, tests: Sequence[DriftTest]
) -> list[Difference]:
    """Compare each column of two tables by each test that is for its type.

    Args:
        reference: n rows from training.
        live: m rows seen since, with the same columns.
        tests: what to compare by; their alpha is shared among all comparisons (Bonferroni).

    Returns:
        One difference for each column and test.
    """
    differences = []
    comparisons = [
        (test, str(name)) for test in tests for name in reference if test.applies(reference[name])
    ]
    for test, name in comparisons:
        statistic, p_value = test.compare(reference[name], live[name])
        alpha = test.alpha / len(comparisons)
        # A statistic that is no number is drift, not its absence.
        drifted = not (statistic < test.threshold or p_value >= alpha)
        differences.append(
            Difference(name, test.KIND, statistic, test.threshold, p_value, alpha, drifted)
        )
    return differences


def _chi_squared(
    before: np.ndarray[Any, np.dtype[np.float64]], after: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[float, float]:
    """Compare counts of bins.

    Where a bin is expected to hold few rows (Cochran's rule: fewer than five), and the usual
    p-value is small, it is that of a permutation test: the share of random tables of the same
    totals that differ as much.
    """
    from scipy import stats

    if len(before) < 2 or not after.sum():
        return 0.0, 1.0
    table = [before.astype("int64"), after.astype("int64")]
    result = stats.chi2_contingency(table, correction=False)
    few = result.expected_freq.min() < 5
    for resamples in RESAMPLES:
        if few and result.pvalue < 0.05:
            method = stats.MonteCarloMethod(n_resamples=resamples, batch=10_000, rng=0)
            result = stats.chi2_contingency(table, correction=False, method=method)
    return float(result.statistic), float(result.pvalue)


def _is_ordered(values: Values) -> bool:
    import pandas as pd

    types = pd.api.types
    dtype = values.dtype
    if types.is_bool_dtype(dtype):
        return False
    return bool(types.is_numeric_dtype(dtype) or types.is_datetime64_any_dtype(dtype))


def _numbers(values: Values) -> np.ndarray[Any, np.dtype[np.float64]]:
    import pandas as pd

    if pd.api.types.is_datetime64_any_dtype(values.dtype):
        values = values.dt.as_unit("us").astype("int64")
    return values.to_numpy(dtype="float64")


def _counts(
    reference: Values, live: Values, bins: int
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]]]:
    """Count both samples in the bins that the reference gives."""
    import numpy as np
    import pandas as pd

    if _is_ordered(reference):
        known = _numbers(reference.dropna())
        # A few distinct values are bins as they are; quantiles of them would fall together.
        edges = np.unique(known)
        if len(edges) > bins:
            edges = np.unique(np.quantile(known, np.linspace(0, 1, bins + 1)[1:-1]))
        else:
            edges = (edges[1:] + edges[:-1]) / 2

        def count(values: Values) -> np.ndarray[Any, np.dtype[np.float64]]:
            places = np.searchsorted(edges, _numbers(values.dropna()), side="right")
            counted = np.bincount(places, minlength=len(edges) + 1)
            return np.append(counted, values.isna().sum()).astype("float64")

        before, after = count(reference), count(live)
    else:
        shares = reference.astype("str").value_counts()
        common = shares.index[: MAX_CATEGORIES - 1]

        def frequencies(values: Values) -> pd.Series[Any]:
            labels = values.astype("str").where(values.notna(), "\0missing")
            known_labels = labels.where(labels.isin([*common, "\0missing"]), "\0other")
            return known_labels.value_counts()

        both = pd.concat([frequencies(reference), frequencies(live)], axis=1).fillna(0)
        before = both.iloc[:, 0].to_numpy(dtype="float64")
        after = both.iloc[:, 1].to_numpy(dtype="float64")
    # A single cell of a kind that was never seen proves nothing.
    after = np.where((before == 0) & (after == 1), 0, after)
    seen = (before + after) > 0
    return before[seen], after[seen]

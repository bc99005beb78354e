"""Encoders: numbers that a model can learn from, in place of what a table holds.

Each gives one column for each that it takes, or takes only one, so that what it gives can be traced
back. Gradient boosting fails on a column that has no value in any row, as may be in some fold: what
was so when the encoder was fitted becomes zeros.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

import numpy as np
import pandas as pd
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfTransformer
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import OneHotEncoder

if TYPE_CHECKING:
    from collections.abc import Iterable

    Numbers = np.ndarray[tuple[int, int], np.dtype[np.float64]]
    Names = np.ndarray[tuple[int], np.dtype[np.object_]]

MAX_CATEGORIES = 50
"""Of a text column with more different values, a model sees what these are made of."""

COMPONENTS = 30
"""How many numbers stand for such a text."""

TIME_PARTS = ["year", "month", "day", "day_of_year", "day_of_week", "hour", "minute"]


class NumberEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """The floats that numbers and booleans are; missing values stay missing."""

    def fit(self, table: pd.DataFrame, targets: object = None) -> Self:
        """Find out which columns have no value at all.

        Args:
            table: n rows, of numbers, booleans and pandas' nullable types.
            targets: unused.
        """
        self.names_ = [str(name) for name in table]
        self.empty_ = np.flatnonzero(table.isna().all())
        return self

    def transform(self, table: pd.DataFrame) -> Numbers:
        """Give the numbers of n rows, in as many columns."""
        numbers = table.to_numpy(dtype="float64")
        if len(self.empty_):
            numbers = numbers.copy()  # it may be the table's own memory
            numbers[:, self.empty_] = 0
        return numbers

    def get_feature_names_out(self, names: object = None) -> Names:
        """Name the numbers as the columns."""
        return np.array(self.names_, dtype="object")


class TimeEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """Days since 1970, and the parts of a time that come again: month, weekday, hour and so on.

    Parts that are the same in all rows seen are left out, as the hours of dates are. A missing
    time has missing parts.
    """

    def fit(self, times: pd.Series[Any], targets: object = None) -> Self:
        """Find out which parts vary.

        Args:
            times: n times, with a zone or without; the parts are those of its clocks.
            targets: unused.
        """
        self.name_ = str(times.name)
        self.is_empty_ = bool(times.isna().all())
        self.parts_ = [part for part in TIME_PARTS if getattr(times.dt, part).nunique() > 1]
        return self

    def transform(self, times: pd.Series[Any]) -> Numbers:
        """Give the numbers of n times, in n rows."""
        moments = times.to_numpy(dtype="datetime64[us]")  # in UTC where there is a zone
        days = (moments - np.datetime64(0, "us")) / np.timedelta64(1, "D")
        if self.is_empty_:
            days = np.zeros(len(times))
        parts = [getattr(times.dt, part).to_numpy(dtype="float64") for part in self.parts_]
        return np.column_stack([days, *parts])

    def get_feature_names_out(self, names: object = None) -> Names:
        """Name the numbers after the column and the part."""
        return _names(self.name_, ["days", *self.parts_])


class TextEncoder(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A column for each value or, of many different ones, what they are made of.

    Few values, a missing one too, become a column each, and a new one is none of them. Of many, the
    pieces of three and four letters are weighed by how rare they are (TF-IDF), and summed up in a
    few numbers (latent semantic analysis): values that are spelt alike, new ones too, get numbers
    that are alike, and a missing one gets zeros.

    Source: https://scikit-learn.org/stable/modules/decomposition.html#about-truncated-svd-and-latent-semantic-analysis-lsa
    """

    def fit(self, texts: pd.Series[Any], targets: object = None) -> Self:
        """Learn the values, or their pieces.

        Args:
            texts: n texts or categories.
            targets: unused.
        """
        self.name_ = str(texts.name)
        known = texts.dropna().unique().astype("str")
        self.has_many_ = len(known) > MAX_CATEGORIES
        if self.has_many_:
            # Hashed, the pieces need no list of them all, which would make the model a large file.
            pieces = HashingVectorizer(
                analyzer="char_wb", ngram_range=(3, 4), n_features=4096, alternate_sign=False
            )
            sums = TruncatedSVD(COMPONENTS, random_state=0)
            self.encoder_ = make_pipeline(pieces, TfidfTransformer(), sums).fit(known)
        else:
            one_hot = OneHotEncoder(handle_unknown="ignore", sparse_output=False)
            self.encoder_ = one_hot.fit(texts.to_frame())
        return self

    def transform(self, texts: pd.Series[Any]) -> Numbers:
        """Give the numbers of n texts, in n rows."""
        numbers: Numbers
        if not self.has_many_:
            numbers = self.encoder_.transform(texts.to_frame())
            return numbers
        # Each different text once, as most come again; the last, an empty one, is what is missing.
        codes, known = pd.factorize(texts)
        numbers = self.encoder_.transform([*known.astype("str"), ""])
        return numbers[codes]

    def get_feature_names_out(self, names: object = None) -> Names:
        """Name the numbers after the column and the value, or by their place."""
        if self.has_many_:
            return _names(self.name_, range(self.encoder_[-1].n_components))
        values: Names = self.encoder_.get_feature_names_out()
        return values


def _names(column: str, parts: Iterable[object]) -> Names:
    return np.array([f"{column}_{part}" for part in parts], dtype="object")

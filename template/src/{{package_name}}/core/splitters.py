"""Splitters: which rows a model learns from, and which it is judged by."""

from __future__ import annotations

import itertools
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from .components import Component, Seed, nearest

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd

    Rows = np.ndarray[tuple[int], np.dtype[np.intp]]
    Splits = list[tuple[Rows, Rows]]
    Hashes = np.ndarray[tuple[int], np.dtype[np.integer[Any]]]
    Mask = np.ndarray[tuple[int], np.dtype[np.bool_]]

HASHES = 2**64
"""How many hashes there are."""
GOLDEN = 0x9E3779B97F4A7C15
"""What splitmix64 adds for each step of a seed."""

Share = Annotated[float, Field(gt=0, lt=1)]
Folds = Annotated[int, Field(ge=2)]


class Splitter(Component, ABC):
    """A rule that splits rows into a part to train on and a part to test on."""

    KIND: str

    @abstractmethod
    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        """Split the rows.

        Args:
            inputs: n rows.
            targets: the n values to predict.

        Returns:
            Pairs of positions (from 0 to n - 1), to train on and to test on: one pair from a
            splitter that holds rows out, one for each fold from a cross-validation.

        Raises:
            DataError: There are too few rows for the split.
        """


class RandomSplitter(Splitter):
    """Hold out a share of the rows, drawn at random by their identifiers.

    A row that was held out once is held out for ever, whatever rows come in and in whatever order:
    no later version, and no champion, has been trained on it. Only where the rows are so few that
    none would be held out, or all, one of them changes sides, and may change back.

    By the same rule no row is left to be held out of the others: split them by another seed.
    """

    KIND: Literal["RandomSplitter"] = "RandomSplitter"
    test_size: Share = 0.2
    random_state: int = 0

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        return _split_by_hash(inputs, self.test_size, self.random_state)


class HashSplitter(Splitter):
    """Hold out a share of the rows as ``RandomSplitter`` does, without a seed to choose."""

    KIND: Literal["HashSplitter"] = "HashSplitter"
    test_size: Share = 0.2

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        return _split_by_hash(inputs, self.test_size, None)


class StratifiedSplitter(Splitter):
    """Hold out a share of the rows as ``RandomSplitter`` does, with each label on both sides.

    Of each label about the same share is held out. A label so rare that none of its rows would be,
    or all, has one of them change sides: such a row may change back as rows of its label come in,
    and all others stay where they are.
    """

    KIND: Literal["StratifiedSplitter"] = "StratifiedSplitter"
    test_size: Share = 0.2
    random_state: int = 0

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        import numpy as np

        from .errors import DataError

        hashes = _hash(inputs.index, self.random_state)
        held_out = np.zeros(len(inputs), dtype=np.bool_)
        places = targets.groupby(targets.to_numpy(), sort=False).indices
        rare = [label for label, mine in places.items() if len(mine) < 2]
        if rare:
            raise DataError(
                f"The {len(inputs)} rows cannot be split: {len(rare)} labels have one row each, as"
                f" '{rare[0]}' has, and two are needed at least, one to be held out."
            )
        for mine in places.values():
            held_out[mine] = _hold_out(hashes[mine], self.test_size)
        return _parts(held_out)


class _ColumnSplitter(Splitter):
    """A splitter that goes by a column of the inputs, or by their index."""

    by: str | None

    def check(self) -> None:
        """Check that there is such a column.

        Raises:
            ConfigError: There is none.
        """
        from . import frames, schemas
        from .errors import ConfigError

        names = [frames.index_name(schemas.Inputs), *frames.column_names(schemas.Inputs)]
        if self.by is not None and self.by not in names:
            raise ConfigError(
                f"The inputs have no column '{self.by}' to split by.{nearest(self.by, names)}"
            )

    def _column(self, inputs: pd.DataFrame) -> pd.Series[Any] | pd.Index[Any]:
        return inputs.index if self.by == inputs.index.name else inputs[self.by]

    def _number(self, inputs: pd.DataFrame, what: str) -> tuple[Rows, pd.Index[Any]]:
        """Number the values of the column in their order, whatever that of the rows.

        Args:
            inputs: n rows.
            what: what a row has none of where the value is missing.

        Returns:
            The number of each row's value, and the values.

        Raises:
            DataError: A value is missing.
        """
        import pandas as pd

        from .errors import DataError

        codes, values = pd.factorize(self._column(inputs), sort=True)
        missing = int((codes < 0).sum())
        if missing:
            raise DataError(
                f"{missing} of the {len(inputs)} rows have no {what}: fill it in, or leave these"
                " rows out."
            )
        return codes, values


class _TimeSplitter(_ColumnSplitter):
    """A splitter of rows in time."""

    by: str | None = None
    """The column that orders the rows; their own order without one."""

    def _order(self, inputs: pd.DataFrame) -> tuple[Rows, Rows]:
        """Order n rows in time, those of one moment beside each other.

        Returns:
            The positions of the rows, the earliest first; and for each of these n places, the first
            place that has the same moment: between them there is no cut.

        Raises:
            DataError: A row has no time.
        """
        import numpy as np

        if self.by is None:
            places = np.arange(len(inputs))
            return places, places
        moments, _ = self._number(inputs, f"'{self.by}', by which they are to be ordered")
        order = np.argsort(moments, kind="stable")
        return order, np.searchsorted(moments[order], moments[order])


class _GroupSplitter(_ColumnSplitter):
    """A splitter that keeps the rows of a group together.

    What is learned from some rows of a patient or a shop says too much of its other rows: how well
    a model does with new ones is told by groups that it was not trained on.
    """

    by: str
    """The column that names a row's group."""

    def _groups(self, inputs: pd.DataFrame, least: int) -> tuple[Rows, pd.Index[Any]]:
        """Number the groups, of which there must be so many at least.

        Returns:
            The number of each row's group, and the groups.
        """
        from .errors import DataError

        what = f"value of '{self.by}', which they are to be split by"
        codes, groups = self._number(inputs, what)
        if len(groups) < least:
            raise DataError(
                f"The {len(inputs)} rows cannot be split: '{self.by}' has {len(groups)} different"
                f" values, and {least} are needed at least."
            )
        return codes, groups


class TimeSplitter(_TimeSplitter):
    """Hold out the last rows in time, all of a moment or none."""

    KIND: Literal["TimeSplitter"] = "TimeSplitter"
    test_size: Share = 0.2

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        from .errors import DataError

        order, first = self._order(inputs)
        cut = len(order) - round(len(order) * self.test_size)
        if not 0 < cut < len(order):
            raise DataError(f"{len(order)} rows are too few to hold out {self.test_size:.0%}.")
        if first[-1] == 0:
            raise DataError(f"The {len(order)} rows have the same '{self.by}': none is later.")
        cut = first[cut] or first[first > 0][0]
        return [(order[:cut], order[cut:])]


class GroupSplitter(_GroupSplitter):
    """Hold out a share of the groups, drawn at random by their names, with all their rows.

    A group stays on its side as a row of ``RandomSplitter`` does.
    """

    KIND: Literal["GroupSplitter"] = "GroupSplitter"
    test_size: Share = 0.2
    random_state: int = 0

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        codes, groups = self._groups(inputs, least=2)
        return _parts(_hold_out(_hash(groups, self.random_state), self.test_size)[codes])


class KFoldSplitter(Splitter):
    """Test on each of k parts in turn, drawn at random."""

    KIND: Literal["KFoldSplitter"] = "KFoldSplitter"
    folds: Folds = 5
    random_state: Seed = 0

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        from sklearn.model_selection import KFold

        split = KFold(self.folds, shuffle=True, random_state=self.random_state)
        return _split(split, inputs, targets)


class StratifiedKFoldSplitter(Splitter):
    """Test on each of k parts in turn, drawn at random with the same share of each label."""

    KIND: Literal["StratifiedKFoldSplitter"] = "StratifiedKFoldSplitter"
    folds: Folds = 5
    random_state: Seed = 0

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        from sklearn.model_selection import StratifiedKFold

        split = StratifiedKFold(self.folds, shuffle=True, random_state=self.random_state)
        return _split(split, inputs, targets)


class GroupKFoldSplitter(_GroupSplitter):
    """Test on each of k parts in turn, drawn at random, the rows of a group in one of them."""

    KIND: Literal["GroupKFoldSplitter"] = "GroupKFoldSplitter"
    folds: Folds = 5
    random_state: Seed = 0

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        from sklearn.model_selection import GroupKFold

        split = GroupKFold(self.folds, shuffle=True, random_state=self.random_state)
        codes, _ = self._groups(inputs, least=self.folds)
        return _split(split, inputs, targets, codes)


class TimeSeriesSplitter(_TimeSplitter):
    """Test on each of k later parts in turn, after training on all that came before it.

    The rows of a moment stay together.
    """

    KIND: Literal["TimeSeriesSplitter"] = "TimeSeriesSplitter"
    folds: Folds = 5

    def splits(self, inputs: pd.DataFrame, targets: pd.Series[Any]) -> Splits:
        from sklearn.model_selection import TimeSeriesSplit

        from .errors import DataError

        order, first = self._order(inputs)
        pairs = _split(TimeSeriesSplit(self.folds), inputs, targets)
        cuts = [*(first[test[0]] for _, test in pairs), len(order)]
        if len({0, *cuts}) < len(cuts) + 1:
            raise DataError(
                f"The {len(order)} rows have too few different '{self.by}' for {self.folds} folds."
            )
        return [(order[:cut], order[cut:end]) for cut, end in itertools.pairwise(cuts)]


HoldoutKind = Annotated[
    RandomSplitter | HashSplitter | StratifiedSplitter | TimeSplitter | GroupSplitter,
    Field(discriminator="KIND"),
]
FoldsKind = Annotated[
    KFoldSplitter | StratifiedKFoldSplitter | TimeSeriesSplitter | GroupKFoldSplitter,
    Field(discriminator="KIND"),
]


def _split_by_hash(inputs: pd.DataFrame, test_size: float, seed: int | None) -> Splits:
    from .errors import DataError

    if len(inputs) < 2:
        raise DataError(f"{len(inputs)} rows are too few to hold out {test_size:.0%}.")
    return _parts(_hold_out(_hash(inputs.index, seed), test_size))


def _hash(keys: pd.Index[Any], seed: int | None) -> Hashes:
    """Hash what names a row or a group, which depends on nothing else in the table."""
    import numpy as np
    import pandas as pd

    hashes = pd.util.hash_pandas_object(keys, index=False).to_numpy()
    if seed is None:
        return hashes
    # What pandas hashes integers with is the mixer of splitmix64. It leaves a 0 as it is, thus + 1.
    return pd.util.hash_array(hashes + np.uint64((seed + 1) * GOLDEN % HASHES))


def _hold_out(hashes: Hashes, test_size: float) -> Mask:
    """Hold out what has a low hash: of two or more one at least, and never all."""
    held_out: Mask = hashes < test_size * HASHES
    if not held_out.any():
        held_out[hashes.argmin()] = True
    elif held_out.all():
        held_out[hashes.argmax()] = False
    return held_out


def _parts(held_out: Mask) -> Splits:
    import numpy as np

    return [(np.flatnonzero(~held_out), np.flatnonzero(held_out))]


def _split(
    splitter: Any, inputs: pd.DataFrame, targets: pd.Series[Any], groups: Rows | None = None
) -> Splits:
    from .errors import DataError

    try:
        return list(splitter.split(inputs, targets, groups))
    except ValueError as error:
        raise DataError(f"The {len(inputs)} rows cannot be split: {error}") from error

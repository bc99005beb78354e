"""Searchers: how tuning looks for a model's best parameters."""

from __future__ import annotations

import importlib.util
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal, NamedTuple

from pydantic import Field, model_validator

from .components import Component, Count, Seed, Workers

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pandas as pd
    from sklearn.pipeline import Pipeline

    from .metrics import Metric
    from .splitters import Splits

    Data = tuple[pd.DataFrame, pd.Series[Any]]
    Tried = Iterable[tuple[dict[str, Any], float, float]]
    """Parameters by the pipeline's names, and the mean and the deviation of their gain."""

Value = bool | int | float | str | None
Values = Annotated[list[Value], Field(min_length=1)]


class Range(Component):
    """Numbers to draw from, both ends included; whole ones where both ends are."""

    low: int | float
    high: int | float
    log: bool = False
    """Draw evenly over the magnitudes rather than over the numbers."""

    @model_validator(mode="after")
    def _ordered(self) -> Range:
        if not self.low < self.high:
            raise ValueError(f"low ({self.low}) must be less than high ({self.high})")
        if self.log and self.low <= 0:
            raise ValueError(f"a logarithmic range must be positive, and low is {self.low}")
        return self

    @property
    def whole(self) -> bool:
        """Whether only whole numbers are drawn."""
        return isinstance(self.low, int) and isinstance(self.high, int)


Parameters = dict[str, Value]
Space = Annotated[dict[str, Values | Range], Field(min_length=1)]


class Trial(NamedTuple):
    """One set of parameters that was tried."""

    parameters: Parameters
    score: float
    """The mean over the folds, in the metric's own sign."""
    deviation: float
    """The standard deviation over the folds."""


class Searcher(Component, ABC):
    """A way to choose which parameters to try."""

    KIND: str
    space: Space

    def search(
        self,
        pipeline: Pipeline,
        inputs: pd.DataFrame,
        targets: pd.Series[Any],
        metric: Metric,
        splits: Splits,
        *,
        progress: bool = False,
    ) -> tuple[list[Trial], Trial]:
        """Try parameters of the pipeline's model.

        Args:
            pipeline: not yet fitted; its last step is named ``model``.
            inputs: n rows.
            targets: the n values to predict.
            metric: what to optimise.
            splits: the folds, as positions among the n rows.
            progress: show a progress bar on the terminal.

        Returns:
            The trials in the order they were made, and the best one.
        """
        tried, best = self._search(
            pipeline,
            (inputs, targets),
            progress,
            scoring=metric.gain,
            cv=splits,
            error_score="raise",
        )
        sign = 1 if metric.greater_is_better else -1
        ours = {find_parameter(pipeline, name): name for name in self.space}
        trials = [
            Trial(
                {ours[name]: _plain(value) for name, value in parameters.items()},
                sign * float(gain),
                float(deviation),
            )
            for parameters, gain, deviation in tried
        ]
        return trials, trials[best]

    @abstractmethod
    def _search(
        self, pipeline: Pipeline, data: Data, progress: bool, **scoring: Any
    ) -> tuple[Tried, int]:
        """Say what was tried and which is best, cross-validated by scikit-learn's ``scoring``."""

    def check(self) -> None:
        """Check that the searcher can run here.

        Raises:
            ConfigError: A library that it needs is not installed.
        """


class _SklearnSearcher(Searcher):
    """A searcher of scikit-learn's."""

    n_jobs: Workers | None = None
    """How many trials to run at a time; small data is faster with one."""

    @abstractmethod
    def _searcher(self, **common: Any) -> Any:
        """Build the scikit-learn object."""

    def _search(
        self, pipeline: Pipeline, data: Data, progress: bool, **scoring: Any
    ) -> tuple[Tried, int]:
        searcher = self._searcher(estimator=pipeline, n_jobs=self.n_jobs, refit=False, **scoring)
        if progress:
            from sklearn.callback import ProgressBar

            searcher.set_callbacks(ProgressBar(max_propagation_depth=0))
        searcher.fit(*data)
        columns = ("params", "mean_test_score", "std_test_score")
        tried = zip(*(searcher.cv_results_[name] for name in columns), strict=True)
        return tried, int(searcher.best_index_)


class GridSearcher(_SklearnSearcher):
    """Try every combination.

    Source: https://scikit-learn.org/stable/modules/grid_search.html
    """

    KIND: Literal["GridSearcher"] = "GridSearcher"

    @model_validator(mode="after")
    def _no_range(self) -> GridSearcher:
        for name, values in self.space.items():
            if isinstance(values, Range):
                raise ValueError(f"a grid needs a list of values, and '{name}' is a range")
        return self

    def _searcher(self, **common: Any) -> Any:
        from sklearn.model_selection import GridSearchCV

        return GridSearchCV(param_grid=_renamed(self.space, common["estimator"]), **common)


class RandomSearcher(_SklearnSearcher):
    """Try combinations drawn at random."""

    KIND: Literal["RandomSearcher"] = "RandomSearcher"
    trials: Count = 20
    random_state: Seed = 0

    def _searcher(self, **common: Any) -> Any:
        from sklearn.model_selection import RandomizedSearchCV

        return RandomizedSearchCV(
            param_distributions=_renamed(_distributions(self.space), common["estimator"]),
            n_iter=self.trials,
            random_state=self.random_state,
            **common,
        )


class HalvingSearcher(_SklearnSearcher):
    """Try many combinations on few rows, and the better ones on ever more.

    Source: https://scikit-learn.org/stable/modules/grid_search.html#successive-halving-user-guide
    """

    KIND: Literal["HalvingSearcher"] = "HalvingSearcher"
    candidates: Annotated[int, Field(ge=2)] = 20
    factor: Annotated[int, Field(ge=2)] = 3
    random_state: Seed = 0

    def _searcher(self, **common: Any) -> Any:
        from sklearn.experimental import enable_halving_search_cv  # noqa: F401
        from sklearn.model_selection import HalvingRandomSearchCV

        return HalvingRandomSearchCV(
            param_distributions=_renamed(_distributions(self.space), common["estimator"]),
            n_candidates=self.candidates,
            factor=self.factor,
            min_resources="exhaust",  # so that the last ones are compared on all rows
            random_state=self.random_state,
            **common,
        )


class OptunaSearcher(Searcher):
    """Try combinations that the trials before make look promising (needs the extra ``optuna``).

    Source: https://optuna.readthedocs.io/en/stable/reference/samplers/generated/optuna.samplers.TPESampler.html
    """

    KIND: Literal["OptunaSearcher"] = "OptunaSearcher"
    trials: Count = 20
    random_state: Seed = 0

    def check(self) -> None:
        from .errors import ConfigError

        if importlib.util.find_spec("optuna") is None:
            raise ConfigError("OptunaSearcher needs the extra 'optuna': uv sync --extra optuna.")

    def _search(
        self, pipeline: Pipeline, data: Data, progress: bool, **scoring: Any
    ) -> tuple[Tried, int]:
        import optuna
        from sklearn.base import clone
        from sklearn.model_selection import cross_val_score

        optuna.logging.set_verbosity(optuna.logging.WARNING)
        tried: list[tuple[dict[str, Any], float, float]] = []

        def objective(trial: optuna.Trial) -> float:
            parameters = _renamed(
                {name: _suggest(trial, name, self.space[name]) for name in self.space}, pipeline
            )
            estimator = clone(pipeline).set_params(**parameters)
            gains = cross_val_score(estimator, *data, **scoring)
            tried.append((parameters, gains.mean(), gains.std()))
            return float(gains.mean())

        sampler = optuna.samplers.TPESampler(seed=self.random_state)
        study = optuna.create_study(direction="maximize", sampler=sampler)
        study.optimize(objective, n_trials=self.trials, show_progress_bar=progress)
        return tried, study.best_trial.number


SearcherKind = Annotated[
    GridSearcher | RandomSearcher | HalvingSearcher | OptunaSearcher, Field(discriminator="KIND")
]


def find_parameter(pipeline: Pipeline, name: str) -> str:
    """Find what a pipeline calls a parameter of its last step, which may be made of others.

    Args:
        pipeline: not yet fitted; its last step is named ``model``.
        name: the parameter's own, as ``alpha`` for ``model__ridge__alpha``.

    Raises:
        ConfigError: The step has no such parameter, or parts of it have more than one.
    """
    from .errors import ConfigError

    names: list[str] = [full for full in pipeline.get_params() if full.startswith("model__")]
    if f"model__{name}" in names:
        return f"model__{name}"
    found = [full for full in names if full.endswith(f"__{name}")]
    if len(found) == 1:
        return found[0]
    parts = [full.removeprefix("model__") for full in found]
    which = f"it may be {' or '.join(parts)}" if parts else "it has no parameter of that name"
    raise ConfigError(
        f"searcher.space.{name} cannot be set on the estimator: {which}. Name the model's field as"
        " the estimator does, with the part in front where there are more."
    )


def _renamed(parameters: dict[str, Any], pipeline: Pipeline) -> dict[str, Any]:
    return {find_parameter(pipeline, name): value for name, value in parameters.items()}


def _distributions(space: dict[str, Values | Range]) -> dict[str, Any]:
    from scipy import stats

    class WholeLogUniform:
        """Whole numbers, evenly over the magnitudes."""

        def __init__(self, low: int, high: int) -> None:
            self.magnitudes = stats.loguniform(low, high + 1)

        def rvs(self, random_state: Any = None) -> int:
            return int(self.magnitudes.rvs(random_state=random_state))

    def distribution(values: Values | Range) -> Any:
        if not isinstance(values, Range):
            return values
        if isinstance(values.low, int) and isinstance(values.high, int):
            if values.log:
                return WholeLogUniform(values.low, values.high)
            return stats.randint(values.low, values.high + 1)
        if values.log:
            return stats.loguniform(values.low, values.high)
        return stats.uniform(values.low, values.high - values.low)

    return {name: distribution(values) for name, values in space.items()}


def _suggest(trial: Any, name: str, values: Values | Range) -> Value:
    if not isinstance(values, Range):
        choice: Value = trial.suggest_categorical(name, values)
        return choice
    suggest = trial.suggest_int if values.whole else trial.suggest_float
    number: int | float = suggest(name, values.low, values.high, log=values.log)
    return number


def _plain(value: Any) -> Value:
    """Give a value a type of Python's own, which YAML can hold."""
    plain: Value = value.item() if hasattr(value, "item") else value
    return plain

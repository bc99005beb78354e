"""Explainers: which columns a model goes by."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal, NamedTuple

from pydantic import Field

from .components import Component, Count, Seed
from .errors import DataError

if TYPE_CHECKING:
    import pandas as pd
    from sklearn.compose import ColumnTransformer
    from sklearn.pipeline import Pipeline

    from .metrics import Metric


class Explanation(NamedTuple):
    """What one explainer found."""

    importances: pd.Series[float]
    """One number for each column; greater means that the model goes by it more."""
    values: pd.DataFrame | None
    """What each column adds to each row's prediction, where the explainer says so."""


class Explainer(Component, ABC):
    """A way to say which columns a fitted pipeline goes by."""

    KIND: str
    label: ClassVar[str]
    """What an importance measures."""
    random_state: Seed = 0

    @abstractmethod
    def explain(
        self, pipeline: Pipeline, inputs: pd.DataFrame, target: pd.Series[Any], metric: Metric
    ) -> Explanation:
        """Explain a pipeline.

        Args:
            pipeline: fitted.
            inputs: n rows that it was not trained on.
            target: their n true values.
            metric: what a column's worth is measured by, where the explainer measures it.

        Raises:
            DataError: The metric is no number on these rows.
        """


class PermutationExplainer(Explainer):
    """How much worse the score gets when a column's values are shuffled.

    Source: https://scikit-learn.org/stable/modules/permutation_importance.html
    """

    KIND: Literal["PermutationExplainer"] = "PermutationExplainer"
    label: ClassVar[str] = "loss of score when shuffled"
    repeats: Count = 5

    def explain(
        self, pipeline: Pipeline, inputs: pd.DataFrame, target: pd.Series[Any], metric: Metric
    ) -> Explanation:
        import pandas as pd
        from sklearn.inspection import permutation_importance

        result = permutation_importance(
            pipeline,
            inputs,
            target,
            scoring=metric.gain,
            n_repeats=self.repeats,
            random_state=self.random_state,
        )
        importances = pd.Series(result.importances_mean, index=inputs.columns)
        if importances.isna().any():
            raise DataError(
                f"{metric.name} of these {len(inputs)} rows is no number, as where a label is in"
                " none of them: explain by more rows, or by another metric."
            )
        return Explanation(importances[_features(pipeline["columns"], inputs)], None)


class ShapExplainer(Explainer):
    """How much each column moves each prediction away from the mean one.

    Trees are explained exactly; any other model by sampling permutations of its columns.

    Source: Lundberg and Lee (2017), A unified approach to interpreting model predictions;
    https://shap.readthedocs.io
    """

    KIND: Literal["ShapExplainer"] = "ShapExplainer"
    label: ClassVar[str] = "mean absolute SHAP value"
    background_rows: Count = 100
    """How many rows stand for the mean prediction where a model is not of trees."""

    def explain(
        self, pipeline: Pipeline, inputs: pd.DataFrame, target: pd.Series[Any], metric: Metric
    ) -> Explanation:
        import numpy as np
        import pandas as pd
        import shap

        columns, model = pipeline["columns"], pipeline["model"]
        table = np.asarray(columns.transform(inputs), dtype="float64")
        try:
            explainer = shap.TreeExplainer(model)
        except ValueError:  # not a model of trees
            function = getattr(model, "predict_proba", model.predict)
            background = shap.utils.sample(table, self.background_rows, self.random_state)
            explainer = shap.Explainer(function, background, seed=self.random_state)
        # What the numbers of one text or time add to a prediction adds up to what it does.
        sources = _sources(columns)
        names = _features(columns, inputs)
        belongs = np.array([[source == name for name in names] for source in sources])
        values = np.einsum("rs...,sn->rn...", np.asarray(explainer(table).values), belongs)
        if values.ndim == 2:
            flat = pd.DataFrame(values, index=inputs.index, columns=names)
        else:
            flat = pd.concat(
                [
                    pd.DataFrame(values[:, :, place], inputs.index, names).add_suffix(f" [{label}]")
                    for place, label in enumerate(model.classes_)
                ],
                axis=1,
            )
            values = np.abs(values).sum(axis=2)
        return Explanation(pd.Series(np.abs(values).mean(axis=0), index=names), flat)


ExplainerKind = Annotated[PermutationExplainer | ShapExplainer, Field(discriminator="KIND")]


def _taken(columns: ColumnTransformer) -> dict[str, list[str]]:
    """List the columns of the inputs that each transformer takes."""
    return {
        step: [names] if isinstance(names, str) else list(names)
        for step, transformer, names in columns.transformers_
        if transformer != "drop"
    }


def _features(columns: ColumnTransformer, inputs: pd.DataFrame) -> list[str]:
    """List the columns of the inputs that the model learned from, in their order."""
    taken = {name for names in _taken(columns).values() for name in names}
    return [str(name) for name in inputs if name in taken]


def _sources(columns: ColumnTransformer) -> list[str]:
    """Name the column of the inputs that each column of the model comes from.

    Raises:
        RegistryError: A transformer makes of several columns another number of them.
    """
    from .errors import RegistryError

    sources: list[str] = []
    for step, names in _taken(columns).items():
        given = columns.output_indices_[step]
        width = given.stop - given.start
        if len(names) == 1:
            sources += names * width
        elif len(names) == width:
            sources += names
        else:
            raise RegistryError(
                f"The pipeline's '{step}' makes {width} columns of {', '.join(names)}, and does not"
                " say which of which: give each an encoder of its own, and train a new version."
            )
    return sources

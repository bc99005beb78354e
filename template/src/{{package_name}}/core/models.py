"""Models: pipelines built from the columns of a schema.

To add one, write a class with a ``KIND`` and an ``estimator``, and name it in ``ModelKind``. Its
fields are the estimator's own parameters: what they are, a conf can set and tuning can search.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field, NonNegativeFloat, PositiveFloat

from .components import Component, Count, Seed, Workers

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa
    from sklearn.base import BaseEstimator
    from sklearn.pipeline import Pipeline

Problem = Literal["regression", "classification"]


class Model(Component, ABC):
    """Parameters of an estimator, and how to build it."""

    KIND: str

    @abstractmethod
    def estimator(self, problem: Problem) -> BaseEstimator:
        """Build the estimator, not yet fitted."""

    def parameters(self) -> dict[str, Any]:
        """List the estimator's parameters by their scikit-learn names."""
        return self.model_dump(exclude={"KIND"})

    def pipeline(self, schema: type[pa.DataFrameModel], problem: Problem) -> Pipeline:
        """Build the pipeline that takes a table of the schema.

        Numbers and booleans keep their values, missing ones too; times, text and categories become
        numbers (see ``encoders``); columns that the schema sets aside are left out.

        Args:
            schema: the inputs.
            problem: what the targets are.

        Returns:
            A pipeline of two steps, ``columns`` and ``model``, not yet fitted.

        Raises:
            ConfigError: The schema finds columns by a pattern.
            DataError: The schema leaves nothing to learn from.
        """
        from sklearn.compose import ColumnTransformer
        from sklearn.pipeline import Pipeline

        from .encoders import NumberEncoder, TextEncoder, TimeEncoder
        from .errors import ConfigError, DataError
        from .frames import columns_by_kind, set_aside

        for name, column in schema.to_schema().columns.items():
            if column.regex:
                raise ConfigError(
                    f"The schema {schema.__name__} finds columns by the pattern '{name}': declare"
                    " each by its name, by which the model knows it."
                )
        aside = set_aside(schema)
        kinds = {
            kind: [name for name in names if name not in aside]
            for kind, names in columns_by_kind(schema).items()
        }
        if not any(kinds.values()):
            raise DataError(f"The schema {schema.__name__} has no column that a model learns from.")
        columns = ColumnTransformer(
            [
                ("numbers", NumberEncoder(), [*kinds["number"], *kinds["castable"]]),
                # One encoder for each column, so that explanations know whose numbers are whose.
                *((f"text{n}", TextEncoder(), name) for n, name in enumerate(kinds["text"])),
                *((f"time{n}", TimeEncoder(), name) for n, name in enumerate(kinds["time"])),
            ],
            verbose_feature_names_out=False,
        )
        return Pipeline([("columns", columns), ("model", self.estimator(problem))])


class BaselineModel(Model):
    """Predict the mean, or the frequencies of the labels: what any model has to beat."""

    KIND: Literal["BaselineModel"] = "BaselineModel"

    def estimator(self, problem: Problem) -> BaseEstimator:
        from sklearn.dummy import DummyClassifier, DummyRegressor

        return DummyRegressor() if problem == "regression" else DummyClassifier(strategy="prior")


class GradientBoostingModel(Model):
    """Trees that each correct the ones before them, on histograms of the columns.

    Source: https://scikit-learn.org/stable/modules/ensemble.html#histogram-based-gradient-boosting
    """

    KIND: Literal["GradientBoostingModel"] = "GradientBoostingModel"
    max_iter: Count = 100
    learning_rate: PositiveFloat = 0.1
    max_leaf_nodes: Annotated[int, Field(ge=2, lt=2**31)] | None = 31
    max_depth: Count | None = None
    min_samples_leaf: Count = 20
    l2_regularization: NonNegativeFloat = 0.0
    early_stopping: bool = False
    random_state: Seed = 0

    def estimator(self, problem: Problem) -> BaseEstimator:
        from sklearn.ensemble import HistGradientBoostingClassifier, HistGradientBoostingRegressor

        if problem == "regression":
            return HistGradientBoostingRegressor(**self.parameters())
        return HistGradientBoostingClassifier(**self.parameters())


class RandomForestModel(Model):
    """The mean of many trees, each grown on its own sample of the rows.

    Source: https://scikit-learn.org/stable/modules/ensemble.html#random-forests
    """

    KIND: Literal["RandomForestModel"] = "RandomForestModel"
    n_estimators: Count = 100
    max_depth: Count | None = None
    min_samples_leaf: Count = 1
    max_features: Annotated[float, Field(gt=0, le=1)] | Literal["sqrt", "log2"] = "sqrt"
    n_jobs: Workers | None = None
    random_state: Seed = 0

    def estimator(self, problem: Problem) -> BaseEstimator:
        from sklearn.ensemble import RandomForestClassifier, RandomForestRegressor

        if problem == "regression":
            return RandomForestRegressor(**self.parameters())
        return RandomForestClassifier(**self.parameters())


ModelKind = Annotated[
    BaselineModel | GradientBoostingModel | RandomForestModel, Field(discriminator="KIND")
]


def predict(pipeline: Pipeline, inputs: pd.DataFrame) -> pd.DataFrame:
    """Predict with a fitted pipeline.

    Args:
        pipeline: fitted; a regressor, or a classifier with probabilities.
        inputs: n rows.

    Returns:
        n rows under the same index: ``prediction`` and, for a classifier,
        ``probability_<label>`` for each label.
    """
    import pandas as pd

    if not hasattr(pipeline, "predict_proba"):
        return pd.DataFrame({"prediction": pipeline.predict(inputs)}, index=inputs.index)
    probabilities = pipeline.predict_proba(inputs)
    labels = pipeline.classes_
    outputs = pd.DataFrame(
        probabilities, columns=[f"probability_{label}" for label in labels], index=inputs.index
    )
    outputs.insert(0, "prediction", labels[probabilities.argmax(axis=1)])
    return outputs

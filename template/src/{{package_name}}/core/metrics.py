"""Metrics and the thresholds that they must meet.

A metric is named as scikit-learn names its function, without ``_score``
(https://scikit-learn.org/stable/modules/model_evaluation.html).
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field, model_validator

from .components import Component

if TYPE_CHECKING:
    from collections.abc import Sequence

    import numpy as np
    import pandas as pd
    from sklearn.pipeline import Pipeline

    from .models import Problem

PROBABILITY = "probability_"
"""What the name of a column of probabilities starts with; the label follows."""


class Metric(Component, ABC):
    """One number that says how good predictions are."""

    KIND: str
    name: str
    problem: ClassVar[Problem]
    losses: ClassVar[frozenset[str]] = frozenset()

    @property
    def greater_is_better(self) -> bool:
        """Whether a greater score is a better one."""
        return self.name not in self.losses

    @abstractmethod
    def score(self, targets: pd.Series[Any], outputs: pd.DataFrame) -> float:
        """Score predictions.

        Args:
            targets: the n true values.
            outputs: n rows, as ``models.predict`` gives them.

        Returns:
            The metric as scikit-learn defines it, in its own sign.

        Raises:
            DataError: The metric's label is not one that the model knows.
        """

    def gain(self, pipeline: Pipeline, inputs: pd.DataFrame, targets: pd.Series[Any]) -> float:
        """Score a fitted pipeline so that greater is always better, as a search wants it."""
        from .models import predict

        score = self.score(targets, predict(pipeline, inputs))
        return score if self.greater_is_better else -score


class RegressionMetric(Metric):
    """How far predictions are from the values, in the unit that the metric's name implies."""

    KIND: Literal["RegressionMetric"] = "RegressionMetric"
    name: Literal[
        "r2",
        "explained_variance",
        "max_error",
        "mean_absolute_error",
        "mean_absolute_percentage_error",
        "mean_squared_error",
        "median_absolute_error",
        "root_mean_squared_error",
    ]
    problem: ClassVar[Problem] = "regression"
    losses: ClassVar[frozenset[str]] = frozenset(
        {
            "max_error",
            "mean_absolute_error",
            "mean_absolute_percentage_error",
            "mean_squared_error",
            "median_absolute_error",
            "root_mean_squared_error",
        }
    )

    def score(self, targets: pd.Series[Any], outputs: pd.DataFrame) -> float:
        from sklearn import metrics

        suffix = "_score" if self.greater_is_better else ""
        return float(getattr(metrics, self.name + suffix)(targets, outputs["prediction"]))


class BinaryMetric(Metric):
    """How well one label is told from the other."""

    KIND: Literal["BinaryMetric"] = "BinaryMetric"
    name: Literal[
        "accuracy",
        "average_precision",
        "balanced_accuracy",
        "brier_score_loss",
        "f1",
        "log_loss",
        "matthews_corrcoef",
        "precision",
        "recall",
        "roc_auc",
    ]
    positive: str | int | bool
    """The label that is looked for."""
    problem: ClassVar[Problem] = "classification"
    losses: ClassVar[frozenset[str]] = frozenset({"brier_score_loss", "log_loss"})

    def score(self, targets: pd.Series[Any], outputs: pd.DataFrame) -> float:
        from sklearn import metrics

        # A label is compared as text, so that 1 in a conf is the label "1" too.
        truth = targets.astype("str") == str(self.positive)
        predicted = outputs["prediction"].astype("str") == str(self.positive)
        column = f"{PROBABILITY}{self.positive}"
        if column not in outputs:
            raise _unknown_label(self.positive, outputs)
        match self.name:
            case "average_precision" | "roc_auc":
                return float(getattr(metrics, f"{self.name}_score")(truth, outputs[column]))
            case "log_loss":
                return float(metrics.log_loss(truth, outputs[column], labels=[False, True]))
            case "brier_score_loss":
                return float(metrics.brier_score_loss(truth, outputs[column]))
            case "f1" | "precision" | "recall":
                return float(
                    getattr(metrics, f"{self.name}_score")(truth, predicted, zero_division=0.0)
                )
            case "matthews_corrcoef":
                return float(metrics.matthews_corrcoef(truth, predicted))
            case _:
                return float(getattr(metrics, f"{self.name}_score")(truth, predicted))


class MulticlassMetric(Metric):
    """How well any number of labels are told apart; each label counts the same."""

    KIND: Literal["MulticlassMetric"] = "MulticlassMetric"
    name: Literal[
        "accuracy",
        "balanced_accuracy",
        "f1",
        "log_loss",
        "matthews_corrcoef",
        "precision",
        "recall",
        "roc_auc",
    ]
    problem: ClassVar[Problem] = "classification"
    losses: ClassVar[frozenset[str]] = frozenset({"log_loss"})

    def score(self, targets: pd.Series[Any], outputs: pd.DataFrame) -> float:
        from sklearn import metrics

        predicted = outputs["prediction"]
        match self.name:
            case "log_loss":
                labels, probabilities = _probabilities(targets, outputs)
                return float(metrics.log_loss(targets.astype(str), probabilities, labels=labels))
            case "roc_auc":
                # A class that no row is of has no such score.
                labels, probabilities = _probabilities(targets, outputs)
                texts = targets.astype(str)
                found = [
                    metrics.roc_auc_score(texts == label, given)
                    for label, given in zip(labels, probabilities.T, strict=True)
                    if 0 < (texts == label).sum() < len(texts)
                ]
                return sum(found) / len(found) if found else math.nan
            case "f1" | "precision" | "recall":
                score = getattr(metrics, f"{self.name}_score")
                return float(score(targets, predicted, average="macro", zero_division=0.0))
            case "matthews_corrcoef":
                return float(metrics.matthews_corrcoef(targets, predicted))
            case _:
                return float(getattr(metrics, f"{self.name}_score")(targets, predicted))


MetricKind = Annotated[
    RegressionMetric | BinaryMetric | MulticlassMetric, Field(discriminator="KIND")
]


class Threshold(Component):
    """What a metric must reach, or must not exceed, for a version to be promoted."""

    metric: str
    at_least: float | None = None
    at_most: float | None = None

    @model_validator(mode="after")
    def _one_bound(self) -> Threshold:
        bounds = [bound for bound in (self.at_least, self.at_most) if bound is not None]
        if len(bounds) != 1:
            raise ValueError("give one bound: either at_least or at_most")
        return self

    def passes(self, score: float) -> bool:
        """Say whether a score meets the bound; a NaN never does."""
        if self.at_least is not None:
            return score >= self.at_least
        return self.at_most is not None and score <= self.at_most

    def __str__(self) -> str:
        """Write the threshold as a formula."""
        if self.at_least is not None:
            return f"{self.metric} ≥ {self.at_least:g}"
        return f"{self.metric} ≤ {self.at_most:g}"


def check_problem(
    metrics: Sequence[Metric], problem: Problem, labels: Sequence[object] = ()
) -> None:
    """Check that metrics fit the problem of the schemas.

    Args:
        metrics: what a conf asks for.
        problem: what the targets are.
        labels: those that the targets may hold, where the schemas say so.

    Raises:
        ConfigError: One does not fit.
    """
    from .components import nearest
    from .errors import ConfigError

    known = [str(label) for label in labels]

    for metric in metrics:
        if metric.problem != problem:
            raise ConfigError(
                f"The metric {metric.name} ({metric.KIND}) is for {metric.problem}, and the"
                f" schemas say {problem}: choose another KIND."
            )
        if isinstance(metric, BinaryMetric) and known and str(metric.positive) not in known:
            raise ConfigError(
                f"The metric {metric.name} looks for the label '{metric.positive}', which"
                f" schemas.Targets does not allow.{nearest(str(metric.positive), known)}"
            )


def _probabilities(
    targets: pd.Series[Any], outputs: pd.DataFrame
) -> tuple[list[str], np.ndarray[Any, Any]]:
    """Collect the labels and their probabilities: 0 for one that the model was trained without."""
    known = {str(name) for name in outputs if str(name).startswith(PROBABILITY)}
    columns = sorted(known | {f"{PROBABILITY}{label}" for label in targets.unique()})
    labels = [name.removeprefix(PROBABILITY) for name in columns]
    return labels, outputs.reindex(columns=columns, fill_value=0.0).to_numpy()


def _unknown_label(label: object, outputs: pd.DataFrame) -> Exception:
    from .components import nearest
    from .errors import DataError

    labels = [str(name).removeprefix(PROBABILITY) for name in outputs if name != "prediction"]
    return DataError(
        f"The model was trained without the label '{label}'.{nearest(str(label), labels)}"
    )


def score_classes(targets: pd.Series[Any], predictions: pd.Series[Any]) -> pd.DataFrame:
    """Score each class on its own, the one that is found least on top.

    Args:
        targets: the n true labels.
        predictions: the n predicted ones.

    Returns:
        A row for each label: how many rows it has, precision and recall.
    """
    import pandas as pd
    from sklearn.metrics import precision_recall_fscore_support

    labels = sorted({*targets.unique(), *predictions.unique()})
    precision, recall, _, rows = precision_recall_fscore_support(
        targets, predictions, labels=labels, zero_division=0
    )
    table = pd.DataFrame({"class": labels, "rows": rows, "precision": precision, "recall": recall})
    return table.sort_values(["recall", "rows"], ascending=[True, False])


def list_mistakes(targets: pd.Series[Any], predictions: pd.Series[Any]) -> pd.DataFrame:
    """List the pairs of labels that are taken for each other, the most frequent on top.

    Args:
        targets: the n true labels.
        predictions: the n predicted ones.

    Returns:
        A row for each pair: true, predicted, and how many rows.
    """
    import pandas as pd

    pairs = pd.DataFrame({"true": targets.astype("str"), "predicted": predictions.astype("str")})
    wrong = pairs[pairs["true"] != pairs["predicted"]]
    return wrong.value_counts().reset_index(name="rows")

"""Score a version on the rows held out from it, against thresholds and beside the champion."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import BaseModel, ConfigDict, Field, PositiveInt, model_validator

from ..core.components import nearest
from ..core.errors import RegistryError
from ..core.metrics import MetricKind, Threshold, check_problem
from ..io import files, registries
from ..io.datasets import ReaderKind
from ..io.registries import EVALUATION
from ..io.services import log_lineage
from . import records
from .base import Job, Result

if TYPE_CHECKING:
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)


class Evaluation(BaseModel):
    """What promotion decides on."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    version: int
    model_run_id: str
    """The run that trained the version."""
    scores: dict[str, float]
    greater_is_better: dict[str, bool]
    thresholds: list[Threshold]
    champion: int | None
    """The version that it was scored beside, if there was one."""
    champion_scores: dict[str, float] | None
    """None where there was no champion, or where it could not score these rows."""

    def misses(self) -> list[str]:
        """Say which scores are no numbers, and which thresholds are not met."""
        return [
            f"{name} is {score}" for name, score in self.scores.items() if not math.isfinite(score)
        ] + [
            f"{threshold} is missed with {self.scores.get(threshold.metric, math.nan):.4g}"
            for threshold in self.thresholds
            if not threshold.passes(self.scores.get(threshold.metric, math.nan))
        ]


class EvaluationsResult(Result):
    """How a version scores."""

    version: int
    metrics: dict[str, float]
    champion: int | None
    champion_metrics: dict[str, float] | None
    passed: bool
    """Whether every threshold is met."""
    report: str

    def __str__(self) -> str:
        verdict = "meets" if self.passed else "misses"
        return f"Version {self.version} {verdict} the thresholds: see {self.report}."


class EvaluationsJob(Job):
    """Score a version as its clients would get it, and the champion on the same rows."""

    KIND: Literal["EvaluationsJob"] = "EvaluationsJob"
    inputs: ReaderKind
    targets: ReaderKind
    version: PositiveInt | None = None
    """Which version; the newest without one."""
    metrics: Annotated[list[MetricKind], Field(min_length=1)]
    thresholds: Annotated[list[Threshold], Field(min_length=1)]
    loader: registries.LoaderKind = registries.PyfuncLoader()
    report: str = Field("outputs/evaluation.html", min_length=1)

    @model_validator(mode="after")
    def _thresholds_name_metrics(self) -> Self:
        names = [metric.name for metric in self.metrics]
        if len(names) != len(set(names)):
            raise ValueError("each metric may stand once in metrics")
        for threshold in self.thresholds:
            if threshold.metric not in names:
                raise ValueError(
                    f"the threshold on {threshold.metric} needs it among the metrics."
                    + nearest(threshold.metric, names)
                )
        return self

    def check(self) -> None:
        from ..core import frames, schemas

        super().check()
        check_problem(self.metrics, schemas.PROBLEM, frames.allowed_values(schemas.Targets))
        files.check_writable(self.report)

    def _run(self, run_id: str) -> EvaluationsResult:
        import mlflow

        name = self.mlflow.registered_model
        version = registries.find_version(name, self.version)
        champion = registries.find_champion(name)
        inputs, target = records.read_holdout(version, self.inputs, self.targets)
        log_lineage(run_id, "evaluation", [self.inputs, self.targets])
        outputs = self.loader.load(version)(inputs)
        champion_scores = None
        if champion is not None:
            champion_scores = self._score_champion(champion, inputs, target)
            if champion_scores is not None:
                self._warn_of_seen_rows(champion, inputs)
        evaluation = Evaluation(
            version=int(version.version),
            model_run_id=str(version.run_id),
            scores=self._score(target, outputs),
            greater_is_better={metric.name: metric.greater_is_better for metric in self.metrics},
            thresholds=self.thresholds,
            champion=int(champion.version) if champion else None,
            champion_scores=champion_scores,
        )
        mlflow.log_metrics(evaluation.scores)
        mlflow.log_param("version", version.version)
        mlflow.log_text(evaluation.model_dump_json(indent=2), f"{EVALUATION}/{EVALUATION}.json")
        misses = evaluation.misses()
        for miss in misses:
            logger.warning("Version %s: %s.", version.version, miss)
        self._report(evaluation, target, outputs)
        registries.tag(version, {EVALUATION: run_id})
        return EvaluationsResult(
            job=self.KIND,
            run_id=run_id,
            version=evaluation.version,
            metrics=evaluation.scores,
            champion=evaluation.champion,
            champion_metrics=evaluation.champion_scores,
            passed=not misses,
            report=self.report,
        )

    def _score(self, target: pd.Series[Any], outputs: pd.DataFrame) -> dict[str, float]:
        return {metric.name: metric.score(target, outputs) for metric in self.metrics}

    def _score_champion(
        self, champion: ModelVersion, inputs: pd.DataFrame, target: pd.Series[Any]
    ) -> dict[str, float] | None:
        try:
            return self._score(target, self.loader.load(champion)(inputs))
        except Exception as error:  # noqa: BLE001
            # A champion of other schemas fails in ways that cannot be listed; promotion refuses
            # to replace it unless told to.
            logger.warning("The champion, version %s, cannot score: %s", champion.version, error)
            return None

    def _warn_of_seen_rows(self, champion: ModelVersion, inputs: pd.DataFrame) -> None:
        try:
            held_out = records.read_holdout_rows(champion)
        except RegistryError:
            return
        seen = len(inputs.index.difference(held_out))
        if seen:
            logger.warning(
                "The champion may have been trained on %d of these %d rows, which favours it:"
                " HashSplitter holds the same rows out of every version.",
                seen,
                len(inputs),
            )

    def _report(
        self, evaluation: Evaluation, target: pd.Series[Any], outputs: pd.DataFrame
    ) -> None:
        import pandas as pd

        from ..core import plots, schemas
        from ..io.reports import Report

        beside = evaluation.champion_scores or {}
        table = pd.DataFrame(
            {
                "metric": name,
                f"version {evaluation.version}": score,
                f"champion, version {evaluation.champion}": beside.get(name),
                "thresholds": ", ".join(
                    f"{limit} ({'met' if limit.passes(score) else 'missed'})"
                    for limit in evaluation.thresholds
                    if limit.metric == name
                ),
            }
            for name, score in evaluation.scores.items()
        )
        if evaluation.champion is None:
            table = table.drop(columns="champion, version None")
        report = Report(
            f"{self.mlflow.registered_model}: evaluation of version {evaluation.version}"
        )
        report.add_text(f"Scored on the {len(target)} rows held out when it was trained.")
        report.add_table(table)
        report.add_figures(plots.plot_predictions(target, outputs, schemas.PROBLEM))
        report.save(self.report)

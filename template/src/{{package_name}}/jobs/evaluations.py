"""Score a version on the rows held out from it, against thresholds and beside the champion."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Annotated, Any, Literal, Self

from pydantic import Field, model_validator

from ..core.components import Count, nearest
from ..core.errors import DataError, ServerError, UnfitError, UserError
from ..core.gate import MIN_COMPARED_ROWS, Evaluation
from ..core.metrics import (
    MetricKind,
    Threshold,
    check_problem,
    list_mistakes,
    score_classes,
)
from ..io import champions, files, registries, versions
from ..io.kinds import ReaderKind
from ..io.registries import EVALUATION
from ..io.services import log_lineage
from . import records
from .base import Job, Result

if TYPE_CHECKING:
    import numpy as np
    import pandas as pd
    from mlflow.entities.model_registry import ModelVersion

    Rows = np.ndarray[Any, np.dtype[np.bool_]]

MAX_MISTAKES = 20
"""How many pairs of classes a report lists, where there are too many classes for a figure."""

logger = logging.getLogger(__name__)


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
    """Score a version on the rows held out from it, and compare it with the champion.

    The two are compared on those of these rows that the champion has not learned from either.
    """

    KIND: Literal["EvaluationsJob"] = "EvaluationsJob"
    inputs: ReaderKind
    targets: ReaderKind
    version: Count | None = None
    """Which version; the newest without one."""
    metrics: Annotated[list[MetricKind], Field(min_length=1)]
    thresholds: Annotated[list[Threshold], Field(min_length=1)]
    loader: registries.LoaderKind = registries.PipelineLoader()
    report: files.OutputPath = "outputs/evaluation.html"

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

    def _run(self, run_id: str) -> EvaluationsResult:
        import mlflow

        name = self.mlflow.registered_model
        version = champions.find_version(name, self.version)
        standing = champions.read(name)
        registries.check_description(version)
        predict = self.loader.load(version)
        inputs, target = records.read_holdout(version, self.inputs, self.targets)
        log_lineage(run_id, "evaluation", [self.inputs, self.targets])
        outputs = predict(inputs)
        _warn_of_one_label(version, target, outputs)
        repeated = self._find_repeated(version, inputs, target)
        scores = self._score(target[~repeated], outputs[~repeated])
        evaluation = Evaluation(
            model=name,
            member=registries.identify(version, records.read_recipe(version)),
            scores=scores,
            greater_is_better={metric.name: metric.greater_is_better for metric in self.metrics},
            thresholds=self.thresholds,
            champion=standing.member,
            code=registries.digest_core(),
        )
        beside = self._compare(version, standing, inputs, target, outputs, repeated)
        evaluation = evaluation.model_copy(update=beside)
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
            version=evaluation.member.version,
            metrics=evaluation.scores,
            champion=evaluation.champion.version if evaluation.champion else None,
            champion_metrics=evaluation.champion_scores,
            passed=not misses,
            report=self.report,
        )

    def _score(self, target: pd.Series[Any], outputs: pd.DataFrame) -> dict[str, float]:
        return {metric.name: metric.score(target, outputs) for metric in self.metrics}

    def _find_repeated(
        self, version: ModelVersion, inputs: pd.DataFrame, target: pd.Series[Any]
    ) -> Rows:
        """Tell which rows held out hold what a version has learned, and so would flatter it.

        Raises:
            DataError: Too few others are left to judge it by.
        """
        repeated = records.has_learned(version, inputs, target)
        count, others = int(repeated.sum()), int((~repeated).sum())
        if count and others < MIN_COMPARED_ROWS:
            raise DataError(
                f"{count} of the {len(inputs)} rows held out repeat rows that version"
                f" {version.version} learned from, and {MIN_COMPARED_ROWS} others are needed to"
                " judge it. Leave out rows that come again under another identifier, and train"
                " again."
            )
        if count:
            logger.warning(
                "%d of the %d rows held out repeat rows that version %s learned from: they are left"
                " out.",
                count,
                len(inputs),
                version.version,
            )
        return repeated

    def _compare(
        self,
        version: ModelVersion,
        standing: champions.Standing,
        inputs: pd.DataFrame,
        target: pd.Series[Any],
        outputs: pd.DataFrame,
        repeated: Rows,
    ) -> dict[str, Any]:
        """Score both on the rows that neither has learned from, or say why that cannot be."""
        champion = standing.champion
        if champion is None:
            return {}
        try:
            champions.check_files(standing)
            registries.check_scale(version, champion)
            with versions.opening(champion, self.loader) as opened:
                found = self._score_both(champion, opened, inputs, target, outputs, repeated)
        except ServerError:
            raise
        except UnfitError as error:
            found = {"incomparable": error.reason}  # what to do about it has just been done
        except UserError as error:
            found = {"incomparable": str(error).removesuffix(".")}
        except Exception as error:  # noqa: BLE001
            # A champion of other schemas fails in ways that cannot be listed; promotion refuses
            # to replace it unless told to.
            found = {"incomparable": f"it fails on these rows ({type(error).__name__})"}
        if reason := found.get("incomparable"):
            found["incomparable"] = reason[0].lower() + reason[1:]
            logger.warning(
                "The champion, version %s, cannot be compared: %s.",
                champion.version,
                found["incomparable"],
            )
        return found

    def _score_both(
        self,
        champion: ModelVersion,
        opened: versions.OpenVersion,
        inputs: pd.DataFrame,
        target: pd.Series[Any],
        outputs: pd.DataFrame,
        repeated: Rows,
    ) -> dict[str, Any]:
        """Score both on the rows that neither has learned from, or say that these are too few."""
        from ..core import schemas

        if opened.inputs is not schemas.Inputs:
            # The same rows, by the columns that the champion was trained on.
            inputs = self.inputs.read(opened.inputs).loc[inputs.index]
        unseen = ~records.has_learned(champion, inputs, target) & ~repeated
        rows = int(unseen.sum())
        if rows < MIN_COMPARED_ROWS:
            reason = (
                f"one of the two has learned from all but {rows} of the {len(inputs)} rows held"
                f" out, and {MIN_COMPARED_ROWS} are needed. Hold out the rows that were held"
                " out before (the splitter of confs/training.yaml), or give training more rows"
            )
            if len(inputs) < MIN_COMPARED_ROWS:
                reason = (
                    f"no more than {len(inputs)} rows are held out, and {MIN_COMPARED_ROWS} are"
                    " needed. Hold out a larger share of the rows, or give training more"
                )
            return {"compared_rows": rows, "incomparable": reason}
        predicted = opened.load()(inputs[unseen])
        return {
            "champion_scores": self._score(target[unseen], predicted),
            "compared_scores": self._score(target[unseen], outputs[unseen]),
            "compared_rows": rows,
        }

    def _report(
        self, evaluation: Evaluation, target: pd.Series[Any], outputs: pd.DataFrame
    ) -> None:
        import pandas as pd

        from ..core import plots, schemas
        from ..io.reports import Report

        number = evaluation.member.version
        champion = evaluation.champion.version if evaluation.champion else None
        beside, compared = evaluation.champion_scores or {}, evaluation.compared_scores or {}
        table = pd.DataFrame(
            {
                "metric": name,
                f"version {number}": score,
                f"version {number}, compared": compared.get(name),
                f"champion, version {champion}": beside.get(name),
                "thresholds": ", ".join(
                    f"{limit} ({'met' if limit.passes(score) else 'missed'})"
                    for limit in evaluation.thresholds
                    if limit.metric == name
                ),
            }
            for name, score in evaluation.scores.items()
        )
        if champion is None:
            table = table.drop(columns=[f"version {number}, compared", "champion, version None"])
        report = Report(f"{self.mlflow.registered_model}: evaluation of version {number}")
        report.add_text(f"Scored on the {len(target)} rows held out when it was trained.")
        if champion is not None:
            report.add_text(
                f"Not compared with the champion: {evaluation.incomparable}."
                if evaluation.incomparable
                else f"Compared on the {evaluation.compared_rows} of them that the champion has not"
                " learned from either."
            )
        report.add_table(table)
        figures = plots.plot_predictions(target, outputs, schemas.PROBLEM)
        if figures:
            report.add_figures(figures)
        else:
            report.add_heading("The most frequent mistakes")
            report.add_table(list_mistakes(target, outputs["prediction"]).head(MAX_MISTAKES))
            report.add_heading("The classes, those that are found least on top")
            report.add_table(score_classes(target, outputs["prediction"]))
        report.save(self.report)


def _warn_of_one_label(
    version: ModelVersion, target: pd.Series[Any], outputs: pd.DataFrame
) -> None:
    """Warn where all rows are said to be of one label, though they are not."""
    from ..core import schemas

    said = outputs["prediction"].unique()
    if schemas.PROBLEM == "classification" and len(said) == 1 < target.nunique():
        logger.warning(
            "Version %s says %r of each of the %s rows held out, and %.1f%% of them are something"
            " else: go by its probabilities, or give it columns that tell more.",
            version.version,
            said[0],
            len(target),
            100 * (target != said[0]).mean(),
        )

"""Say which columns a version goes by."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ..core.components import Count
from ..core.explainers import ExplainerKind
from ..core.metrics import MetricKind, check_problem
from ..io import champions, files, registries
from ..io.kinds import ReaderKind
from ..io.services import log_lineage
from . import records
from .base import Job, Result

if TYPE_CHECKING:
    import pandas as pd


class ExplanationsResult(Result):
    """What the version goes by most."""

    version: int
    importances: dict[str, dict[str, float]]
    """The importance of each column, by explainer."""
    report: str

    def __str__(self) -> str:
        return f"Version {self.version} is explained: see {self.report}."


class ExplanationsJob(Job):
    """Explain a version by the rows held out when it was trained."""

    KIND: Literal["ExplanationsJob"] = "ExplanationsJob"
    inputs: ReaderKind
    targets: ReaderKind
    version: Count | None = None
    """Which version; the champion without one."""
    metric: MetricKind
    explainers: Annotated[list[ExplainerKind], Field(min_length=1)]
    rows: Count = 1_000
    """How many rows to explain by, at most."""
    report: files.OutputPath = "outputs/explanations.html"

    def check(self) -> None:
        from ..core import frames, schemas

        super().check()
        check_problem([self.metric], schemas.PROBLEM, frames.allowed_values(schemas.Targets))

    def _run(self, run_id: str) -> ExplanationsResult:
        import mlflow

        from ..core import plots
        from ..io.reports import Report

        name = self.mlflow.registered_model
        version = champions.find_predictor(name, self.version)
        pipeline = registries.PipelineLoader().pipeline(version)
        inputs, target = records.read_holdout(version, self.inputs, self.targets)
        target = self._draw(target)
        inputs = inputs.loc[target.index]
        log_lineage(run_id, "explanation", [self.inputs, self.targets])
        mlflow.log_param("version", version.version)
        report = Report(f"{name}: explanation of version {version.version}")
        report.add_text(f"By {len(inputs)} of the rows held out when it was trained.")
        importances: dict[str, dict[str, float]] = {}
        with tempfile.TemporaryDirectory() as folder:
            for explainer in self.explainers:
                found = explainer.explain(pipeline, inputs, target, self.metric)
                ranked = found.importances.sort_values(ascending=False)
                importances[explainer.KIND] = {str(k): float(v) for k, v in ranked.items()}
                report.add_heading(f"{explainer.KIND}: {explainer.label}")
                report.add_figures(
                    {explainer.KIND: plots.plot_importances(ranked, explainer.label)}
                )
                table = ranked.rename_axis("column").reset_index(name="importance")
                report.add_table(table)
                table.to_csv(Path(folder, f"{explainer.KIND}.csv"), index=False)
                if found.values is not None:
                    found.values.to_parquet(Path(folder, f"{explainer.KIND}.parquet"))
            mlflow.log_artifacts(folder, "explanations")
        report.save(self.report)
        return ExplanationsResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            importances=importances,
            report=self.report,
        )

    def _draw(self, target: pd.Series[Any]) -> pd.Series[Any]:
        from ..core import schemas

        drawn = target.sample(frac=1, random_state=0)
        if schemas.PROBLEM == "classification":
            # One row of each label first: most scores are no number where one is absent.
            drawn = drawn.loc[drawn.duplicated().sort_values(kind="stable").index]
        return drawn.head(self.rows)

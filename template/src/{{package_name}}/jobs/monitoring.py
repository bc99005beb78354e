"""Compare what the champion sees and says with what it was trained on."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field

from ..core.components import Count
from ..core.drift import Difference, DriftTestKind, compare
from ..io import champions, files, registries, versions
from ..io.kinds import ReaderKind
from ..io.reports import plain_name
from ..io.services import log_lineage
from . import records
from .base import Job, Result

if TYPE_CHECKING:
    import pandas as pd

    from ..core import frames

    Tables = list[tuple[pd.DataFrame, pd.DataFrame]]

DRIFT_EXIT_CODE = 6
MAX_PLOTS = 12


class MonitoringResult(Result):
    """Which columns drifted."""

    version: int
    rows: int
    drifted: list[str]
    report: str

    @property
    def exit_code(self) -> int:
        return DRIFT_EXIT_CODE if self.drifted else 0

    def __str__(self) -> str:
        what = f"Drift in {', '.join(self.drifted)}" if self.drifted else "No drift"
        return f"{what} among {self.rows} rows: see {self.report}."


class MonitoringJob(Job):
    """Look for drift in inputs and predictions; the exit code says whether there is some."""

    KIND: Literal["MonitoringJob"] = "MonitoringJob"
    inputs: ReaderKind
    outputs: ReaderKind
    """What inference wrote for these inputs."""
    version: Count | None = None
    """Which version's training to compare with; the champion's without one."""
    tests: Annotated[list[DriftTestKind], Field(min_length=1)]
    max_unseen: Annotated[float, Field(ge=0, le=1)] = 0.05
    """Which share of a column's cells may be unlike any seen before: no drift yet."""
    bad_rows: Literal["refuse", "set-aside"] = "refuse"
    """What to do with rows that break the schema: as inference did."""
    report: files.OutputPath = "outputs/monitoring.html"

    def _run(self, run_id: str) -> MonitoringResult:
        import mlflow

        from ..core import frames

        name = self.mlflow.registered_model
        version = champions.find_predictor(name, self.version)
        with versions.opening(version, registries.PipelineLoader()) as opened:
            reference_inputs, reference_outputs = records.read_reference(version)
            records.check_reference(version, reference_inputs, opened.inputs)
            unseen = frames.UnseenCells(opened.inputs)
            aside = frames.SetAside() if self.bad_rows == "set-aside" else None
            inputs = self.inputs.read(opened.inputs, unseen, aside)
            outputs = self.outputs.read(opened.outputs)
        if aside:
            inputs = inputs[inputs.index.isin(outputs.index)]  # those that inference predicted
        in_order = inputs.index.equals(outputs.index)
        if not in_order and inputs.index.symmetric_difference(outputs.index).empty:
            outputs = outputs.loc[inputs.index]  # a database answers in no order of its own
        frames.check_pair(inputs, outputs, "outputs")
        log_lineage(run_id, "monitoring", [self.inputs, self.outputs])
        mlflow.log_param("version", version.version)
        # Live rows are later than training's and of new groups: no drift, but what is expected.
        times = frames.columns_by_kind(opened.inputs)["time"]
        seen = inputs.columns.drop([*times, *frames.set_aside(opened.inputs)])
        tables = [(reference_inputs[seen], inputs[seen]), (reference_outputs, outputs)]
        differences = [
            difference
            for reference, live in tables
            for difference in compare(reference, live, self.tests)
        ]
        differences += self._judge(unseen)
        drifted = list(dict.fromkeys(found.column for found in differences if found.drifted))
        mlflow.log_metrics({_metric_name(found): found.statistic for found in differences})
        mlflow.log_metric("drifted", len(drifted))
        self._report(int(version.version), differences, tables)
        return MonitoringResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            rows=len(inputs),
            drifted=drifted,
            report=self.report,
        )

    def _judge(self, unseen: frames.UnseenCells) -> list[Difference]:
        """Compare the share of cells unlike any seen with what is allowed; one proves nothing."""
        shares = {name: count / unseen.rows for name, count in unseen.counts.items()}
        return [
            Difference(
                column=name,
                test="unseen",
                statistic=share,
                threshold=self.max_unseen,
                p_value=math.nan,
                alpha=math.nan,
                drifted=share > self.max_unseen and unseen.counts[name] > 1,
            )
            for name, share in shares.items()
        ]

    def _report(self, version: int, differences: list[Difference], tables: Tables) -> None:
        import pandas as pd

        from ..core import plots
        from ..io.reports import Report

        table = pd.DataFrame(differences).sort_values(
            ["drifted", "p_value"], ascending=[False, True]
        )
        report = Report(
            f"{self.mlflow.registered_model}: drift since version {version} was trained"
        )
        report.add_text(
            "A column drifted when its statistic reaches the threshold, and a difference as large"
            " is less likely by chance than alpha. The statistic of 'unseen' is the share of cells"
            " that are unlike any seen before."
        )
        report.add_table(table.assign(drifted=table["drifted"].map({True: "yes", False: ""})))
        report.add_heading("Distributions, the most different first")
        columns = list(dict.fromkeys(table["column"]))[:MAX_PLOTS]
        for reference, live in tables:
            chosen = [name for name in columns if name in reference]
            report.add_figures(plots.plot_distributions(reference, live, chosen))
        report.save(self.report)


def _metric_name(found: Difference) -> str:
    return f"{found.test}.{plain_name(found.column)}"

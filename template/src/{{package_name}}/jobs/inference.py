"""Predict with the champion, a batch at a time."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Literal

from ..core.components import Count
from ..core.errors import DataError
from ..io import champions, registries, versions
from ..io.datasets import BATCH_CELLS, BATCH_ROWS
from ..io.kinds import ReaderKind, WriterKind
from ..io.services import is_terminal, log_lineage
from .base import Job, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pandera.pandas as pa

logger = logging.getLogger(__name__)


class InferenceResult(Result):
    """Where the predictions are."""

    version: int
    rows: int
    unseen: dict[str, int]
    """How many cells of each column are unlike any seen before, where there are some."""
    path: str

    def __str__(self) -> str:
        return f"Version {self.version} predicted {self.rows} rows: see {self.path}."


class InferenceJob(Job):
    """Stream inputs through the champion; the outputs appear whole, or not at all."""

    KIND: Literal["InferenceJob"] = "InferenceJob"
    inputs: ReaderKind
    outputs: WriterKind
    version: Count | None = None
    """Which version; the champion without one."""
    batch_rows: Count | None = None
    """How many rows are in memory at a time; without a number, the fewer the wider they are."""
    unseen: Literal["warn", "refuse"] = "warn"
    """What to do with cells unlike any seen before: new categories, values out of range."""
    loader: registries.LoaderKind = registries.PipelineLoader()

    def _run(self, run_id: str) -> InferenceResult:
        import mlflow

        from ..core import frames

        name = self.mlflow.registered_model
        version = champions.find_predictor(name, self.version)
        with versions.opening(version, self.loader) as opened, self.outputs.open() as write:
            predict = opened.load()
            log_lineage(run_id, "inference", [self.inputs])
            unseen = frames.UnseenCells(opened.inputs)
            for batch in self._batches(opened.inputs):
                unseen.add(batch)
                if unseen.counts and self.unseen == "refuse":
                    raise DataError(
                        f"{unseen.describe(self.inputs.place)} Correct them, or predict them all"
                        " the same with job.unseen=warn."
                    )
                write(predict(batch))
        if unseen.counts:
            logger.warning(unseen.describe(self.inputs.place))
        log_lineage(run_id, "outputs", [self.outputs])
        mlflow.log_param("version", version.version)
        mlflow.log_metric("rows", unseen.rows)
        mlflow.log_metric("unseen_cells", sum(unseen.counts.values()))
        return InferenceResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            rows=unseen.rows,
            unseen=unseen.counts,
            path=self.outputs.place,
        )

    def _batches(self, schema: type[pa.DataFrameModel]) -> Iterator[pd.DataFrame]:
        from rich.console import Console
        from rich.progress import Progress

        watched = is_terminal()
        with Progress(console=Console(stderr=True), disable=not watched) as progress:
            total = self.inputs.rows() if watched else None
            task = progress.add_task("Predicting", total=total)
            columns = len(schema.to_schema().columns)
            rows = self.batch_rows or min(BATCH_ROWS, max(BATCH_CELLS // columns, 1))
            for batch in self.inputs.batches(schema, rows):
                yield batch
                progress.advance(task, len(batch))

"""Predict with the champion, a batch at a time."""

from __future__ import annotations

import contextlib
import logging
from typing import TYPE_CHECKING, Literal

from ..core.components import Count
from ..core.errors import DataError
from ..io import champions, files, registries, versions
from ..io.datasets import BATCH_CELLS, BATCH_ROWS
from ..io.formats import JSONLinesWriter
from ..io.kinds import ReaderKind, WriterKind
from ..io.services import is_terminal, log_lineage
from .base import Job, Result

if TYPE_CHECKING:
    from collections.abc import Iterator

    import pandas as pd
    import pandera.pandas as pa

    from ..core import frames

SET_ASIDE_EXIT_CODE = 7

logger = logging.getLogger(__name__)


class InferenceResult(Result):
    """Where the predictions are."""

    version: int
    rows: int
    unseen: dict[str, int]
    """How many cells of each column are unlike any seen before, where there are some."""
    path: str
    set_aside: int = 0
    """How many rows were not predicted; they are in the file that the conf names."""

    @property
    def exit_code(self) -> int:
        return SET_ASIDE_EXIT_CODE if self.set_aside else 0

    def __str__(self) -> str:
        said = f"Version {self.version} predicted {self.rows} rows: see {self.path}."
        return f"{said} {self.set_aside} were set aside." if self.set_aside else said


class InferenceJob(Job):
    """Stream inputs through the champion; the outputs appear whole, or not at all."""

    KIND: Literal["InferenceJob"] = "InferenceJob"
    inputs: ReaderKind
    outputs: WriterKind
    version: Count | None = None
    """Which version; the champion without one."""
    batch_rows: Count | None = None
    """How many rows are in memory at a time; without a number, the fewer the wider they are."""
    unseen: Literal["warn", "set-aside", "refuse"] = "warn"
    """What to do with cells unlike any seen before: new categories, values out of range."""
    bad_rows: Literal["refuse", "set-aside"] = "refuse"
    """What to do with rows that break the schema: refuse them all, or predict the others."""
    aside: files.OutputPath = "outputs/set-aside.jsonl"
    """Where to write the rows that are set aside, and why they are."""
    loader: registries.LoaderKind = registries.PipelineLoader()

    def _run(self, run_id: str) -> InferenceResult:
        import mlflow

        from ..core import frames

        name = self.mlflow.registered_model
        version = champions.find_predictor(name, self.version)
        with (
            versions.opening(version, self.loader) as opened,
            self.outputs.open() as write,
            self._setting_aside() as aside,
        ):
            predict = opened.load()
            log_lineage(run_id, "inference", [self.inputs])
            unseen = frames.UnseenCells(opened.inputs)
            rows = 0
            for batch in self._batches(opened.inputs, aside):
                strange = unseen.add(batch)
                if unseen.counts and self.unseen == "refuse":
                    raise DataError(
                        f"{unseen.describe(self.inputs.place)} Correct them, or predict them all"
                        " the same with job.unseen=warn."
                    )
                if self.unseen == "set-aside":
                    told = ["holds a cell unlike any seen before"] * int(strange.sum())
                    aside.add(batch[strange], told)
                    batch = batch[~strange]
                rows += len(batch)
                if len(batch):
                    write(predict(batch))
            if not rows:
                raise DataError(
                    f"All {aside.rows} rows of {self.inputs.place} would be set aside: correct"
                    " them, or the schemas."
                )
        if unseen.counts:
            logger.warning(unseen.describe(self.inputs.place))
        if aside.rows:
            logger.warning(
                "%d rows are set aside, with the reasons: see %s.", aside.rows, self.aside
            )
        log_lineage(run_id, "outputs", [self.outputs])
        mlflow.log_param("version", version.version)
        mlflow.log_metric("rows", rows)
        mlflow.log_metric("set_aside", aside.rows)
        mlflow.log_metric("unseen_cells", sum(unseen.counts.values()))
        return InferenceResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            rows=rows,
            unseen=unseen.counts,
            path=self.outputs.place,
            set_aside=aside.rows,
        )

    @contextlib.contextmanager
    def _setting_aside(self) -> Iterator[frames.SetAside]:
        """Open the file for rows that are set aside, if some may be."""
        from ..core import frames

        if "set-aside" in (self.unseen, self.bad_rows):
            with JSONLinesWriter(path=self.aside).open() as write:
                yield frames.SetAside(write)
        else:
            yield frames.SetAside()

    def _batches(
        self, schema: type[pa.DataFrameModel], aside: frames.SetAside
    ) -> Iterator[pd.DataFrame]:
        from rich.console import Console
        from rich.progress import Progress

        watched = is_terminal()
        with Progress(console=Console(stderr=True), disable=not watched) as progress:
            total = self.inputs.rows() if watched else None
            task = progress.add_task("Predicting", total=total)
            columns = len(schema.to_schema().columns)
            rows = self.batch_rows or min(BATCH_ROWS, max(BATCH_CELLS // columns, 1))
            taken = aside if self.bad_rows == "set-aside" else None
            for batch in self.inputs.batches(schema, rows, taken):
                yield batch
                progress.advance(task, len(batch))

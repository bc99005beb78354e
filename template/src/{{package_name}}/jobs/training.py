"""Train a model on all but the rows held out, and register it as a new version."""

from __future__ import annotations

import logging
import tempfile
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field

from ..core.components import Count
from ..core.metrics import MetricKind, check_problem
from ..core.models import ModelKind
from ..core.splitters import HoldoutKind
from ..io import registries
from ..io.kinds import ReaderKind
from ..io.services import log_lineage, log_params
from . import records
from .base import Job, Result
from .tuning import Tuned

logger = logging.getLogger(__name__)


class TrainingResult(Result):
    """A new version, not yet evaluated."""

    version: int
    metrics: dict[str, float]
    """On the rows held out."""
    rows: int
    """How many the model was trained on."""

    def __str__(self) -> str:
        scores = ", ".join(f"{name} {score:.4g}" for name, score in self.metrics.items())
        return f"Version {self.version} is trained on {self.rows} rows: {scores} held out."


class TrainingJob(Job):
    """Hold rows out, train on the others, and register what comes of it.

    Which rows were held out is recorded with the run, and so is a sample of what the model was
    trained on: evaluations, explanations and monitoring go by these.
    """

    KIND: Literal["TrainingJob"] = "TrainingJob"
    inputs: ReaderKind
    targets: ReaderKind
    model: ModelKind
    splitter: HoldoutKind
    metrics: Annotated[list[MetricKind], Field(min_length=1)]
    signer: registries.SignerKind = registries.SchemaSigner()
    saver: registries.PyfuncSaver = registries.PyfuncSaver()
    registry: registries.MlflowRegister = registries.MlflowRegister()
    tuned: Tuned | None = None
    """What tuning found the model's parameters for, as it wrote it."""
    reference_rows: Count = 10_000
    """How many rows monitoring compares with, at most."""

    def check(self) -> None:
        from ..core import frames, schemas

        super().check()
        if self.tuned is not None:
            self.tuned.check_use(self.model, self.splitter)
        frames.check_outputs(schemas.Outputs)
        registries.check_trust(self.model.pipeline(schemas.Inputs, schemas.PROBLEM))
        check_problem(self.metrics, schemas.PROBLEM, frames.allowed_values(schemas.Targets))

    def _run(self, run_id: str) -> TrainingResult:
        import mlflow

        from ..core import models, schemas

        inputs, target = records.read_pair(self.inputs, self.targets)
        data = log_lineage(run_id, "training", [self.inputs, self.targets])
        if self.tuned is not None:
            self.tuned.check_data(data)
        [(train, held_out)] = self.splitter.splits(inputs, target)
        records.check_labels(target.iloc[train])
        logger.info(
            "Training %s on %d rows, %d held out.", self.model.KIND, len(train), len(held_out)
        )
        pipeline = self.model.pipeline(schemas.Inputs, schemas.PROBLEM)
        train_inputs, test_inputs = inputs.iloc[train], inputs.iloc[held_out]
        pipeline.fit(train_inputs, target.iloc[train])
        outputs = models.predict(pipeline, test_inputs)
        test_target = target.iloc[held_out]
        scores: dict[str, float] = {
            metric.name: metric.score(test_target, outputs) for metric in self.metrics
        }
        mlflow.log_metrics(scores)
        log_params({"model": self.model.KIND, **self.model.parameters()})
        with tempfile.TemporaryDirectory() as folder:
            records.write_holdout(Path(folder), test_inputs, test_target)
            records.write_learned(Path(folder), train_inputs, target.iloc[train])
            holdout = registries.digest_files(Path(folder, records.HOLDOUT))
            records.write_reference(Path(folder), train_inputs, outputs, self.reference_rows)
            mlflow.log_artifacts(folder)
        signature = self.signer.sign(schemas.Inputs, test_inputs, outputs)
        uri = self.saver.save(pipeline, signature, test_inputs, holdout)
        version = self.registry.register(self.mlflow.registered_model, uri)
        return TrainingResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            metrics=scores,
            rows=len(train),
        )

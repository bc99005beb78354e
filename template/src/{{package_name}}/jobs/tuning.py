"""Search a model's parameters, and hand the best on to training."""

from __future__ import annotations

import hashlib
import logging
import math
import time
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import ValidationError, model_validator

from ..core.components import Component, Count, nearest
from ..core.errors import ConfigError, DataError
from ..core.metrics import MetricKind, check_problem
from ..core.models import ModelKind
from ..core.searchers import Range, SearcherKind, Trial, find_parameter
from ..core.splitters import FoldsKind, HoldoutKind
from ..io import configs, files, registries
from ..io.kinds import ReaderKind
from ..io.services import is_terminal, log_lineage, log_params
from . import records
from .base import Job, Result

if TYPE_CHECKING:
    from ..core.models import Model
    from ..core.splitters import Splitter

logger = logging.getLogger(__name__)


class Tuned(Component):
    """What tuning found parameters for."""

    run_id: str
    model: ModelKind
    """The best one, all of its parameters told."""
    splitter: HoldoutKind
    columns: str
    """A digest of the columns and the target."""
    data: str
    """A digest of the data."""
    space: str
    """A digest of the parameters that were searched, and how."""

    def check_use(self, model: Model, splitter: Splitter) -> None:
        """Check that training may take the parameters, and warn where its model has others too.

        Args:
            model: that is to be trained.
            splitter: which rows it is not to learn from.

        Raises:
            ConfigError: They were found for other columns, or with other rows held out.
        """
        again = "Tune again, or train without what tuning wrote."
        if self.columns != registries.digest_schemas():
            raise ConfigError(
                f"job.tuned: the parameters were found for other columns or another target. {again}"
            )
        if self.splitter != splitter:
            raise ConfigError(
                "job.tuned: the parameters were found while other rows were held out, so that"
                " rows to be held out now have chosen them: job.splitter must be the same in the"
                f" confs of tuning and training. {again}"
            )
        now = model.parameters()
        for name, value in self.model.parameters().items():
            if name in now and now[name] != value:
                logger.warning(
                    "%s is %s here, and was %s when the other parameters were found.",
                    name,
                    now[name],
                    value,
                )

    def check_data(self, data: str) -> None:
        """Warn where the data is not what it was, given its digest."""
        if self.data != data:
            logger.warning(
                "The data has changed since the parameters were found (run %s): tune again to find"
                " what suits it best.",
                self.run_id,
            )


class TuningResult(Result):
    """The best parameters, and the conf overlay that holds them."""

    trials: int
    best_score: float
    best_parameters: dict[str, Any]
    path: str

    def __str__(self) -> str:
        return f"The best of {self.trials} trials scores {self.best_score:.4g}: see {self.path}."


class TuningJob(Job):
    """Search parameters by cross-validation, on the rows that training will not hold out.

    The best are written as a conf overlay, for training to merge after its own conf.
    """

    KIND: Literal["TuningJob"] = "TuningJob"
    inputs: ReaderKind
    targets: ReaderKind
    model: ModelKind
    splitter: HoldoutKind
    """The same as training's: the rows held out must not choose the parameters either."""
    folds: FoldsKind
    searcher: SearcherKind
    metric: MetricKind
    rows: Count = 50_000
    """Of so many rows at most, drawn at random, parameters are searched: more tell little more."""
    output: files.OutputPath = "outputs/tuning.yaml"

    @model_validator(mode="after")
    def _searchable(self) -> Self:
        """Try each value of the space on the model before any row is read."""
        known = self.model.parameters()
        for name, values in self.searcher.space.items():
            if name not in known:
                raise ValueError(
                    f"searcher.space.{name} is no parameter of {self.model.KIND}."
                    + nearest(name, known)
                )
            for value in [values.low, values.high] if isinstance(values, Range) else values:
                try:
                    type(self.model).model_validate({**self.model.model_dump(), name: value})
                except ValidationError as error:
                    [mistake, *_] = error.errors()
                    raise ValueError(
                        f"searcher.space.{name} holds a value that {self.model.KIND} refuses:"
                        f" {mistake['msg']}"
                    ) from None
        return self

    def check(self) -> None:
        from ..core import frames, schemas

        super().check()
        pipeline = self.model.pipeline(schemas.Inputs, schemas.PROBLEM)
        for name in self.searcher.space:
            find_parameter(pipeline, name)
        registries.check_trust(pipeline)
        check_problem([self.metric], schemas.PROBLEM, frames.allowed_values(schemas.Targets))

    def _run(self, run_id: str) -> TuningResult:
        import mlflow
        import numpy as np

        from ..core import schemas

        inputs, target = records.read_pair(self.inputs, self.targets)
        data = log_lineage(run_id, "tuning", [self.inputs, self.targets])
        [(train, _)] = self.splitter.splits(inputs, target)
        if len(train) > self.rows:
            logger.info("Parameters are searched on %s of %s rows.", self.rows, len(train))
            train = np.sort(np.random.default_rng(0).choice(train, self.rows, replace=False))
        inputs, target = inputs.iloc[train], target.iloc[train]
        records.check_labels(target)
        trials, best = self.searcher.search(
            self.model.pipeline(schemas.Inputs, schemas.PROBLEM),
            inputs,
            target,
            self.metric,
            self.folds.splits(inputs, target),
            progress=is_terminal(),
        )
        self._log_trials(run_id, trials)
        if not math.isfinite(best.score):
            raise DataError(
                f"{self.metric.name} is no number on these folds, and nothing can be chosen by it:"
                " take fewer folds, or more rows."
            )
        mlflow.log_metric(self.metric.name, best.score)
        log_params(best.parameters)
        model = type(self.model).model_validate({**self.model.model_dump(), **best.parameters})
        tuned = Tuned(
            run_id=run_id,
            model=model,
            splitter=self.splitter,
            columns=registries.digest_schemas(),
            data=data,
            space=hashlib.sha256(self.searcher.model_dump_json().encode()).hexdigest()[:16],
        )
        # What nobody chose is not handed on: it is for training's own conf to say.
        chosen = self.model.model_dump(mode="json", exclude_unset=True) | {"KIND": model.KIND}
        best_conf = {"model": chosen | best.parameters, "tuned": tuned.model_dump(mode="json")}
        overlay = configs.to_yaml({"job": best_conf})
        files.write_text(self.output, f"# Written by tuning, run {run_id}.\n{overlay}")
        mlflow.log_text(overlay, "tuning.yaml")
        return TuningResult(
            job=self.KIND,
            run_id=run_id,
            trials=len(trials),
            best_score=best.score,
            best_parameters=best.parameters,
            path=self.output,
        )

    def _log_trials(self, run_id: str, trials: list[Trial]) -> None:
        """Record each trial as a run below this one, in as few calls as the store allows."""
        from mlflow import MlflowClient
        from mlflow.entities import Metric, Param
        from mlflow.utils.mlflow_tags import MLFLOW_PARENT_RUN_ID

        client = MlflowClient()
        experiment = client.get_run(run_id).info.experiment_id
        now = int(time.time() * 1000)
        for number, trial in enumerate(trials, start=1):
            run = client.create_run(
                experiment, run_name=f"trial {number}", tags={MLFLOW_PARENT_RUN_ID: run_id}
            )
            scores = {self.metric.name: trial.score, "deviation": trial.deviation}
            client.log_batch(
                run.info.run_id,
                metrics=[Metric(name, score, now, 0) for name, score in scores.items()],
                params=[Param(name, str(value)) for name, value in trial.parameters.items()],
            )
            client.set_terminated(run.info.run_id)

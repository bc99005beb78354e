"""What the project does, one module per job; each is selected by its ``KIND`` in a conf."""

from typing import Annotated

from pydantic import Field

from .evaluations import EvaluationsJob
from .explanations import ExplanationsJob
from .inference import InferenceJob
from .monitoring import MonitoringJob
from .promotion import PromotionJob, RollbackJob
from .training import TrainingJob
from .tuning import TuningJob

JobKind = Annotated[
    TuningJob
    | TrainingJob
    | EvaluationsJob
    | PromotionJob
    | RollbackJob
    | InferenceJob
    | ExplanationsJob
    | MonitoringJob,
    Field(discriminator="KIND"),
]

__all__ = [
    "EvaluationsJob",
    "ExplanationsJob",
    "InferenceJob",
    "JobKind",
    "MonitoringJob",
    "PromotionJob",
    "RollbackJob",
    "TrainingJob",
    "TuningJob",
]

"""Make a version the champion, or go back to the one before; when in doubt, refuse."""

from __future__ import annotations

import logging
import math
from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeFloat, PositiveInt, ValidationError

from ..core.components import nearest
from ..core.errors import PromotionError, RegistryError
from ..io import registries
from ..io.registries import EVALUATION, PREVIOUS, REASON, STATUS
from .base import Job, Result
from .evaluations import Evaluation

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

logger = logging.getLogger(__name__)


class PromotionResult(Result):
    """Which version predicts now."""

    version: int
    previous: int | None
    """The champion before, if there was one."""
    reason: str

    def __str__(self) -> str:
        return f"Version {self.version} is the champion: {self.reason}."


class PromotionJob(Job):
    """Promote a version whose evaluation meets the thresholds and beats the champion.

    No evaluation, a stale one, a missed threshold, a score that is no number, a tie with the
    champion or a loss against it refuse. The first champion has only the thresholds to meet.
    """

    KIND: Literal["PromotionJob"] = "PromotionJob"
    version: PositiveInt | None = None
    """Which version; the newest without one."""
    metric: str = Field(min_length=1)
    """The name of the metric by which the champion must be beaten."""
    min_gain: NonNegativeFloat = 0.0
    """By more than how much it must be beaten, in the metric's unit."""
    replace_incomparable: bool = False
    """Promote in place of a champion that cannot score the rows, as after a change of schemas."""

    def _run(self, run_id: str) -> PromotionResult:
        name = self.mlflow.registered_model
        version = registries.find_version(name, self.version)
        champion = registries.find_champion(name)
        try:
            reason = self._decide(version, champion)
        except PromotionError as error:
            # What was promoted once keeps its status: rollback goes by it.
            if STATUS not in version.tags or version.tags[STATUS] == "refused":
                registries.tag(version, {STATUS: "refused", REASON: str(error)})
            raise
        if _number(registries.find_champion(name)) != _number(champion):
            raise PromotionError(
                f"Version {version.version} is not promoted: another was, meanwhile. Evaluate it"
                " again."
            )
        # In this order, whatever fails in between leaves nothing that could be taken for more.
        registries.tag(version, {PREVIOUS: champion.version} if champion else {})
        registries.set_champion(version)
        registries.tag(version, {STATUS: "promoted", REASON: reason})
        return PromotionResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            previous=_number(champion),
            reason=reason,
        )

    def _decide(self, version: ModelVersion, champion: ModelVersion | None) -> str:
        """Say why a version may be promoted.

        Raises:
            PromotionError: It may not.
        """
        refused = f"Version {version.version} is not promoted: "
        if champion is not None and champion.version == version.version:
            raise PromotionError(f"{refused}it is the champion already.")
        if version.tags.get(STATUS) == "rolled back":
            raise PromotionError(f"{refused}it was rolled back. Train a new version.")
        evaluation = _read_evaluation(version, refused)
        if evaluation.champion != _number(champion):
            raise PromotionError(
                f"{refused}the champion changed since it was evaluated. Evaluate it again."
            )
        if self.metric not in evaluation.scores:
            raise PromotionError(
                f"{refused}its evaluation has no {self.metric}."
                + nearest(self.metric, evaluation.scores)
            )
        return self._compare(evaluation, refused)

    def _compare(self, evaluation: Evaluation, refused: str) -> str:
        score, champion = evaluation.scores[self.metric], evaluation.champion
        if champion is None:
            return f"the first version to meet the thresholds, with {self.metric} {score:.6g}"
        if evaluation.champion_scores is None:
            if self.replace_incomparable:
                return f"in place of version {champion}, which cannot be compared, as was asked for"
            raise PromotionError(
                f"{refused}the champion, version {champion}, could not score the same rows. If"
                " that is as it should be, set job.replace_incomparable=true."
            )
        beaten = evaluation.champion_scores.get(self.metric, math.nan)
        gain = score - beaten if evaluation.greater_is_better[self.metric] else beaten - score
        scores = f"{self.metric} {score:.6g} against {beaten:.6g} of version {champion}"
        if gain > self.min_gain:
            return f"it beats the champion, {scores}"
        if gain > 0:
            raise PromotionError(f"{refused}its gain is no more than {self.min_gain:g}, {scores}.")
        what = "ties with" if gain == 0 else "does not beat"
        raise PromotionError(f"{refused}it {what} the champion, {scores}.")


class RollbackResult(Result):
    """Which version predicts again."""

    version: int
    previous: int
    """The champion that was withdrawn."""

    def __str__(self) -> str:
        return f"Version {self.version} is the champion again, in place of {self.previous}."


class RollbackJob(Job):
    """Withdraw the champion, and make the one before it the champion again."""

    KIND: Literal["RollbackJob"] = "RollbackJob"
    version: PositiveInt | None = None
    """Which former champion to go back to; the last one without."""
    reason: str = Field("rolled back by hand", min_length=1)

    def _run(self, run_id: str) -> RollbackResult:
        name = self.mlflow.registered_model
        champion = registries.get_champion(name)
        before = self.version or int(champion.tags.get(PREVIOUS, 0))
        if not before:
            raise RegistryError(
                f"Version {champion.version} was the first champion: there is none to go back to."
            )
        target = registries.find_version(name, before)
        if target.version == champion.version:
            raise RegistryError(f"Version {before} is the champion already.")
        if target.tags.get(STATUS) not in {"promoted", "rolled back"}:
            raise RegistryError(
                f"Version {before} never was the champion: promote it, it cannot be gone back to."
            )
        # First of all, what is withdrawn cannot be promoted again.
        registries.tag(champion, {STATUS: "rolled back", REASON: self.reason})
        registries.set_champion(target)
        registries.tag(target, {STATUS: "promoted", REASON: f"rolled back to: {self.reason}"})
        return RollbackResult(
            job=self.KIND,
            run_id=run_id,
            version=int(target.version),
            previous=int(champion.version),
        )


def _number(version: ModelVersion | None) -> int | None:
    return int(version.version) if version else None


def _read_evaluation(version: ModelVersion, refused: str) -> Evaluation:
    """Read a version's evaluation, and refuse the version where it is no good."""
    run_id = version.tags.get(EVALUATION)
    if run_id is None:
        raise PromotionError(f"{refused}it was never evaluated. Run the evaluations job first.")
    try:
        with registries.read_artifacts(run_id, EVALUATION) as folder:
            content = (folder / f"{EVALUATION}.json").read_text(encoding="utf-8")
        evaluation = Evaluation.model_validate_json(content)
    except (RegistryError, OSError, ValidationError) as error:
        raise PromotionError(
            f"{refused}its evaluation cannot be read. Evaluate it again."
        ) from error
    if (evaluation.version, evaluation.model_run_id) != (int(version.version), version.run_id):
        raise PromotionError(f"{refused}its evaluation is another version's. Evaluate it again.")
    if not evaluation.thresholds:
        raise PromotionError(f"{refused}it was evaluated against no threshold.")
    misses = evaluation.misses()
    if misses:
        raise PromotionError(f"{refused}{'; '.join(misses)}.")
    return evaluation

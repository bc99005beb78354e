"""Make a version the champion, or go back to the one before; when in doubt, refuse."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from pydantic import Field, NonNegativeFloat

from ..core import gate
from ..core.components import Count
from ..core.errors import PromotionError, RegistryError, UnfitError
from ..io import champions, registries, versions
from ..io.registries import CHAMPION, EVALUATION, REASON, STATUS
from . import records
from .base import Job, Result

if TYPE_CHECKING:
    from mlflow.entities.model_registry import ModelVersion

RESTORE = "check out the commit that it was trained with, or name another version in job.version"
"""How a version of other columns becomes the champion again."""


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
    version: Count | None = None
    """Which version; the newest without one."""
    metric: str = Field(min_length=1)
    """The name of the metric by which the champion must be beaten."""
    min_gain: NonNegativeFloat = 0.0
    """By more than how much it must be beaten, in the metric's unit."""
    replace_incomparable: bool = False
    """Promote in place of a champion that is gone, or cannot be compared as after a change of
    schemas."""
    allow_withdrawn: bool = False
    """Promote a version that was rolled back, or one that repeats it."""

    def _run(self, run_id: str) -> PromotionResult:
        name = self.mlflow.registered_model
        version = champions.find_version(name, self.version)
        with champions.lock(name) as standing:
            champions.report(standing)
            done = standing.finished
            if done and done.kind == "promotion" and done.champion.version == int(version.version):
                return PromotionResult(
                    job=self.KIND,
                    run_id=run_id,
                    version=done.champion.version,
                    previous=done.previous.version if done.previous else None,
                    reason=done.reason,
                )
            try:
                evaluation, reason = self._decide(version, standing)
            except PromotionError as error:
                # The tag tells people; nothing is decided by it. A copy brings that of another.
                if standing.record.former(int(version.version)) is None:
                    registries.tag(version, {STATUS: "refused", REASON: str(error)})
                raise
            champions.change(standing, "promotion", evaluation.member, reason)
        return PromotionResult(
            job=self.KIND,
            run_id=run_id,
            version=int(version.version),
            previous=standing.record.champion.version if standing.record.champion else None,
            reason=reason,
        )

    def _decide(
        self, version: ModelVersion, standing: champions.Standing
    ) -> tuple[gate.Evaluation, str]:
        """Read what the gate needs to know, and ask it.

        Raises:
            PromotionError: The version may not be promoted.
        """
        refused = f"Version {version.version} is not promoted: "
        champion = standing.member
        if champion is not None and champion.version == int(version.version):
            raise PromotionError(f"{refused}it is the champion already.")
        if version.tags.get(STATUS) == "rolled back" and not self.allow_withdrawn:
            raise PromotionError(
                f"{refused}it was rolled back. Train a new version, or set job.allow_withdrawn=true"
                " if it was right after all."
            )
        if not standing.record.changes and not self.replace_incomparable:
            self._check_first(standing, refused)
        evaluation = _read_evaluation(version, refused)
        try:
            registries.check_fit(version)
            candidate = registries.identify(version)
        except RegistryError as error:
            raise PromotionError(f"{error} It is not promoted.") from error
        rule = gate.Rule(
            metric=self.metric,
            min_gain=self.min_gain,
            replace_incomparable=self.replace_incomparable,
            allow_withdrawn=self.allow_withdrawn,
        )
        verdict = gate.decide(
            standing.model,
            candidate,
            evaluation,
            standing.record,
            champion,
            rule,
            registries.digest_core(),
        )
        if not verdict.accepted:
            end = "" if verdict.reason.endswith(("?", ".")) else "."
            raise PromotionError(f"{refused}{verdict.reason}{end}")
        return evaluation, verdict.reason

    def _check_first(self, standing: champions.Standing, refused: str) -> None:
        """Refuse a first champion where there was one that the record does not know."""
        if standing.alias is not None:
            raise PromotionError(
                f"{refused}the alias '{CHAMPION}' names version {standing.alias}, which no"
                " promotion made champion. Remove the alias, or set job.replace_incomparable=true."
            )
        renamed = champions.find_renamed(standing.model)
        if renamed is not None:
            raise PromotionError(
                f"{refused}the model was renamed to '{renamed}', and its champion with it. Name"
                " that in job.mlflow.registered_model, or set job.replace_incomparable=true for a"
                " new start."
            )


class RollbackResult(Result):
    """Which version predicts again."""

    version: int
    previous: int
    """The champion that was withdrawn."""

    def __str__(self) -> str:
        place = f", in place of {self.previous}" if self.previous != self.version else ""
        return f"Version {self.version} is the champion again{place}."


class RollbackJob(Job):
    """Withdraw the champion, and make the one before it the champion again."""

    KIND: Literal["RollbackJob"] = "RollbackJob"
    version: Count | None = None
    """Which former champion to go back to; the last one without."""
    reason: str = Field("rolled back by hand", min_length=1)
    allow_other_unit: bool = False
    """Go back to a version whose target was in another unit."""

    def _run(self, run_id: str) -> RollbackResult:
        name = self.mlflow.registered_model
        with champions.lock(name) as standing:
            champions.report(standing)
            done = standing.finished
            if done and done.kind == "rollback" and self.version in {None, done.champion.version}:
                # This is the same once more: it goes back one champion, not two.
                return RollbackResult(
                    job=self.KIND,
                    run_id=run_id,
                    version=done.champion.version,
                    previous=(done.previous or done.champion).version,
                )
            target = self._find_target(standing)
            version = champions.find_member(name, target)
            if version is None:
                advice = champions.advise(standing)
                raise RegistryError(f"Version {target.version}, to go back to, is gone. {advice}")
            found = registries.identify(version, target.recipe)
            if target.digest and found.digest != target.digest:
                raise RegistryError(
                    f"The files of version {target.version} are not those that were promoted:"
                    " somebody has changed them. Name another version."
                )
            try:
                with versions.opening(version, registries.PipelineLoader()) as opened:
                    opened.load()
            except UnfitError as error:
                raise UnfitError(error.reason, RESTORE) from error
            if standing.champion is not None and not self.allow_other_unit:
                self._check_unit(version, standing.champion)
            champions.change(standing, "rollback", found, self.reason)
        before = standing.record.champion
        return RollbackResult(
            job=self.KIND,
            run_id=run_id,
            version=target.version,
            previous=before.version if before else target.version,
        )

    @staticmethod
    def _check_unit(version: ModelVersion, champion: ModelVersion) -> None:
        try:
            registries.read_replay(champion)
        except RegistryError:
            return  # a champion that is damaged is a reason to go back
        try:
            registries.check_scale(version, champion)
            records.check_same_target(version, champion)
        except RegistryError as error:
            raise RegistryError(
                f"{error} Set job.allow_other_unit=true if that is to be undone."
            ) from error

    def _find_target(self, standing: champions.Standing) -> gate.Member:
        record, last = standing.record, standing.record.champion
        if last is None:
            champions.check_name(standing.model)
            raise RegistryError(
                f"The model '{standing.model}' never had a champion: there is none to go back to."
            )
        if self.version is None:
            target = record.predecessor()
            if target is None:
                others = ", ".join(map(str, record.others()))
                hint = f" To make another the champion again, name it: {others}." if others else ""
                raise RegistryError(
                    f"There is no champion before version {last.version} to go back to.{hint}"
                )
            return target
        target = record.former(self.version)
        if target is None:
            registries.get_version(standing.model, self.version)
            raise RegistryError(
                f"Version {self.version} never was the champion: promote it, it cannot be gone"
                " back to."
            )
        if target.is_same(standing.member) and standing.alias == target.version:
            raise RegistryError(f"Version {self.version} is the champion already.")
        return target


def _read_evaluation(version: ModelVersion, refused: str) -> gate.Evaluation:
    """Read a version's evaluation, and refuse the version where there is none."""
    run_id = version.tags.get(EVALUATION)
    if run_id is None:
        raise PromotionError(
            f"{refused}it was never evaluated. Run the evaluations job on it first, or name another"
            " version in job.version."
        )
    try:
        with registries.read_artifacts(run_id, EVALUATION) as folder:
            content = (folder / f"{EVALUATION}.json").read_text(encoding="utf-8")
        return gate.Evaluation.model_validate_json(content)
    except (RegistryError, OSError, ValueError) as error:
        raise PromotionError(
            f"{refused}its evaluation cannot be read. Evaluate it again."
        ) from error

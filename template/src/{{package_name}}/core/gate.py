"""The gate: whether a version may become the champion, judged from what is known of it.

Nothing here reads or writes a registry: jobs do, and hand over what they found.
"""

from __future__ import annotations

import math
from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from .components import nearest
from .metrics import Threshold

MIN_COMPARED_ROWS = 30
"""With fewer rows that neither version has learned from, a comparison would be luck."""


class Member(BaseModel):
    """A version, told from every other by more than its number."""

    model_config = ConfigDict(frozen=True)

    version: int
    run_id: str
    """The run that trained it."""
    digest: str = ""
    """Of the model's files; empty for a champion from before there was a record."""
    recipe: str = ""
    """A digest of its parameters, its data and its scores."""

    def is_same(self, other: Member | None) -> bool:
        """Say whether both are one version with the same files, as far as these are known."""
        return (
            other is not None
            and (self.version, self.run_id) == (other.version, other.run_id)
            and (self.digest == other.digest or not (self.digest and other.digest))
        )

    def repeats(self, other: Member) -> bool:
        """Say whether both come from the same training, or from one that was the same."""
        same = bool(self.recipe) and self.recipe == other.recipe
        return same or self.run_id == other.run_id


class Change(BaseModel):
    """One entry of the record: how a version became the champion."""

    model_config = ConfigDict(frozen=True)

    model: str
    """The name that the registered model had; it may have been renamed since."""
    number: int = Field(ge=1)
    kind: Literal["promotion", "rollback"]
    champion: Member
    previous: Member | None
    reason: str
    by: str
    at: str
    """When, in UTC, as ISO 8601."""
    done: bool
    """False while the alias is being moved."""
    seal: str = ""
    """A digest of all that, by which an edit is noticed; empty in entries of older releases."""


class Record(BaseModel):
    """Who was champion when: all changes of one registered model, the oldest first."""

    model_config = ConfigDict(frozen=True)

    changes: list[Change] = []

    @property
    def champion(self) -> Member | None:
        """The champion that the last change made."""
        return self.changes[-1].champion if self.changes else None

    def withdrawn(self) -> list[Member]:
        """List the versions that a rollback withdrew and that did not come back since.

        A version comes back as itself, or as another one with the same recipe.
        """
        found: list[Member] = []
        for change in self.changes:
            if change.kind == "rollback" and change.previous:
                found.append(change.previous)
            found = [member for member in found if not member.repeats(change.champion)]
        return found

    def former(self, version: int) -> Member | None:
        """Find a version among all that were champion."""
        for change in reversed(self.changes):
            if change.champion.version == version:
                return change.champion
        return None

    def predecessor(self) -> Member | None:
        """Find the champion that a plain rollback goes back to.

        A promotion comes after the champion that it replaces, and after all that were before that
        one. A rollback comes after those that were before the version that it goes back to.
        """
        before: dict[str, list[Member]] = {}
        stack: list[Member] = []
        for change in self.changes:
            run_id = change.champion.run_id
            if change.kind == "rollback":
                stack = before.get(run_id, [])
            before[run_id] = stack
            stack = [*stack, change.champion]
        withdrawn = {member.run_id for member in self.withdrawn()}
        current = {stack[-1].run_id} if stack else set()
        left = [member for member in stack if member.run_id not in withdrawn | current]
        return left[-1] if left else None

    def others(self) -> list[int]:
        """Number the versions that were champion before and are not now."""
        current = self.champion.version if self.champion else None
        return sorted({change.champion.version for change in self.changes} - {current})


class Evaluation(BaseModel):
    """What is known of a version: how it scores, and how the champion does beside it."""

    model_config = ConfigDict(frozen=True, ser_json_inf_nan="constants")

    model: str
    """The registered model that the version was evaluated in."""
    member: Member
    scores: dict[str, float]
    """On all rows held out from the version."""
    greater_is_better: dict[str, bool]
    thresholds: list[Threshold]
    champion: Member | None
    """The version that it was scored beside, if there was one."""
    champion_scores: dict[str, float] | None = None
    """On the compared rows; None where they could not be compared."""
    compared_scores: dict[str, float] | None = None
    """The version's own, on the compared rows."""
    compared_rows: int = 0
    """How many of the rows held out neither of the two has learned from."""
    incomparable: str = ""
    """Why there is no comparison, where there is none."""
    code: str = ""
    """A digest of the project's core, as it was when the version was evaluated."""

    def misses(self) -> list[str]:
        """Say which scores are not finite, and which thresholds are not met."""
        return [
            f"{name} is {score}" for name, score in self.scores.items() if not math.isfinite(score)
        ] + [
            f"{threshold} is missed with {self.scores.get(threshold.metric, math.nan):.4g}"
            for threshold in self.thresholds
            if not threshold.passes(self.scores.get(threshold.metric, math.nan))
        ]


class Rule(BaseModel):
    """What is asked of a version; see ``PromotionJob``."""

    model_config = ConfigDict(frozen=True)

    metric: str
    min_gain: float = 0.0
    replace_incomparable: bool = False
    allow_withdrawn: bool = False


class Verdict(BaseModel):
    """Whether a version may become the champion, and why."""

    model_config = ConfigDict(frozen=True)

    accepted: bool
    reason: str


def decide(
    model: str,
    candidate: Member,
    evaluation: Evaluation,
    record: Record,
    champion: Member | None,
    rule: Rule,
    code: str = "",
) -> Verdict:
    """Judge a version; when in doubt, refuse.

    Args:
        model: the name of the registered model.
        candidate: the version, as the registry has it now.
        evaluation: of that version.
        record: the model's champions so far.
        champion: the one that the registry has now; None where there is none, or it is gone.
        rule: what is asked.
        code: a digest of the project's core as it is now.
    """
    refusal = (
        _object_to_identity(model, candidate, evaluation, champion)
        or _object_to_code(evaluation, code)
        or _object_to_history(candidate, evaluation, record, champion, rule)
        or _object_to_scores(evaluation, rule)
    )
    if refusal:
        return Verdict(accepted=False, reason=refusal)
    return _compare(evaluation, record, rule)


def _object_to_identity(
    model: str, candidate: Member, evaluation: Evaluation, champion: Member | None
) -> str:
    if champion is not None and champion.is_same(candidate):
        return "it is the champion already"
    if evaluation.model != model:
        return f"it was evaluated in the model '{evaluation.model}'. Evaluate it here"
    if (evaluation.member.version, evaluation.member.run_id) != (
        candidate.version,
        candidate.run_id,
    ):
        return "its evaluation is another version's. Evaluate it again"
    if evaluation.member.digest != candidate.digest:
        return (
            "its files are not those that were evaluated. If that is as it should be, evaluate it"
            " again; if not, somebody has changed it"
        )
    same = (
        evaluation.champion is None if champion is None else champion.is_same(evaluation.champion)
    )
    return "" if same else "the champion changed since it was evaluated. Evaluate it again"


def _object_to_code(evaluation: Evaluation, code: str) -> str:
    if evaluation.code in {"", code}:
        return ""
    return "the project's core has changed since it was evaluated. Evaluate it again"


def _object_to_history(
    candidate: Member,
    evaluation: Evaluation,
    record: Record,
    champion: Member | None,
    rule: Rule,
) -> str:
    last = record.champion
    if last is not None and champion is None and not rule.replace_incomparable:
        return (
            f"the champion, version {last.version}, is gone, so there is nothing to compare with."
            " Roll back to a former champion that is there still (job.version of"
            " confs/rollback.yaml), or set job.replace_incomparable=true for a new start"
        )
    if rule.allow_withdrawn:
        return ""
    for member in record.withdrawn():
        if member.run_id == candidate.run_id:
            return (
                "it was rolled back. Train a new version, or set job.allow_withdrawn=true if it"
                " was right after all"
            )
        if member.recipe and member.recipe == evaluation.member.recipe:
            return (
                f"it is version {member.version} again, which was rolled back: parameters, data"
                " and scores are the same. Change what was wrong, or set job.allow_withdrawn=true"
                " if nothing was"
            )
    return ""


def _object_to_scores(evaluation: Evaluation, rule: Rule) -> str:
    if not evaluation.thresholds:
        return "it was evaluated against no threshold"
    if misses := evaluation.misses():
        return "; ".join(misses)
    if rule.metric not in evaluation.scores:
        return f"its evaluation has no {rule.metric}.{nearest(rule.metric, evaluation.scores)}"
    return ""


def _compare(evaluation: Evaluation, record: Record, rule: Rule) -> Verdict:
    metric, champion = rule.metric, evaluation.champion
    if champion is None:
        score = evaluation.scores[metric]
        first = "the first version to meet the thresholds"
        if record.changes:
            first = "a new start, as was asked for, that meets the thresholds"
        return Verdict(accepted=True, reason=f"{first}, with {metric} {score:.6g}")
    number = champion.version
    if evaluation.champion_scores is None or evaluation.compared_scores is None:
        if rule.replace_incomparable:
            reason = f"in place of version {number}, which cannot be compared, as was asked for"
            return Verdict(accepted=True, reason=reason)
        return Verdict(
            accepted=False,
            reason=f"it cannot be compared with the champion, version {number}:"
            f" {evaluation.incomparable}. To replace it all the same, set"
            " job.replace_incomparable=true",
        )
    score = evaluation.compared_scores.get(metric, math.nan)
    beaten = evaluation.champion_scores.get(metric, math.nan)
    gain = score - beaten if evaluation.greater_is_better[metric] else beaten - score
    scores = f"{metric} {score:.6g} against {beaten:.6g} of version {number}"
    if gain > rule.min_gain:
        return Verdict(accepted=True, reason=f"it beats the champion, {scores}")
    if gain > 0:
        reason = f"its gain is no more than {rule.min_gain:g}, {scores}"
    else:
        reason = f"it {'ties with' if gain == 0 else 'does not beat'} the champion, {scores}"
    return Verdict(accepted=False, reason=reason)

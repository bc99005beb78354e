"""Who is champion: the record that says so, the alias that clients follow, one lock for both.

The record is a list of changes, each a tag of the registered model (``champion.00001``, …). Jobs go
by it. The alias is moved with it, and may be moved by anybody else: where the two disagree, a
warning says so, and the next promotion or rollback sets the alias right.
"""

from __future__ import annotations

import contextlib
import getpass
import hashlib
import logging
import time
import uuid
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Literal

from pydantic import ValidationError

from ..core.errors import RegistryError
from ..core.gate import Change, Member, Record
from . import processes, registries, stores
from .registries import (
    CHAMPION,
    PREVIOUS,
    REASON,
    STATUS,
    get_version,
    identify,
    is_missing,
    tag,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow.entities.model_registry import ModelVersion, RegisteredModel

PREFIX = "champion."
"""How the tags of the record begin; a number follows."""

COUNT = "champions"
"""The tag that says how many entries the record has at least."""

PATIENCE = 30.0
"""How many seconds to wait for another promotion or rollback."""

STALE = 600.0
"""After how many seconds a lock is taken for that of a process that died elsewhere."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Standing:
    """What the registry says of a model's champion at one moment."""

    model: str
    record: Record
    alias: int | None
    """The version that the alias names."""
    champion: ModelVersion | None
    """The version that the record names; None where there is none, or it is gone."""
    owner: str = ""
    """The name under which the lock is held, within it."""
    finished: Change | None = None
    """A change that had been cut short, and that was finished when the lock was taken."""

    @property
    def member(self) -> Member | None:
        """The champion, as the record knows it."""
        return self.record.champion if self.champion is not None else None


def read(model: str) -> Standing:
    """Ask who is champion, and say what disagrees.

    A change that was cut short counts where it has moved the alias; the next promotion or rollback
    finishes it.

    Args:
        model: the name of the registered model, which may not exist yet.

    Raises:
        RegistryError: The record cannot be read.
    """
    standing = _read(model)
    if not _is_cut_short(standing):
        report(standing)
        return standing
    entry = standing.record.changes[-1]
    logger.warning(
        "A %s was cut short, of which version %d is to be the champion: the next promotion or"
        " rollback finishes it.",
        entry.kind,
        entry.champion.version,
    )
    if standing.alias == entry.champion.version:
        return standing
    record = Record(changes=standing.record.changes[:-1])
    last = record.champion
    champion = find_member(model, last) if last else None
    return replace(standing, record=record, champion=champion)


def report(standing: Standing) -> None:
    """Warn where the alias names another version than the record."""
    last = standing.record.champion
    if last is not None and standing.alias != last.version and standing.champion is not None:
        logger.warning(
            "The alias '%s' of '%s' names %s, but the record says version %d: somebody moved it by"
            " hand. Jobs go by the record; a rollback with job.version=%d sets the alias right.",
            CHAMPION,
            standing.model,
            f"version {standing.alias}" if standing.alias else "no version",
            last.version,
            last.version,
        )


def get(model: str) -> ModelVersion:
    """Find the version that predicts.

    Raises:
        RegistryError: There is none.
    """
    standing = read(model)
    if standing.champion is not None:
        check_files(standing)
        return standing.champion
    last = standing.record.champion
    if last is not None:
        raise RegistryError(
            f"The champion of '{model}', version {last.version}, is gone. {advise(standing)}"
        )
    by_hand = (
        f" The alias '{CHAMPION}' names version {standing.alias}, which no promotion made champion."
        if standing.alias
        else ""
    )
    check_name(model)
    raise RegistryError(
        f"The model '{model}' has no champion yet in {stores.describe()}: train a version, evaluate"
        " it and promote it (the jobs training, evaluations and promotion), or name another store"
        f" in MLFLOW_TRACKING_URI.{by_hand}"
    )


def advise(standing: Standing) -> str:
    """Say what to do about a champion that is gone."""
    anew = "train, evaluate and promote a version with job.replace_incomparable=true."
    record = standing.record
    members = [member for number in record.others() if (member := record.former(number))]
    there = [str(each.version) for each in members if find_member(standing.model, each)]
    if not there:
        return f"No former champion is there any more: {anew}"
    return (
        f"Of the former champions, these are there: {', '.join(there)}. Roll back to one"
        f" (job.version of confs/rollback.yaml), or {anew}"
    )


def find_version(model: str, version: int | None) -> ModelVersion:
    """Find a version by its number, or the newest; see ``registries.find_version``.

    Raises:
        RegistryError: There is none, or the model was renamed.
    """
    try:
        return registries.find_version(model, version)
    except RegistryError:
        check_name(model)
        raise


def check_name(model: str) -> None:
    """Check that a model without champions has not merely been renamed.

    Args:
        model: the name of a registered model that has no record.

    Raises:
        RegistryError: Its record stands under another name.
    """
    renamed = find_renamed(model)
    if renamed is not None:
        raise RegistryError(
            f"The model '{model}' was renamed to '{renamed}', and its champions with it: name that"
            " in job.mlflow.registered_model."
        )


def check_files(standing: Standing) -> None:
    """Check that the champion's files are those that were promoted.

    Args:
        standing: with a champion; one from before there was a record is taken as it is.

    Raises:
        RegistryError: They are others, or cannot be read.
    """
    member, champion = standing.member, standing.champion
    if member is None or champion is None or not member.digest:
        return
    if identify(champion).digest != member.digest:
        raise RegistryError(
            f"The files of the champion, version {member.version}, are not those that were"
            " promoted: somebody has changed them, or the record. Restore them, or roll back"
            " (confs/rollback.yaml)."
        )


def find_predictor(model: str, version: int | None) -> ModelVersion:
    """Find a version by its number, or the champion.

    Raises:
        RegistryError: There is none.
    """
    return get(model) if version is None else get_version(model, version)


def find_former(version: ModelVersion) -> Member | None:
    """Find what the record knows of a version; None where it never was the champion.

    Args:
        version: the version.
    """
    member = _read(str(version.name)).record.former(int(version.version))
    return member if member and member.run_id == str(version.run_id) else None


def find_member(model: str, member: Member) -> ModelVersion | None:
    """Find the version that the record knows; None where it is gone, or another has its number.

    Args:
        model: the name of the registered model.
        member: the version, as the record has it.
    """
    try:
        found = get_version(model, member.version)
    except RegistryError:
        return None
    return found if str(found.run_id) == member.run_id else None


def find_renamed(model: str) -> str | None:
    """Find a registered model whose record was begun under this name.

    Args:
        model: the name of a model that has no record.
    """
    from mlflow import MlflowClient

    token: str | None = None
    while True:
        page = MlflowClient().search_registered_models(max_results=1000, page_token=token)
        for other in page:
            with contextlib.suppress(RegistryError):  # another project's, whose tags are its own
                record = _parse_record(other)
                if other.name != model and any(entry.model == model for entry in record.changes):
                    return str(other.name)
        token = page.token
        if not token:
            return None


def change(
    standing: Standing,
    kind: Literal["promotion", "rollback"],
    champion: Member,
    reason: str,
) -> None:
    """Make a version the champion; call it within ``lock``.

    The change is recorded as under way, the alias moved, the change recorded as done: whenever this
    dies, the next job finds one of the two champions, and finishes the change.

    Args:
        standing: what the lock gave.
        kind: of the change.
        champion: the version.
        reason: why.

    Raises:
        RegistryError: Somebody else moved the alias meanwhile, or took the lock.
    """
    from mlflow import MlflowClient

    _check_lock(standing)
    # What a release without a record left in tags is recorded first.
    for old in standing.record.changes:
        if not old.done:
            _write(standing.model, old.model_copy(update={"done": True}))
    entry = Change(
        model=standing.model,
        number=len(standing.record.changes) + 1,
        kind=kind,
        champion=champion,
        previous=standing.record.champion,
        reason=reason,
        by=_user(),
        at=datetime.now(UTC).isoformat(timespec="seconds"),
        done=False,
    )
    _write(standing.model, entry)
    _count(standing.model, entry.number)
    _check_lock(standing)
    MlflowClient().set_registered_model_alias(standing.model, CHAMPION, str(champion.version))
    _tag_versions(standing.model, entry)
    _write(standing.model, entry.model_copy(update={"done": True}))
    after = _read(standing.model)
    if after.alias != champion.version or after.record.champion != champion:
        raise RegistryError(
            f"The champion of '{standing.model}' was changed by somebody else at the same moment:"
            " look at the model, and run this again."
        )


def _tag_versions(model: str, entry: Change) -> None:
    """Tell people on the versions' own pages; one of them may be gone."""
    kept = entry.kind == "promotion"
    if not kept and entry.previous and not entry.previous.is_same(entry.champion):
        with contextlib.suppress(RegistryError):
            withdrawn = get_version(model, entry.previous.version)
            tag(withdrawn, {STATUS: "rolled back", REASON: entry.reason})
    told = entry.reason if kept else f"rolled back to: {entry.reason}"
    with contextlib.suppress(RegistryError):
        champion = get_version(model, entry.champion.version)
        tag(champion, {STATUS: "promoted", REASON: told})


@contextlib.contextmanager
def lock(model: str) -> Iterator[Standing]:
    """Keep every other promotion and rollback of a model out, on this machine and others.

    A registered model's name is unique in every store, and creating one that is there fails: the
    name ``<model>.lock`` is the lock, and exists no longer than the block.

    Args:
        model: the name of the registered model.

    Yields:
        What the registry says, with no change cut short.

    Raises:
        RegistryError: Another promotion or rollback does not end.
    """
    guard, owner = f"{model}.lock", f"{processes.name()} {uuid.uuid4().hex}"
    deadline = time.monotonic() + PATIENCE
    while not _acquire(guard, owner):
        if time.monotonic() > deadline:
            raise RegistryError(
                f"Another promotion or rollback of '{model}' does not end: try again later. If"
                f" none runs, delete the registered model '{guard}'."
            )
        time.sleep(0.1)
    try:
        yield replace(_mend(_read(model)), owner=owner)
    finally:
        _release(guard, owner)


def _check_lock(standing: Standing) -> None:
    """Check that the lock is still held: it is taken from a process that seems to be dead."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        holder = MlflowClient().get_registered_model(f"{standing.model}.lock").tags.get("owner")
    except MlflowException as error:
        if not is_missing(error):
            raise
        holder = None
    if holder != standing.owner:
        raise RegistryError(
            f"This took so long that another promotion or rollback of '{standing.model}' took its"
            " turn: look at the model, and run this again."
        )


def _acquire(guard: str, owner: str) -> bool:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient()
    try:
        client.create_registered_model(guard, tags={"owner": owner})
    except MlflowException as error:
        # A store that finds the name taken looks at it, and may find it free by then.
        if error.error_code != "RESOURCE_ALREADY_EXISTS" and not is_missing(error):
            raise
    else:
        return True
    try:
        held = client.get_registered_model(guard)
        holder = held.tags.get("owner", "")
        if holder == owner:  # the answer to a first request was lost
            return True
        if _is_stale(holder, held.creation_timestamp):
            # Renamed first, so that of those who see it one alone deletes it.
            broken = f"{guard}.{uuid.uuid4().hex}"
            client.rename_registered_model(guard, broken)
            client.delete_registered_model(broken)
    except MlflowException as error:
        if not is_missing(error):
            raise
    return False


def _is_stale(holder: str, since: int) -> bool:
    return processes.is_gone(holder.partition(" ")[0]) or time.time() - since / 1000 > STALE


def _release(guard: str, owner: str) -> None:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    client = MlflowClient()
    try:
        if client.get_registered_model(guard).tags.get("owner") == owner:
            client.delete_registered_model(guard)
    except MlflowException as error:
        logger.warning("The lock '%s' could not be taken away: %s", guard, error.error_code)


def _read(model: str) -> Standing:
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        found = MlflowClient().get_registered_model(model)
    except MlflowException as error:
        if is_missing(error):
            return Standing(model, Record(), None, None)
        raise
    alias = found.aliases.get(CHAMPION)
    number = None if alias is None else int(alias)
    record = _parse_record(found)
    if not record.changes and number is not None:
        record = _read_tags(model, number)
    last = record.champion
    return Standing(model, record, number, find_member(model, last) if last else None)


def _parse_record(model: RegisteredModel) -> Record:
    tags = {key: text for key, text in model.tags.items() if key.startswith(PREFIX)}
    changes = []
    for number, key in enumerate(sorted(tags), start=1):
        try:
            entry = Change.model_validate_json(tags[key])
        except ValidationError:
            entry = None
        if entry is None or entry.number != number or key != _key(number):
            raise _edited(model, f"its tag '{key}' is not entry {number}")
        if entry.seal not in {"", _seal(entry)}:
            raise _edited(model, f"its tag '{key}' is not what a job wrote")
        changes.append(entry)
    count = model.tags.get(COUNT, "0")
    if count.isdigit() and len(changes) < int(count):
        raise _edited(model, f"its tag '{COUNT}' says {count}, and it has {len(changes)} entries")
    return Record(changes=changes)


def _edited(model: RegisteredModel, what: str) -> RegistryError:
    return RegistryError(
        f"The record of who was champion of '{model.name}' was edited: {what}. Put back what was"
        " there. To begin anew, and forget all champions, delete its tags that begin with"
        " 'champion', and its alias."
    )


def _read_tags(model: str, alias: int) -> Record:
    """Read the champions of a release that had no record, from the tags of versions."""
    chain: list[ModelVersion] = []
    number: int | None = alias
    while number is not None and number not in {int(found.version) for found in chain}:
        try:
            found = get_version(model, number)
        except RegistryError:
            break
        # Tags travel with a copy, and prove nothing there.
        copied = str(found.source).startswith("models:/") and not str(found.source).startswith(
            "models:/m-"
        )
        if copied or found.tags.get(STATUS) != "promoted":
            break
        chain.insert(0, found)
        before = found.tags.get(PREVIOUS, "")
        number = int(before) if before.isdigit() else None
    changes: list[Change] = []
    for found in chain:
        changes.append(
            Change(
                model=model,
                number=len(changes) + 1,
                kind="promotion",
                champion=Member(version=int(found.version), run_id=str(found.run_id)),
                previous=changes[-1].champion if changes else None,
                reason=found.tags.get(REASON, ""),
                by="",
                at="",
                done=False,  # not written yet
            )
        )
    return Record(changes=changes)


def _is_cut_short(standing: Standing) -> bool:
    """Say whether the last change is recorded as under way; entries made of tags have no date."""
    changes = standing.record.changes
    return bool(changes) and not changes[-1].done and bool(changes[-1].at)


def _mend(standing: Standing) -> Standing:
    """Finish a change that was left under way, or drop it where its version is gone."""
    from mlflow import MlflowClient

    if not _is_cut_short(standing):
        return standing
    client, entry = MlflowClient(), standing.record.changes[-1]
    found = find_member(standing.model, entry.champion)
    if found is None or not _is_whole(found, entry.champion):
        logger.warning(
            "A %s was cut short whose version %d is gone or damaged: it is dropped.",
            entry.kind,
            entry.champion.version,
        )
        _count(standing.model, entry.number - 1)
        client.delete_registered_model_tag(standing.model, _key(entry.number))
        if entry.previous and find_member(standing.model, entry.previous):
            client.set_registered_model_alias(standing.model, CHAMPION, str(entry.previous.version))
        return _read(standing.model)
    before = entry.previous.version if entry.previous else None
    if standing.alias == before:
        client.set_registered_model_alias(standing.model, CHAMPION, str(entry.champion.version))
    _tag_versions(standing.model, entry)
    _write(standing.model, entry.model_copy(update={"done": True}))
    logger.warning(
        "A %s to version %d had been cut short, and is finished.",
        entry.kind,
        entry.champion.version,
    )
    return replace(_read(standing.model), finished=entry)


def _is_whole(version: ModelVersion, member: Member) -> bool:
    try:
        return not member.digest or identify(version).digest == member.digest
    except RegistryError:
        return False


def _write(model: str, entry: Change) -> None:
    from mlflow import MlflowClient

    text = entry.model_copy(update={"seal": _seal(entry)}).model_dump_json()
    MlflowClient().set_registered_model_tag(model, _key(entry.number), text)


def _count(model: str, entries: int) -> None:
    from mlflow import MlflowClient

    MlflowClient().set_registered_model_tag(model, COUNT, str(entries))


def _seal(entry: Change) -> str:
    text = entry.model_dump_json(exclude={"seal"})
    return hashlib.blake2b(text.encode(), digest_size=8).hexdigest()


def _key(number: int) -> str:
    return f"{PREFIX}{number:05d}"


def _user() -> str:
    with contextlib.suppress(KeyError, OSError):  # a container may not know its user
        return getpass.getuser()
    return "unknown"

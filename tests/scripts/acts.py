"""Random acts of a team in a registry, between trainings, promotions and rollbacks.

Run in a rendered project: `python acts.py PACKAGE SEED ACTS`. After each act, what predicts must be
what the last promotion or rollback made champion, nothing is promoted over a better version, and a
rollback goes to the champion that came right before, unless that one was withdrawn.
"""

import contextlib
import importlib
import logging
import random
import sys
from collections.abc import Callable
from typing import Any

import mlflow
from mlflow import MlflowClient

package, seed, acts = sys.argv[1], int(sys.argv[2]), int(sys.argv[3])
settings = importlib.import_module(f"{package}.settings")
errors = importlib.import_module(f"{package}.core.errors")
draw = random.Random(seed)  # noqa: S311
mlflow.set_tracking_uri("sqlite:///mlflow.db")
logging.disable(logging.ERROR)
WRITES = ["set_registered_model_alias", "set_registered_model_tag", "set_model_version_tag"]

scores: dict[int, float] = {}
"""The true score of each version, on rows that none has learned from."""
gone: set[int] = set()
allowed: set[int] = set()
"""What may predict: one version, or two after a kill."""
before: dict[int, int] = {}
"""Which champion each version took the place of, when it was promoted last."""
withdrawn: set[int] = set()
certain = True
"""Whether no change was cut short since the last one."""
either: set[int] = set()
"""Old and new champion of a change that was cut short: either may predict until it is finished."""
log: list[str] = []


class Killed(BaseException):
    """The process dies here."""


def job(conf: str, *extras: str) -> Any:
    with settings.load([f"confs/{conf}.yaml"], extras).job as runner:
        return runner.run()


def dying(client: type[MlflowClient], name: str, call: Callable[..., Any], left: list[int]) -> None:
    def write(*arguments: Any, **more: Any) -> Any:
        left[0] -= 1
        if left[0] < 0:
            raise Killed
        return call(*arguments, **more)

    setattr(client, name, write)


@contextlib.contextmanager
def killed_after(writes: int) -> Any:
    """Die at a write of the registry, and leave a lock behind."""
    kept = {name: getattr(MlflowClient, name) for name in WRITES}
    left = [writes]
    champions = None
    with contextlib.suppress(ImportError):
        champions = importlib.import_module(f"{package}.io.champions")
    for name, call in kept.items():
        dying(MlflowClient, name, call, left)
    if champions:
        release, champions._release = champions._release, lambda *_: None
    try:
        yield
    except Killed:
        log.append("  killed")
    finally:
        for name, call in kept.items():
            setattr(MlflowClient, name, call)
        if champions:
            champions._release = release
            champions._is_stale = lambda *_: True


def train() -> int:
    trees = draw.randint(1, 3 + 2 * len(scores))  # so that there is always a better one to come
    model = f"job.model.max_iter={trees}"
    result = job("training", model, f"job.model.random_state={draw.randrange(3)}")
    scores[result.version] = next(iter(result.metrics.values()))
    log.append(f"  version {result.version} scores {scores[result.version]:.4f}")
    return int(result.version)


def evaluate(version: int) -> None:
    job("evaluations", f"job.version={version}", "job.thresholds=[{metric: r2, at_least: -9}]")


def promote(version: int, *extras: str) -> None:
    global certain
    champions = set(allowed)
    job("promotion", f"job.version={version}", *extras)
    if not extras:
        best = min((scores[other] for other in champions), default=float("-inf"))
        assert scores[version] > best, f"version {version} is promoted over {champions}"
        assert not (champions & gone), "promoted unopposed, though there was a champion"
    before.pop(version, None)
    if certain and len(champions) == 1:
        [before[version]] = champions
    withdrawn.discard(version)
    certain = True
    allowed.clear()
    allowed.add(version)


def act_improve() -> None:
    version = train()
    evaluate(version)
    promote(version)


def act_late() -> None:
    """Promote any version by whatever evaluation it has, or none."""
    promote(draw.choice(list(scores)))


def act_rollback() -> None:
    global certain
    champions = set(allowed)
    result = job("rollback")
    expected = {before[version] for version in champions if version in before}
    if certain and len(champions) == len(expected) == 1 and not expected & (withdrawn | gone):
        assert {result.version} == expected, f"from {champions} back to {result.version}"
    certain = True
    withdrawn.update(champions)
    withdrawn.discard(result.version)
    allowed.clear()
    allowed.add(result.version)


def act_again() -> None:
    """Promote again what was withdrawn, as somebody who knows better."""
    version = draw.choice([other for other in withdrawn if other not in gone])
    evaluate(version)
    promote(version, "job.allow_withdrawn=true")


def act_kill() -> None:
    version = train()
    evaluate(version)
    global certain
    champions = set(allowed)
    done = False
    with killed_after(draw.randrange(6)):
        promote(version)
        done = True
    certain = done
    if not done and all(scores[version] > scores[other] for other in champions):
        allowed.add(version)
    either.clear()
    either.update(allowed)


def act_delete() -> None:
    version = draw.choice(list(scores))
    MlflowClient().delete_model_version(package, str(version))
    gone.add(version)
    scores_of_gone = scores.pop(version)
    log.append(f"  version {version} ({scores_of_gone:.4f}) is gone")
    scores[version] = scores_of_gone


def act_alias() -> None:
    version = draw.choice([other for other in scores if other not in gone])
    MlflowClient().set_registered_model_alias(package, "champion", str(version))
    log.append(f"  the alias names {version}")


def act_no_alias() -> None:
    MlflowClient().delete_registered_model_alias(package, "champion")


def act_tags() -> None:
    version = draw.choice([other for other in scores if other not in gone])
    for name, value in {"promotion": "promoted", "previous_champion": "1"}.items():
        MlflowClient().set_model_version_tag(package, str(version), name, value)


def act_copy() -> None:
    """Copy a version, its tags too, from a model where it was judged beside another."""
    version = draw.choice([other for other in scores if other not in gone])
    copy = MlflowClient().copy_model_version(f"models:/{package}/{version}", package)
    scores[int(copy.version)] = scores[version]
    log.append(f"  version {copy.version} is a copy of {version}")
    promote(int(copy.version))


def act_rename() -> None:
    MlflowClient().rename_registered_model(package, "elsewhere")
    try:
        check()
    finally:
        MlflowClient().rename_registered_model("elsewhere", package)


def check() -> None:
    """Predict: refuse, or do it with what was promoted last."""
    try:
        found = job("inference").version
    except errors.UserError as error:
        log.append(f"  no prediction: {error}")
        return
    if not certain:
        allowed.update(either)
    assert found in allowed, f"version {found} predicts, {allowed} should"
    assert found not in gone
    allowed.clear()
    allowed.add(found)


chances = [
    *[act_improve] * 4, *[act_rollback, act_again] * 2, act_late, act_kill, act_delete, act_alias,
    act_no_alias, act_tags, act_copy, act_rename,
]  # fmt: skip
try:
    act_improve()
    for _ in range(acts):
        act = draw.choice(chances)
        log.append(act.__name__)
        try:
            act()
        except (errors.UserError, mlflow.exceptions.MlflowException) as error:
            log.append(f"  refused: {error}")
        except IndexError:
            log.append("  nothing to choose from")
        check()
    # There is always a way on.
    version = train()
    evaluate(version)
    promote(version, "job.replace_incomparable=true", "job.allow_withdrawn=true") if (
        all(scores[version] > scores[other] for other in allowed) or allowed & gone
    ) else job("rollback", f"job.version={next(iter(allowed))}")
    check()
    last = job("inference").version
except errors.UserError as error:
    if "champion already" not in str(error):
        print("\n".join(log))
        raise
except AssertionError:
    print("\n".join(log))
    raise
print(f"{len(log)} lines, {len(scores)} versions, {sum('refused' in line for line in log)} refused")

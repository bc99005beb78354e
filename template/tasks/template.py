"""Bring in what the template of this project has learned, with copier."""

import json
import shlex
import sys
import tempfile
from pathlib import Path

import yaml
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

COPIER = "uvx --from 'copier>=9.19' copier"
UNDO = "git reset --hard && git clean -d --force"
HELP = {
    "version": "a tag of the template; the newest if empty, `:current:` to change answers only",
    "data": "another answer, as KEY=VALUE; may be given more than once",
    "trust": "run the migrations of the template",
}


def git(ctx: Context, arguments: str) -> list[str]:
    """Ask git for lines."""
    listing: str = ctx.run(f"git -c core.quotePath=off {arguments}", hide=True, echo=False).stdout
    return listing.splitlines()


def update_command(version: str, data: list[str], *, trust: bool) -> str:
    """Compose the command of copier that updates the project in the current folder."""
    options = ["--defaults"]
    options += ["--vcs-ref", version] if version else []
    options += [part for answer in data for part in ("--data", answer)]
    options += ["--trust"] if trust else []
    return f"{COPIER} update {shlex.join(options)}"


def read_answers() -> dict[str, str]:
    """Read which version of which template the project has, and its answers.

    Raises:
        Exit: copier could not update from what is there.
    """
    path = Path(".copier-answers.yml")
    answers = yaml.safe_load(path.read_text(encoding="utf-8")) if path.is_file() else {}
    if "_commit" not in answers:
        raise Exit(f"{path} names no version of a template to update from.", code=1)
    source = str(answers["_src_path"])
    if source.startswith("."):
        raise Exit(
            f"{path} says that the template is at {source}, as seen from where copier ran: write"
            " its address, such as gh:owner/name, as _src_path there, and commit it.",
            code=1,
        )
    return {key: str(value) for key, value in answers.items()}


def changes(ctx: Context) -> list[str]:
    """List what is not committed, whatever the user's settings of git hide."""
    return git(ctx, "status --porcelain --untracked-files=all")


def require_clean(ctx: Context) -> None:
    """Refuse to go on where a merge could not be told from work in progress.

    Raises:
        Exit: There are changes that are not committed.
    """
    changed = changes(ctx)
    if changed:
        listing = "\n".join(f"  {line}" for line in changed)
        raise Exit(
            f"Commit or stash these first, so that an update can be undone:\n{listing}", code=1
        )


@task
def check(ctx: Context) -> None:
    """Tell whether the template has a newer version."""
    read_answers()
    said = ctx.run(f"{COPIER} check-update --output-format json", hide="out").stdout
    found = json.loads(said)
    print(f"The template's version here is {found['current_version']}.")
    if found["update_available"]:
        print(f"There is {found['latest_version']}: uv run inv template.update")
    else:
        print("It is the newest.")


@task(help=HELP, iterable=["data"])
def diff(
    ctx: Context, version: str = "", data: list[str] | None = None, trust: bool = False
) -> None:
    """Show what an update would change."""
    require_clean(ctx)
    read_answers()
    root, place = git(ctx, "rev-parse --show-toplevel --show-prefix")
    with tempfile.TemporaryDirectory() as folder:
        ctx.run(f"git clone --quiet {shlex.quote(root)} {shlex.quote(folder)}")
        with ctx.cd(str(Path(folder, place))):
            ctx.run(f"{update_command(version, data or [], trust=trust)} --quiet")
            ctx.run("git add --all --intent-to-add", hide=True)
            ctx.run("git --no-pager diff --stat --patch HEAD")


@task(help=HELP, iterable=["data"])
def update(
    ctx: Context, version: str = "", data: list[str] | None = None, trust: bool = False
) -> None:
    """Update to the newest version, and check.

    What was changed here is merged with what changed in the template. Conflicts are listed, and
    stay for you to resolve. A version that must run code of the template to migrate the project
    asks for --trust.
    """
    require_clean(ctx)
    before = read_answers()
    outcome = ctx.run(update_command(version, data or [], trust=trust), warn=True, hide="err")
    if not outcome.ok or changes(ctx):
        print(outcome.stderr, file=sys.stderr)
    if not outcome.ok:
        undo = f"It left changes; to undo them: {UNDO}" if changes(ctx) else "Nothing has changed."
        hint = " To run migrations: uv run inv template.update --trust" if not trust else ""
        raise Exit(f"copier could not update the project. {undo}{hint}", code=outcome.exited)
    after = read_answers()
    unknown = {answer.partition("=")[0] for answer in data or []} - after.keys()
    if unknown:
        print(f"No question takes this answer: {', '.join(sorted(unknown))}")
    if not changes(ctx):
        print(f"Nothing to update: {before['_commit']} it is.")
        return
    deleted = git(ctx, "diff --relative --name-only --diff-filter=D HEAD")
    for path in deleted:
        print(f"deleted: {path} (to bring it back: git checkout HEAD -- {shlex.quote(path)})")
    conflicts = git(ctx, "diff --relative --name-only --diff-filter=U")
    for path in conflicts:
        print(f"conflict: {path}")
    print(f"From {before['_commit']} to {after['_commit']}. To undo the update: {UNDO}")
    if conflicts:
        raise Exit("Resolve the conflicts, then: uv sync && uv run inv checks", code=1)
    outcome = ctx.run("uv sync && uv run inv checks", warn=True)
    if not outcome.ok:
        raise Exit(
            f"The update is in place, but the checks fail. Mend and commit it, or undo it: {UNDO}",
            code=outcome.exited,
        )
    print("The checks pass. To keep the update: git add --all && git commit")

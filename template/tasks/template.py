"""Bring in what the template of this project has learned, with copier."""

import contextlib
import json
import os
import re
import shlex
import shutil
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import yaml
from invoke.context import Context
from invoke.exceptions import Exit
from invoke.runners import Result
from invoke.tasks import task

COPIER = "uvx --from copier==9.19.1 copier"
ANSWERS = Path(".copier-answers.yml")
UNDO = "git reset --hard && git clean -d --force"
HELP = {
    "version": "a tag of the template; the newest if empty, `:current:` to change answers only",
    "data": "another answer, as KEY=VALUE; may be given more than once",
    "trust": "run the migrations of the template",
}

SETTINGS = {
    "apply.whitespace": "nowarn",
    "core.attributesFile": os.devnull,
    "core.hooksPath": os.devnull,
    "core.quotePath": "off",
    "status.showUntrackedFiles": "all",
}
"""What git must not take from its user here, or copier would miss changes, or be refused."""

PLACES = re.compile(
    r"GIT_(ALTERNATE_OBJECT_DIRECTORIES|COMMON_DIR|DIFF_OPTS|DIR|EXTERNAL_DIFF|INDEX_FILE|NAMESPACE"
    r"|OBJECT_DIRECTORY|PREFIX|WORK_TREE|\w+_PATHSPECS)"
)
"""Variables of the environment that would lead git elsewhere, as a hook has them."""


def run(ctx: Context, command: str, ignore: str = "", **options: Any) -> Result:
    """Run a command that sees what is here, whatever its user's git is told to hide or refuse.

    Args:
        ctx: of the task.
        command: git, or copier, which runs git.
        ignore: a file with what git ignores in place of the user's own.
        options: see `Context.run`.
    """
    variables = {name: text for name, text in os.environ.items() if not PLACES.fullmatch(name)}
    settings = SETTINGS | ({"core.excludesFile": ignore} if ignore else {})
    before = int(variables.get("GIT_CONFIG_COUNT") or 0)
    for number, (key, value) in enumerate(settings.items(), start=before):
        variables |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    variables["GIT_CONFIG_COUNT"] = str(before + len(settings))
    outcome: Result = ctx.run(command, env=variables, replace_env=True, **options)
    return outcome


def git(ctx: Context, arguments: str) -> list[str]:
    """Ask git for lines."""
    return run(ctx, f"git {arguments}", hide=True, echo=False).stdout.splitlines()


def command(kind: str, version: str, data: list[str], *, trust: bool) -> str:
    """Compose a command of copier for the project in the current folder.

    Args:
        kind: `update`, or `recopy`, which renders it again.
        version: of the template; the newest if empty.
        data: answers that change, as KEY=VALUE.
        trust: run what the template brings.
    """
    options = ["--defaults"]
    options += ["--vcs-ref", version] if version else []
    options += [part for answer in data for part in ("--data", answer)]
    options += ["--trust"] if trust else []
    return f"{COPIER} {kind} {shlex.join(options)}"


def read_answers() -> dict[str, str]:
    """Read which version of which template the project has, and its answers.

    Raises:
        Exit: copier could not update from what is there.
    """
    answers = None
    with contextlib.suppress(OSError, yaml.YAMLError):
        answers = yaml.safe_load(ANSWERS.read_text(encoding="utf-8"))
    if not isinstance(answers, dict) or not {"_commit", "_src_path"} <= answers.keys():
        raise Exit(f"{ANSWERS} names no version of a template.", code=1)
    source = str(answers["_src_path"])
    if source.startswith("."):
        raise Exit(
            f"{ANSWERS} says that the template is at {source}, as seen from where copier ran: write"
            " its address, such as gh:owner/name, as _src_path there, and commit it.",
            code=1,
        )
    return {key: str(value) for key, value in answers.items()}


def changes(ctx: Context) -> list[str]:
    """List what is not committed."""
    return git(ctx, "status --porcelain")


def require_clean(ctx: Context) -> None:
    """Refuse to go on where a merge could not be told from work in progress.

    Raises:
        Exit: There are changes that are not committed, or that git was told to hide.
    """
    marked = [line[2:] for line in git(ctx, "ls-files -v") if line[0] == "S" or line[0].islower()]
    if hidden := [path for path in marked if Path(path).exists()]:
        raise Exit(
            "git was told not to look at these, so an update would overwrite what you changed in"
            f" them:\n{indent(hidden)}\nShow them again with git update-index --no-skip-worktree"
            " --no-assume-unchanged -- PATH, and commit them.",
            code=1,
        )
    if changed := changes(ctx):
        raise Exit(
            f"Commit or stash these first, so that an update can be undone:\n{indent(changed)}",
            code=1,
        )


def indent(lines: Iterable[str]) -> str:
    """List lines under a sentence."""
    return "\n".join(f"  {line}" for line in lines)


class Guard:
    """An update that keeps what people wrote, whatever copier and git get wrong.

    Args:
        ctx: of the task.
        folder: for renders of the template's version here, and of the one to come.
        data: answers that change.
        trust: run what the template brings.
    """

    def __init__(self, ctx: Context, folder: Path, data: list[str], *, trust: bool) -> None:
        self.ctx, self.data, self.trust = ctx, data, trust
        self.old, self.new, self.ignore = folder / "old", folder / "new", folder / "ignore"
        self.before: dict[str, bytes] = {}
        """What the files of both renders hold here, whether git knows them or not."""
        self.foreign: set[str] = set()
        """Those of them that git does not track, which copier replaces and does not merge."""

    def update(self, here: str, version: str) -> Result:
        """Run copier; the first of its failures ends it."""
        outcome = self._render(self.old, here, [])
        outcome = self._render(self.new, version, self.data) if outcome.ok else outcome
        if not outcome.ok:
            return outcome
        paths = sorted(list_files(self.old) | list_files(self.new))
        self.before = {path: read(path) for path in paths if os.path.lexists(path)}
        self.foreign = self.before.keys() - {*git(self.ctx, "ls-files")}
        self.rejected = {path for path in paths if Path(f"{path}.rej").exists()}
        # copier would not see files of the template that only its user's git ignores.
        [root] = git(self.ctx, "rev-parse --show-toplevel")
        listing = "ls-files --others --ignored --exclude-standard --directory"
        found = git(self.ctx, f"-C {shlex.quote(root)} {listing}")
        ignored = [re.sub(r"([\\*?\[ ])", r"\\\1", f"/{path}") for path in found]
        self.ignore.write_text("\n".join(ignored), encoding="utf-8")
        update = command("update", version, self.data, trust=self.trust)
        return run(self.ctx, update, str(self.ignore), warn=True, hide="err")

    def check(self) -> None:
        """Compare each file with what it was, and undo the update where it lost something.

        What git does not track could not be brought back later: it stays as it is.

        Raises:
            Exit: A line that was added here is gone, or a file that was deleted has come back.
        """
        if kept := self._restore(self.foreign):
            print(
                "git does not track these, so nothing was merged into them, and they stay as they"
                f" are:\n{indent(kept)}"
            )
        lost = {path: self._find_lost(path) for path in self.before}
        back = {path for path in list_files(self.old) - self.before.keys() if Path(path).exists()}
        lost |= dict.fromkeys(sorted(back), "was deleted here, and has come back")
        listing = indent(f"{path}: {what}" for path, what in lost.items() if what)
        if not listing:
            return
        if self.trust:
            print(f"A migration changed these, or they lost something: look at them.\n{listing}")
            return
        run(self.ctx, UNDO, hide=True)
        for path in list_files(self.new) - self.before.keys():
            Path(path).unlink(missing_ok=True)  # git may ignore it, and clean leaves it
        self._restore(self.before)
        raise Exit(
            f"The update would have lost work of yours, and was undone:\n{listing}\nTell the"
            " authors of the template. To update all the same: uvx copier update",
            code=1,
        )

    def _restore(self, paths: Iterable[str]) -> list[str]:
        """Give files back what they held, and list those that had changed."""
        changed = [
            path
            for path in sorted(paths)
            if not Path(path).is_symlink() and read(path) != self.before[path]
        ]
        for path in changed:
            Path(path).parent.mkdir(parents=True, exist_ok=True)
            Path(path).write_bytes(self.before[path])
        return changed

    def _find_lost(self, path: str) -> str:
        """Find a line that was added here and is gone; empty where there is none."""
        if path not in self.rejected and Path(f"{path}.rej").exists():
            return "a conflict is left in its .rej file"
        if self.data and not os.path.lexists(path) and path not in list_files(self.new):
            return ""  # it was another answer's, and is named as deleted
        mine = Counter(self.before[path].splitlines())
        lost = mine - Counter(read(self.old / path).splitlines()) - Counter(read(path).splitlines())
        lines = [line.decode(errors="replace").strip() for line in lost]
        return next((f"lost the line '{line}'" for line in lines if line), "")

    def _render(self, folder: Path, version: str, data: list[str]) -> Result:
        folder.mkdir()
        shutil.copy(ANSWERS, folder)
        with self.ctx.cd(str(folder)):
            recopy = command("recopy", version, data, trust=self.trust)
            return run(
                self.ctx, f"{recopy} --overwrite --quiet --skip-tasks", warn=True, hide="err"
            )


def find_conflicts(ctx: Context) -> list[str]:
    """List conflicts; a file with CRLF is one as a whole to copier, and merged anew by git."""
    conflicts = []
    for path in git(ctx, "diff --relative --name-only --diff-filter=U"):
        if b"\r\n" in read(path):
            git(ctx, f"checkout --merge -- {shlex.quote(path)}")
            if b"<<<<<<< " not in read(path):
                git(ctx, f"reset --quiet -- {shlex.quote(path)}")
                continue
        conflicts.append(path)
    return conflicts


def list_files(folder: Path) -> set[str]:
    """List the files of a render by their paths in the project; its answers are copier's own."""
    paths = {path.relative_to(folder) for path in folder.rglob("*") if not path.is_dir()}
    return {path.as_posix() for path in paths - {ANSWERS}}


def read(path: str | Path) -> bytes:
    """Read a file; a link is where it points to, and what is not there is empty."""
    path = Path(path)
    if path.is_symlink():
        return os.fsencode(path.readlink())
    return path.read_bytes() if path.is_file() else b""


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
        run(ctx, f"git clone --quiet {shlex.quote(root)} {shlex.quote(folder)}")
        with ctx.cd(str(Path(folder, place))):
            run(ctx, f"{command('update', version, data or [], trust=trust)} --quiet", os.devnull)
            run(ctx, "git add --all --intent-to-add", hide=True)
            run(ctx, "git --no-pager diff --stat --patch HEAD")


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
    with tempfile.TemporaryDirectory() as folder:
        guard = Guard(ctx, Path(folder), data or [], trust=trust)
        outcome = guard.update(before["_commit"], version)
        if not outcome.ok or changes(ctx):
            print(outcome.stderr, file=sys.stderr)
        if not outcome.ok:
            undo = (
                f"It left changes; to undo them: {UNDO}" if changes(ctx) else "Nothing has changed."
            )
            hint = " To run migrations: uv run inv template.update --trust" if not trust else ""
            raise Exit(f"copier could not update the project. {undo}{hint}", code=outcome.exited)
        guard.check()
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
    conflicts = find_conflicts(ctx)
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

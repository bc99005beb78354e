"""Past releases of the template, rebuilt from its history, and projects that update from them."""

import io
import re
import shutil
import subprocess
from collections.abc import Callable
from contextlib import redirect_stderr
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from copier import run_update
from harness import PARTS, ROOT, Answers, Project, Template, run

TREE: Final = "v1000.0.0"
"""The tag of the working tree: it is newer than any release, so that each migration is crossed."""


def find_releases() -> dict[str, str]:
    """Find the commit of each release by its tag, the oldest first.

    Raises:
        AssertionError: There is none; a shallow clone has lost them.
    """
    log = run("git", "log", "--reverse", "--format=%H %s", cwd=ROOT)
    bumps = re.findall(r"^(\w+) bump: version \S+ → (\S+)$", log, re.MULTILINE)
    assert bumps, "no release is in git's history: is this a shallow clone?"
    return {f"v{version}": commit for commit, version in bumps}


class History(Template):
    """The template's repository with a tag on each release, and on the working tree as the newest.

    Args:
        folder: where to work.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder / "template", folder)
        folder.mkdir(exist_ok=True)
        run("git", "clone", "--quiet", "--no-tags", ROOT, self.source, cwd=folder)
        for tag, commit in RELEASES.items():
            run("git", "tag", tag, commit, cwd=self.source)
        self.release(TREE, copy_working_tree)

    def release(self, tag: str, change: Callable[[Path], None]) -> None:
        """Make another version of the template, out of the newest."""
        change(self.source)
        run("git", "add", "--all", cwd=self.source)
        run("git", "commit", "--quiet", "--allow-empty", f"--message={tag}", cwd=self.source)
        run("git", "tag", tag, cwd=self.source)

    def start(self, target: Path, version: str, answers: Answers) -> "Adopted":
        """Render a project with a version of the template, and commit it."""
        project = Adopted(self.copy(target, answers, version).path)
        project.git("init", "--quiet", "--initial-branch=main")
        project.commit()
        return project


def copy_working_tree(target: Path) -> None:
    """Put the working tree, uncommitted work too, in place of what is in a clone."""
    command = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *PARTS]
    paths = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout
    for part in PARTS:
        path = target / part
        shutil.rmtree(path) if path.is_dir() else path.unlink(missing_ok=True)
    for name in paths.split("\0")[:-1]:
        if (ROOT / name).exists():
            target.joinpath(name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, target / name)


@dataclass(frozen=True)
class Outcome:
    """What an update did.

    Attributes:
        message: what it printed.
        conflicts: files with conflicts that git knows of.
        deleted: files that are in the last commit and no longer in the tree.
    """

    message: str
    conflicts: set[str]
    deleted: set[str]


@dataclass(frozen=True)
class Adopted(Project):
    """A project in git, as its team has it; what was read of it is from before any update."""

    def __post_init__(self) -> None:
        assert self.texts is not None

    def git(self, *arguments: str) -> str:
        """Run git in the project."""
        return run("git", *arguments, cwd=self.path)

    def paths(self, *options: str) -> set[str]:
        """Ask git for paths."""
        return {path for path in self.git(*options, "-z").split("\0") if path}

    def commit(self) -> None:
        """Commit all changes."""
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "--no-verify", "--message=work")

    def update(
        self, version: str = TREE, answers: Answers | None = None, *, trust: bool = True
    ) -> Outcome:
        """Update the project, as somebody who takes the default of every new question.

        Args:
            version: of the template.
            answers: that change.
            trust: run migrations.
        """
        said = io.StringIO()
        with redirect_stderr(said):
            run_update(
                self.path,
                data=dict(answers or {}),
                vcs_ref=version,
                defaults=True,
                overwrite=True,
                unsafe=trust,
            )
        return Outcome(
            message=said.getvalue(),
            conflicts=self.paths("diff", "--name-only", "--diff-filter=U"),
            deleted=self.paths("diff", "--name-only", "--diff-filter=D", "HEAD"),
        )

    def now(self) -> Project:
        """Read the project again."""
        return Project(self.path)


RELEASES: Final = find_releases()
"""The commit of each release by its tag, the oldest first."""

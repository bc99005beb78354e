# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.19", "pyyaml>=6", "rope>=1.14"]
# ///
"""Move a module of a project, what its users changed in it, and who imports it.

    move_module.py src/{package_name}/core/plots.py src/{package_name}/core/figures.py

Before the update, imports of the module and names that are looked up in it follow, by rope. After
it, copier has put the template's module in the new place and taken the old one away; what the user
had changed is merged in, and a conflict is one that git knows of.
"""

import argparse
import os
import subprocess
import sys
import tempfile
from difflib import SequenceMatcher
from pathlib import Path

import yaml
from copier import run_copy
from rope.base.change import ChangeContents
from rope.base.project import Project
from rope.refactor.move import MoveModule
from rope.refactor.rename import Rename

ANSWERS = ".copier-answers.yml"
LABELS = ["before updating", "last update", "after updating"]


def git(*arguments: str, text: str | None = None) -> str:
    """Run git, and return what it printed."""
    command = ["git", *arguments]
    return subprocess.run(command, input=text, capture_output=True, text=True, check=True).stdout


def exists(revision: str) -> bool:
    """Tell whether git knows a file, such as `:README.md` in the index."""
    command = ["git", "cat-file", "-e", revision]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def render_last(folder: str) -> Path:
    """Render the project as the last update left it, without what its users changed."""
    answers = yaml.safe_load(git("show", f"HEAD:./{ANSWERS}"))
    run_copy(
        answers["_src_path"],
        folder,
        data={key: value for key, value in answers.items() if not key.startswith("_")},
        vcs_ref=os.environ["VERSION_FROM"],
        defaults=True,
        quiet=True,
    )
    return Path(folder)


def follow(old: str, new: str, last: Path) -> None:
    """Change the user's lines that name the module; the template's own come with the update.

    The module stays in its place, for copier's merge.

    Args:
        old: where the module is.
        new: where it will be.
        last: the project as it was rendered.

    Raises:
        SystemExit: The module changes its name and its folder at once.
    """
    project = Project(".", ropefolder=None, source_folders=["src"], ignore_syntax_errors=True)
    module = project.get_resource(old)
    if Path(old).parent == Path(new).parent:
        changes = Rename(project, module).get_changes(Path(new).stem)
    elif Path(old).name == Path(new).name:
        changes = MoveModule(project, module).get_changes(
            project.get_resource(Path(new).parent.as_posix())
        )
    else:
        sys.exit(f"Move {old} in two steps: to its new name, and to its new folder.")
    for change in changes.changes:
        if not isinstance(change, ChangeContents):
            continue
        path = Path(change.resource.path)
        rendered = last / path
        base = rendered.read_text("utf-8").splitlines() if rendered.is_file() else []
        before = path.read_text("utf-8").splitlines()
        after = change.new_contents.splitlines()
        if base and len(before) != len(after):
            print(f"{path}: look for imports of {old}, which is now {new}", file=sys.stderr)
            continue
        for block in SequenceMatcher(None, base, before, autojunk=False).get_matching_blocks():
            after[block.b : block.b + block.size] = before[block.b : block.b + block.size]
        if after != before:
            newline = "\r\n" if b"\r\n" in path.read_bytes() else "\n"
            text = "".join(f"{line}\n" for line in after)
            path.write_text(text, encoding="utf-8", newline=newline)
            git("add", "--", path.as_posix())


def merge(old: str, new: str, last: Path) -> None:
    """Merge what the user had changed in the old place into the module in the new one.

    Args:
        old: where the user's module was, and is in git's index.
        new: where the template's module is now.
        last: the project as it was rendered.

    Raises:
        SystemExit: git cannot merge them.
    """
    sides = {1: last / old, 2: last / "ours", 3: Path(new)}
    sides[2].write_text(git("show", f":./{old}"), encoding="utf-8")
    blobs = {stage: git("hash-object", "-w", "--", str(path)) for stage, path in sides.items()}
    labels = [part for label in LABELS for part in ("-L", label)]
    command = ["git", "merge-file", "--stdout", *labels, *(str(sides[n]) for n in (2, 1, 3))]
    outcome = subprocess.run(command, capture_output=True, check=False)
    if outcome.returncode not in range(128):
        sys.exit(f"git could not merge {old} into {new}: {outcome.stderr.decode()}")
    Path(new).write_bytes(outcome.stdout)
    if outcome.returncode:  # the number of conflicts
        path = git("rev-parse", "--show-prefix").strip() + new
        rows = [f"100644 {blob.strip()} {stage}\t{path}" for stage, blob in blobs.items()]
        git("update-index", "--index-info", text="\n".join([*rows, ""]))


def main() -> None:
    """Do the part of the stage that copier names in the environment."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", help="where it was")
    parser.add_argument("new", help="where it is")
    arguments = parser.parse_args()
    answers = yaml.safe_load(Path(ANSWERS).read_text(encoding="utf-8"))
    old, new = (path.format(**answers) for path in (arguments.old, arguments.new))
    with tempfile.TemporaryDirectory() as folder:
        if os.environ["STAGE"] == "before":
            if Path(old).is_file() and not Path(new).exists():
                follow(old, new, render_last(folder))
        elif exists(f":./{old}") and not exists(f":./{new}") and Path(new).is_file():
            merge(old, new, render_last(folder))


if __name__ == "__main__":
    main()

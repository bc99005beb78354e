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
import sys
import tempfile
from difflib import SequenceMatcher
from pathlib import Path

import yaml
from project import ANSWERS, exists, git, merge, render_last
from rope.base.change import ChangeContents
from rope.base.project import Project
from rope.refactor.move import MoveModule
from rope.refactor.rename import Rename


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
            last = render_last(folder).joinpath(old).read_bytes().decode()
            merge(new, last, git("show", f":./{old}"))


if __name__ == "__main__":
    main()

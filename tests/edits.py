"""What users do to their projects between two updates, and what must be left of it."""

import re
import subprocess
from collections.abc import Collection, Iterable
from dataclasses import dataclass, field
from typing import Final

from harness import ANSWERS_FILE
from hypothesis import strategies as st
from releases import Adopted, Outcome

KINDS: Final = [
    "insert",
    "insert",
    "replace",
    "delete lines",
    "delete file",
    "rename",
    "add",
    "mode",
    "crlf",
    "truncate",
]


@dataclass(frozen=True)
class Edit:
    """One change to one file.

    Attributes:
        kind: what is done, one of `KINDS`.
        path: the file.
        at: where in the file, from 0.0 (its start) to 1.0 (its end).
        text: a line that is nowhere else, where the edit adds one.
    """

    kind: str
    path: str
    at: float
    text: str


@dataclass
class Work:
    """What a user did.

    Attributes:
        lines: each line that was added, and the file that it was added to.
        touched: every file that was changed, added, deleted or renamed.
        removed: files that were deleted or renamed.
        executable: files that were made so.
    """

    lines: dict[str, str] = field(default_factory=dict)
    touched: set[str] = field(default_factory=set)
    removed: set[str] = field(default_factory=set)
    executable: set[str] = field(default_factory=set)

    def forget(self, deleted: set[str]) -> None:
        """Leave to git's history what an update deleted."""
        self.lines = {line: path for line, path in self.lines.items() if path not in deleted}


def campaigns(paths: Iterable[str], *, most: int = 12) -> st.SearchStrategy[list[Edit]]:
    """Draw edits of a project that has these files.

    copier writes its answers file anew each time, and tells so in it: nobody edits that one.
    """
    words = st.text(st.characters(exclude_categories=["C", "Z"]), max_size=12)
    edit = st.builds(
        Edit,
        kind=st.sampled_from(KINDS),
        path=st.sampled_from(sorted(set(paths) - {ANSWERS_FILE})),
        at=st.floats(0, 1),
        text=words,
    )
    return st.lists(edit, min_size=1, max_size=most)


def rewrite(edit: Edit, lines: list[str], mine: str) -> list[str]:
    """Edit the lines of a file; `mine` is the line that the user adds."""
    place = round(edit.at * len(lines))
    match edit.kind:
        case "insert" | "rename":
            return [*lines[:place], mine, *lines[place:]]
        case "replace":
            return [*lines[:place], mine, *lines[place + 2 :]]
        case "delete lines":
            return lines[:place] + lines[place + 3 :]
        case "crlf":
            return [text.rstrip("\r\n") + "\r\n" for text in [*lines, mine]]
        case "truncate":
            return [mine.rstrip()]
        case "add":
            return [mine]
        case _:
            return lines


def change(edit: Edit, number: int, project: Adopted, work: Work) -> None:
    """Make one edit, and note it.

    Args:
        edit: what to do.
        number: of the edit, for the line and the names that it adds.
        project: where to do it; nothing is done to a file that is no longer there.
        work: where to note it.
    """
    path = project.path / edit.path
    if not path.is_file():
        return
    names = {"add": f"mine_{number}.txt", "rename": f"renamed_{number}_ü.txt"}
    target = path.with_name(names.get(edit.kind, path.name))
    lines = path.read_bytes().decode().splitlines(keepends=True)
    lines = rewrite(edit, lines, f"# mine {number} {edit.text} of {number}\n")
    # A line that follows a file's last one, with no line break between, is none of its own.
    text = re.sub(r"(?<=[^\n])(?=# mine \d)", "\n", "".join(lines))
    if edit.kind in {"delete file", "rename"}:
        path.unlink()
        work.removed.add(edit.path)
    if edit.kind != "delete file":
        target.write_bytes(text.encode())
    if edit.kind == "mode":
        path.chmod(0o755)
        work.executable.add(edit.path)
    work.touched |= {edit.path, target.relative_to(project.path).as_posix()}


def apply(edits: Iterable[Edit], project: Adopted) -> Work:
    """Make the edits and commit them."""
    work = Work()
    for number, edit in enumerate(edits):
        change(edit, number, project, work)
    project.commit()
    work.lines = find_lines(project)
    work.executable -= work.removed
    return work


def find_lines(project: Adopted) -> dict[str, str]:
    """Find the lines that `apply` added, and the file that each is in."""
    options = ["--untracked", "--no-exclude-standard", "--text", "-z"]
    command = ["git", "grep", *options, "-e", "^# mine [0-9]"]
    outcome = subprocess.run(command, cwd=project.path, capture_output=True, check=False)
    assert outcome.returncode in {0, 1}, outcome.stderr.decode()
    found = {}
    for row in outcome.stdout.decode().split("\n")[:-1]:
        path, _, line = row.rpartition("\0")
        found[line.rstrip("\r")] = path
    return found


def check_nothing_lost(
    project: Adopted,
    work: Work,
    outcome: Outcome,
    *,
    switched: bool = False,
    removed: Collection[str] = (),
) -> None:
    """Check what must hold after each update, whatever the user did.

    Args:
        project: after the update.
        work: what the user did before.
        outcome: what the update did.
        switched: an answer was changed, and what belongs to the old one only is deleted.
        removed: files that a migration may remove, or put aside.

    Raises:
        AssertionError: A line that the user added is neither in the tree (in a conflict, say) nor
            in a file that git names as deleted for an answer that was changed; a file that the
            user did not touch has a conflict; what the user deleted came back; and the like.
    """
    assert switched or outcome.deleted <= {*removed}, "files were deleted"
    here = find_lines(project)
    for line, path in work.lines.items():
        gone = outcome.deleted - {*removed}
        assert line in here or path in gone, f"{line!r} of {path} is lost"
    assert outcome.conflicts <= work.touched, "conflicts in files that the user never touched"
    back = {path for path in work.removed if (project.path / path).exists()}
    assert not back, "what the user deleted came back"
    assert not list(project.path.rglob("*.rej")), "rejected parts lie about"
    for path in work.executable:
        file = project.path / path
        assert not file.exists() or file.stat().st_mode & 0o100, f"{path} is not executable"

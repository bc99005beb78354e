"""What migrations share: the project in git, as its users have it and as it was rendered."""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

import yaml

ANSWERS = ".copier-answers.yml"
LABELS = ["before updating", "last update", "after updating"]


def git(*arguments: str, text: str | None = None) -> str:
    """Run git, and return what it printed."""
    command = ["git", *arguments]
    given = None if text is None else text.encode()
    # As bytes, so that no line ending is translated.
    return subprocess.run(command, input=given, capture_output=True, check=True).stdout.decode()


def exists(revision: str) -> bool:
    """Tell whether git knows a file, such as `:README.md` in the index."""
    command = ["git", "cat-file", "-e", revision]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


def render_last(folder: str) -> Path:
    """Render the project as the last update left it, without what its users changed."""
    from copier import run_copy  # takes a second, which the other stage need not wait

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


def merge(path: str, base: str, ours: str) -> None:
    """Merge what the user has into what the template renders; git knows of a conflict.

    Args:
        path: where the template's text is now, and the merged one will be.
        base: what the user had changed.
        ours: what the user made of it.

    Raises:
        SystemExit: git cannot merge them.
    """
    with tempfile.TemporaryDirectory() as folder:
        sides = {1: Path(folder, "base"), 2: Path(folder, "ours"), 3: Path(path)}
        sides[1].write_bytes(base.encode())
        sides[2].write_bytes(ours.encode())
        blobs = {stage: git("hash-object", "-w", "--", str(side)) for stage, side in sides.items()}
        labels = [part for label in LABELS for part in ("-L", label)]
        command = ["git", "merge-file", "--stdout", *labels, *(str(sides[n]) for n in (2, 1, 3))]
        outcome = subprocess.run(command, capture_output=True, check=False)
    if outcome.returncode not in range(128):
        sys.exit(f"git could not merge {path}: {outcome.stderr.decode()}")
    Path(path).write_bytes(outcome.stdout)
    if outcome.returncode:  # the number of conflicts
        name = git("rev-parse", "--show-prefix").strip() + path
        rows = [f"100644 {blob.strip()} {stage}\t{name}" for stage, blob in blobs.items()]
        git("update-index", "--index-info", text="\n".join([*rows, ""]))

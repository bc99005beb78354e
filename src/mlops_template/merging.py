"""Merge what people edited since an adoption into what the next one writes."""

import subprocess
import tempfile
from pathlib import Path
from typing import NamedTuple

LABELS = ("yours", "adopted before", "adopted now")


class Merged(NamedTuple):
    """A text of two sources."""

    text: str
    conflicts: bool
    """Whether people have to choose, where the text shows both."""


def merge(mine: str, before: str, now: str) -> Merged:
    """Merge two changes of a text, as git does.

    Args:
        mine: what people made of it.
        before: what it was when an adoption wrote it.
        now: what an adoption would write.
    """
    with tempfile.TemporaryDirectory() as folder:
        sides = [Path(folder, name) for name in ("mine", "before", "now")]
        for side, text in zip(sides, (mine, before, now), strict=True):
            side.write_bytes(text.encode())
        labels = [part for label in LABELS for part in ("-L", label)]
        outcome = subprocess.run(
            ["git", "merge-file", "--stdout", *labels, *map(str, sides)],
            capture_output=True,
            check=False,
        )
    if outcome.returncode not in range(128):
        raise OSError(0, outcome.stderr.decode(), "git merge-file")
    return Merged(outcome.stdout.decode(), bool(outcome.returncode))

# /// script
# requires-python = ">=3.11"
# ///
"""Rename a task wherever a project's files call it.

    rename_task.py packages.build packages.wheel

A call is the name of the task after `inv` or `invoke`, on the same line.
"""

import argparse
import re
import subprocess
from pathlib import Path


def rename(text: str, old: str, new: str) -> str:
    """Rename a task in each call of it."""
    task = re.compile(rf"(?<![\w.-]){re.escape(old)}(?![\w-]|\.\w)")
    return re.sub(
        r"(?<![\w.-])inv(?:oke)?[ \t].*",
        lambda call: task.sub(lambda _: new, call[0]),
        text,
    )


def main() -> None:
    """Rename in each text file that git knows."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("old", help="its name, as inv --list gave it")
    parser.add_argument("new", help="its name now")
    arguments = parser.parse_args()
    # Files that git takes for binary are none of ours.
    command = ["git", "grep", "-I", "-l", "-z", "--fixed-strings", "-e", arguments.old]
    listing = subprocess.run(command, capture_output=True, text=True, check=False).stdout
    for file in map(Path, listing.split("\0")[:-1]):
        text = file.read_bytes().decode(errors="surrogateescape")
        renamed = rename(text, arguments.old, arguments.new)
        if renamed != text:
            file.write_bytes(renamed.encode(errors="surrogateescape"))
            subprocess.run(["git", "add", "--", file], check=True)


if __name__ == "__main__":
    main()

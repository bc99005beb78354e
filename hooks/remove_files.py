# /// script
# requires-python = ">=3.11"
# dependencies = ["copier>=9.19", "pyyaml>=6"]
# ///
"""Remove files that the template no longer renders.

    remove_files.py tasks/data tests/tasks/test_data.py

A file that is as it was rendered goes. One that was edited is kept as `….py.old`, where neither
Python nor the checks come across it. Each is named. The paths are retired in copier.yml too, so
that copier leaves them to this script.
"""

import itertools
import os
import shutil
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from project import render_last


def list_files(root: Path, path: str) -> list[str]:
    """List the files of a path, which may be a folder, as seen from the root."""
    found = [root / path, *root.joinpath(path).rglob("*")]
    return sorted(
        file.relative_to(root).as_posix()
        for file in found
        if file.is_file() and "__pycache__" not in file.parts
    )


def name_aside(name: str) -> Iterator[str]:
    """List the names that a file that was edited may be kept by."""
    yield f"{name}.old"
    yield from (f"{name}.old{number}" for number in itertools.count(2))


def main() -> None:
    """Remove or put aside the files that the command line names."""
    with tempfile.TemporaryDirectory() as folder:
        last = render_last(folder)
        rendered = {
            name: last.joinpath(name).read_bytes()
            for path in sys.argv[1:]
            for name in list_files(last, path)
        }
    for name, content in rendered.items():
        file = Path(name)
        if not file.is_file():
            continue
        # git may have given it other line endings.
        if file.read_bytes().replace(b"\r\n", b"\n") == content:
            file.unlink()
            print(f"{name}: removed, the template no longer has it", file=sys.stderr)
        else:
            kept = next(place for place in name_aside(name) if not os.path.lexists(place))
            file.rename(kept)
            print(
                f"{name}: the template no longer has it; as you have edited it, it is kept as"
                f" {kept}",
                file=sys.stderr,
            )
    for path in sys.argv[1:]:
        shutil.rmtree(Path(path, "__pycache__"), ignore_errors=True)
        if Path(path).is_dir() and not any(Path(path).iterdir()):
            Path(path).rmdir()


if __name__ == "__main__":
    main()

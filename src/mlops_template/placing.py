"""Put files in place all or none: what a kill leaves half done, the next command finishes."""

import contextlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

OUTPUTS = Path("outputs")
READY = OUTPUTS / ".adopting"
"""What is to be put in place: there is no way back from here but by a failure."""
NEW, OLD, LISTED, UNDONE = "new", "old", "files.json", "undone"
SCRATCH = ".adoption."
"""How the names of folders begin in which files are prepared; the process's number follows."""


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """Make a folder that is gone after the block, and with it what killed processes left."""
    OUTPUTS.mkdir(exist_ok=True)
    for left in OUTPUTS.glob(f"{SCRATCH}*"):
        if not _is_alive(left.name.removeprefix(SCRATCH).partition(".")[0]):
            shutil.rmtree(left)
    with tempfile.TemporaryDirectory(
        prefix=f"{SCRATCH}{os.getpid()}.", dir=OUTPUTS, ignore_cleanup_errors=True
    ) as folder:
        yield Path(folder)


def put(folder: Path, written: list[str], removed: list[str]) -> None:
    """Put files in place of those that are there.

    Args:
        folder: what `scratch` made, with the files in its folder `new`, by their paths.
        written: their paths.
        removed: the paths of files that go.

    Raises:
        OSError: One cannot be put in place; then all are as they were.
    """
    for path in [*written, *removed]:
        if Path(path).exists():
            kept = folder / OLD / path
            kept.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(path, kept)
    text = json.dumps({"written": written, "removed": removed})
    folder.joinpath(LISTED).write_text(text, encoding="utf-8")
    folder.rename(READY)
    try:
        finish()
    except BaseException:
        if READY.is_dir():
            READY.joinpath(UNDONE).touch()
            finish()
        raise


def finish() -> bool:
    """Put in place what waits for it, or put everything back where that has failed.

    Each step may be done again: this may be interrupted anywhere, and called once more.

    Returns:
        Whether there was something.

    Raises:
        OSError: A file cannot be put in place.
    """
    if not READY.is_dir():
        return False
    listed = json.loads(READY.joinpath(LISTED).read_text(encoding="utf-8"))
    written, removed = listed["written"], listed["removed"]
    if READY.joinpath(UNDONE).exists():
        for path in [*written, *removed]:
            if READY.joinpath(OLD, path).exists():
                _put(READY / OLD / path, Path(path))
            else:
                for file in (Path(path), _part(Path(path))):
                    if file.is_file():
                        file.unlink()
    else:
        for path in removed:
            Path(path).unlink(missing_ok=True)
        for path in written:
            _put(READY / NEW / path, Path(path))
    _clear()
    return True


def _clear() -> None:
    """Remove what is done, which is not to be taken for what waits when it is half gone."""
    shutil.rmtree(READY.rename(OUTPUTS / f"{SCRATCH}done"))


def _put(source: Path, target: Path) -> None:
    """Put a copy of a file in place of another in one step."""
    target.parent.mkdir(parents=True, exist_ok=True)
    shutil.copy2(source, _part(target))
    _part(target).replace(target)


def _part(target: Path) -> Path:
    """Name what a file is called while it is copied."""
    return target.with_name(f".{target.name}.part")


def _is_alive(process: str) -> bool:
    try:
        os.kill(int(process), 0)
    except (ProcessLookupError, ValueError):
        return False
    except PermissionError:
        return True
    return True

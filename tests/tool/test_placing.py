"""Files that are put in place all or none, whatever happens on the way."""

import subprocess
import sys
import tempfile
from pathlib import Path

import pytest

from mlops_template import placing

WRITTEN = ["a.txt", "deep/b.txt", "new.txt"]
REMOVED = ["gone.txt", "never-was.txt"]
BEFORE = {"a.txt": "old", "deep/b.txt": "old", "gone.txt": "old", "mine.txt": "mine"}
AFTER = {"a.txt": "new", "deep/b.txt": "new", "new.txt": "new", "mine.txt": "mine"}
KILLED = f"""
import itertools, os, shutil, sys
from pathlib import Path
from mlops_template import placing

left = itertools.count(int(sys.argv[1]), -1)


def kill(owner, name):
    function = getattr(owner, name)

    def wrapped(*arguments, **options):
        step = next(left)
        if sys.argv[2] == "kill" and step <= 0:
            os.kill(os.getpid(), 9)
        if sys.argv[2] == "interrupt" and step == 0:
            raise KeyboardInterrupt
        return function(*arguments, **options)

    setattr(owner, name, wrapped)


with placing.scratch() as folder:
    for path in {WRITTEN!r}:
        file = folder / placing.NEW / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text("new")
    for name in ("rename", "replace", "unlink", "mkdir"):
        kill(Path, name)
    for name in ("copy2", "rmtree"):
        kill(shutil, name)
    placing.put(folder, {WRITTEN!r}, {REMOVED!r})
"""


@pytest.fixture(params=["here", "elsewhere"])
def _folder(
    request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A project whose outputs are on its own file system, or on another one."""
    monkeypatch.chdir(tmp_path)
    if request.param == "elsewhere":
        memory = Path("/dev/shm")  # noqa: S108
        if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
            pytest.skip("there is one file system only")
        request.addfinalizer(  # noqa: PT021
            (other := tempfile.TemporaryDirectory(dir=memory)).cleanup
        )
        Path("outputs").symlink_to(other.name)


def reset() -> None:
    for path in {**BEFORE, **AFTER}:
        Path(path).unlink(missing_ok=True)
    for path, text in BEFORE.items():
        Path(path).parent.mkdir(exist_ok=True)
        Path(path).write_text(text, encoding="utf-8")


def read() -> dict[str, str]:
    return {
        path.as_posix(): path.read_text(encoding="utf-8")
        for path in Path().rglob("*")
        if path.is_file() and path.parts[0] != "outputs"
    }


@pytest.mark.usefixtures("_folder")
@pytest.mark.parametrize("how", ["kill", "interrupt"])
def test_an_end_leaves_the_old_or_the_new(how: str) -> None:
    """Before each step in turn; the next command finishes what has begun."""
    seen = set()
    for step in range(1000):
        reset()
        command = [sys.executable, "-c", KILLED, str(step), how]
        outcome = subprocess.run(command, check=False, stderr=subprocess.DEVNULL)
        finished = placing.finish()
        assert read() in (AFTER, BEFORE), step
        with placing.scratch():
            assert len([*Path("outputs").iterdir()]) == 1, "what was ended left something"
        seen.add((outcome.returncode == 0, finished, read() == AFTER))
        if outcome.returncode == 0:
            break
    assert {(False, False, False), (False, False, True), (True, False, True)} <= seen
    assert how == "interrupt" or (False, True, True) in seen


@pytest.mark.usefixtures("_folder")
def test_a_failure_puts_everything_back() -> None:
    reset()
    with placing.scratch() as folder:
        for path in ("a.txt", "mine.txt/b.txt"):
            file = folder / placing.NEW / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text("new", encoding="utf-8")
        with pytest.raises(OSError, match=r"mine\.txt"):
            placing.put(folder, ["a.txt", "mine.txt/b.txt"], ["gone.txt"])
    assert read() == BEFORE
    assert [*Path("outputs").iterdir()] == []

"""Render projects in-process and without trust, and run commands in them."""

import functools
import json
import os
import re
import shlex
import shutil
import subprocess
import sysconfig
import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import yaml
from copier import run_copy

ROOT: Final = Path(__file__).parents[1]
PARTS: Final = [
    *(".gitignore", "README.md", "copier.yml", "hooks", "licenses", "pyproject.toml", "questions"),
    *("src", "template"),
]
"""What copier and uv need of the repository."""
SETTINGS: Final[dict[str, Any]] = yaml.safe_load(ROOT.joinpath("copier.yml").read_text("utf-8"))
QUESTIONS: Final[dict[str, dict[str, Any]]] = {
    key: question
    for key, question in SETTINGS.items()
    if not key.startswith("_") and question.get("when") is not False
}
PYTHONS: Final[list[str]] = QUESTIONS["python_version"]["choices"]
ANSWERS_FILE: Final = ".copier-answers.yml"
NAME: Final = "Demand Forecasts"

TIMEOUT: Final = 1200
"""How many seconds a command may take on a busy machine."""

Answers = Mapping[str, str]


def choices(question: str) -> list[str]:
    """List the values that a question offers."""
    offered = QUESTIONS[question]["choices"]
    return list(offered.values()) if isinstance(offered, dict) else list(offered)


class Template:
    """The template, in a git repository.

    Args:
        source: where it is.
        folder: where to render.
    """

    def __init__(self, source: Path, folder: Path) -> None:
        self.source = source
        self._folder = folder
        self._rendered: dict[str, Project] = {}

    @functools.cached_property
    def texts(self) -> dict[str, str]:
        """The text of each file to render by its path under `template/`, conditions and all."""
        root = self.source / "template"
        command = ["git", "ls-files", "-z"]
        listing = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True)
        paths = listing.stdout.split("\0")[:-1]
        return {path: root.joinpath(path).read_bytes().decode() for path in paths}

    def copy(self, target: Path, answers: Answers, version: str | None = None) -> "Project":
        """Render a project, as somebody who does not trust the template.

        Args:
            target: where to render.
            answers: to the questions; the others have their defaults.
            version: a tag of the template; the newest if None.
        """
        run_copy(
            str(self.source),
            target,
            data={"project_name": NAME, **answers},
            vcs_ref=version,
            defaults=True,
            quiet=True,
            unsafe=False,
        )
        return Project(target)

    def render(self, answers: Answers, version: str | None = None) -> "Project":
        """Render a project to read, once for the same answers."""
        key = json.dumps([answers, version], sort_keys=True)
        if key not in self._rendered:
            target = self._folder / str(len(self._rendered))
            self._rendered[key] = self.copy(target, answers, version)
        return self._rendered[key]


def find_changes(before: dict[str, str], after: dict[str, str]) -> set[str]:
    """Find the files that differ; a failed test names them, and does not print them all."""
    paths = before.keys() | after.keys()
    return {path for path in paths if before.get(path) != after.get(path)}


@dataclass(frozen=True)
class Project:
    """A rendered project."""

    path: Path

    @functools.cached_property
    def texts(self) -> dict[str, str]:
        """The text of each file by its path, as it is: no line ending is translated."""
        files = (path for path in sorted(self.path.rglob("*")) if path.is_file())
        return {
            path.relative_to(self.path).as_posix(): path.read_bytes().decode()
            for path in files
            if not {".git", ".venv", ".ruff_cache"} & set(path.parts)
        }

    @functools.cached_property
    def content(self) -> dict[str, str]:
        """The texts without the answers that they come from."""
        return {path: text for path, text in self.texts.items() if path != ANSWERS_FILE}

    @functools.cached_property
    def answers(self) -> dict[str, Any]:
        """What copier remembers."""
        return dict(yaml.safe_load(self.texts[ANSWERS_FILE]))

    @functools.cached_property
    def pyproject(self) -> dict[str, Any]:
        """The project's metadata and tools."""
        return tomllib.loads(self.texts["pyproject.toml"])

    def load(self, path: str) -> Any:
        """Parse a YAML or JSON file."""
        text = self.texts[path]
        return yaml.safe_load(text) if path.endswith((".yml", ".yaml")) else json.loads(text)

    @property
    def package(self) -> str:
        """The name of the package."""
        return str(self.answers["package_name"])


class Workspace(Project):
    """A rendered project as its user has it: committed, installed, and run."""

    @functools.cached_property
    def python(self) -> str:
        """The interpreter: the lowest that the project supports."""
        return PYTHONS_AT_HAND[self.answers["python_version"]]

    def run(self, *command: str | Path, code: int = 0, **variables: str) -> str:
        """Run a command in the project's folder; see `run`."""
        return run(*command, cwd=self.path, code=code, UV_PYTHON=self.python, **variables)

    def uv(self, *command: str | Path, code: int = 0, **variables: str) -> str:
        """Run a command in the project's environment."""
        return self.run("uv", "run", "--quiet", *command, code=code, **variables)

    def job(self, *arguments: str | Path, **variables: str) -> dict[str, Any]:
        """Run a job, and return its result."""
        said = "\n" + self.uv(self.package, *arguments, code=0, **variables)
        result: dict[str, Any] = json.loads(said[said.rindex("\n{\n") :])
        return result

    def campaign(self, script: Path, folder: str, *arguments: str | Path) -> str:
        """Run a script in a folder of its own, with the confs and the data; what it says last."""
        place = self.path / folder
        place.mkdir(exist_ok=True)
        for name in ("confs", "data"):
            (place / name).symlink_to(self.path / name)
        said = self.uv("--directory", place, "python", script, self.package, *arguments)
        return said.splitlines()[-1]

    def make_client(self, uri: str, folder: Path) -> Path:
        """Make an environment of what a registered model requires, and return its interpreter."""
        files = folder / "model"
        self.uv(
            "mlflow", "artifacts", "download", "--artifact-uri", uri, "--dst-path", files,
            MLFLOW_TRACKING_URI=f"sqlite:///{self.path / 'mlflow.db'}",
        )  # fmt: skip
        [requirements] = files.rglob("requirements.txt")
        run("uv", "venv", "--quiet", "--python", self.python, cwd=folder)
        run("uv", "pip", "install", "--quiet", "--requirement", requirements, cwd=folder)
        return folder / ".venv" / "bin" / "python"

    def install(self, *options: str) -> "Workspace":
        """Install the project and commit it, its lock file too."""
        self.run("git", "init", "--quiet", "--initial-branch=main")
        self.run("uv", "sync", "--quiet", *options)
        self.commit("feat: render the project")
        return self

    def commit(self, message: str) -> None:
        """Commit all changes."""
        self.run("git", "add", "--all")
        self.run("git", "commit", "--quiet", "--message", message)

    def check_unchanged(self) -> None:
        """Check that no file changed, and that none came that git does not ignore."""
        status = self.run("git", "status", "--porcelain")
        assert not status, self.run("git", "diff") + status


def find_pythons() -> dict[str, str]:
    """Find the interpreters of the versions that a project may ask for.

    The variable PYTHONS narrows them down, as CI does to run them side by side.
    """
    wanted = os.environ.get("PYTHONS", "").split() or PYTHONS
    # The shims of pyenv refuse to run what is not its global version.
    versions = Path(os.environ.get("PYENV_ROOT", os.devnull), "versions").glob("3.1[1-9]*/bin")
    path = os.pathsep.join([*map(str, sorted(versions)), os.environ["PATH"]])
    found = {}
    for version in wanted:
        outcome = subprocess.run(
            ["uv", "python", "find", "--no-project", "--no-python-downloads", "--system", version],
            env={**environment(), "PATH": path},
            capture_output=True,
            text=True,
            check=False,
        )
        if outcome.returncode == 0:
            found[version] = outcome.stdout.strip()
    return found


def environment() -> dict[str, str]:
    """Return the environment for a command of a rendered project.

    Nothing of the environment that the tests themselves run in may reach it.
    """
    foreign = re.compile(
        r"APPRISE_|AWS_|COV|GIT_(?!CONFIG_GLOBAL)|MLFLOW_|PYTEST_|PYTHON|VIRTUAL_ENV"
        r"|UV_(ENV_FILE|FROZEN|LOCKED|NO_SYNC|PROJECT|PUBLISH|PYTHON|RUN|WORKING)"
    )
    kept = {name: value for name, value in os.environ.items() if not foreign.match(name)}
    scripts = sysconfig.get_path("scripts")
    path = [folder for folder in kept["PATH"].split(os.pathsep) if folder != scripts]
    return {
        **kept,
        "PATH": os.pathsep.join(path),
        "COLUMNS": "120",
        "NO_COLOR": "1",
        # What runs beside, too, has the processors' time.
        "OMP_WAIT_POLICY": "passive",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
    }


def run(*command: str | Path, cwd: Path, code: int = 0, **variables: str) -> str:
    """Run a command.

    Args:
        command: its name and arguments.
        cwd: where to run it.
        code: what it must exit with.
        variables: of the environment.

    Returns:
        What it printed on stdout and stderr.

    Raises:
        AssertionError: It exited with another code; the text holds all that it printed.
    """
    __tracebackhide__ = True
    line = shlex.join(map(str, command))
    name = shutil.which(command[0])
    assert name, f"there is no command {command[0]}"
    outcome = subprocess.run(
        [name, *map(str, command[1:])],
        cwd=cwd,
        env={**environment(), **variables},
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=TIMEOUT,
        check=False,
    )
    if outcome.returncode != code:
        raise AssertionError(
            f"`{line}` in {cwd} exited with {outcome.returncode}, not {code}:\n{outcome.stdout}"
        )
    return outcome.stdout


PYTHONS_AT_HAND: Final = find_pythons()
"""The interpreters by their versions."""

"""The project around the tool: its name, its modules, and commands in it."""

import importlib
import os
import shlex
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import yaml

from .errors import AdoptionError
from .files import hide_secrets

ANSWERS = Path(".copier-answers.yml")


def find_package() -> str:
    """Find the package of the project in this folder.

    Raises:
        AdoptionError: This folder is none.
    """
    try:
        answers = yaml.safe_load(ANSWERS.read_text(encoding="utf-8"))
        package = str(answers["package_name"])
    except (OSError, yaml.YAMLError, KeyError, TypeError) as error:
        raise AdoptionError(
            f"This folder is no project of the template: its {ANSWERS} names no package.",
            option=True,
        ) from error
    if not Path("src", package).is_dir():
        raise AdoptionError(f"There is no src/{package}, as {ANSWERS} says.", option=True)
    return package


def modules(package: str) -> Callable[[str], Any]:
    """Give what imports a module of the package, as `core.schemas`."""

    def load(name: str) -> Any:
        try:
            return importlib.import_module(f"{package}.{name}")
        except SyntaxError as error:
            place = os.path.relpath(error.filename or name)
            raise AdoptionError(
                f"{place}, line {error.lineno}, is no Python: {error.msg}.", option=True
            ) from error

    return load


def run(command: list[str], folder: str | Path = ".") -> int:
    """Show a command, run it in a project's own environment, and return its exit code."""
    print(f"$ {show(command)}", flush=True)
    return subprocess.run(command, cwd=folder, env=environment(), check=False).returncode


def read(command: list[str]) -> str:
    """Run a command of the project's own environment, and return what it prints.

    Raises:
        AdoptionError: It fails.
    """
    outcome = subprocess.run(
        ["uv", "run", "--quiet", *command],
        env=environment(),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    if outcome.returncode:
        raise AdoptionError(
            f"`{show(command)}` fails: {outcome.stderr.strip()}", exit_code=outcome.returncode
        )
    return outcome.stdout


def show(command: list[str]) -> str:
    """Write a command as people may see it."""
    return shlex.join(map(hide_secrets, command))


def environment() -> dict[str, str]:
    """Return the environment for a command of the project: the tool runs in one of its own."""
    foreign = ("VIRTUAL_ENV", "PYTHONHOME", "PYTHONPATH")
    return {name: value for name, value in os.environ.items() if name not in foreign}

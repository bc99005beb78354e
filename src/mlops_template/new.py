"""Make a project for a table: rendered, installed, adopted and proven."""

import importlib.metadata
import json
import os
import re
import shlex
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import yaml

from . import adoption, project
from .errors import AdoptionError
from .planning import Options, list_options

HOSTS = {"https://github.com/": "gh:", "https://gitlab.com/": "gl:"}
"""How copier abbreviates addresses."""


def make(options: Options, folder: str | None, answers: list[str], *, prove: bool) -> None:
    """Make a project for a table; nothing is made where the table or an answer will not do.

    Args:
        options: what the table is.
        folder: where to make it; None for one named as the table, in the current folder.
        answers: to the template's questions, each as ``key=value``.
        prove: whether to run the checks and the chain.

    Raises:
        AdoptionError: The folder is taken, the table or an answer will not do, or a step fails.
    """
    place = Path(folder or _name(options.path))
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise AdoptionError(f"{place} is there already: name another folder.", option=True)
    given = _read_answers(answers)
    source, version = find_template()
    with tempfile.TemporaryDirectory() as scratch:
        _, _, plan = adoption.look(options, Path(scratch))
    name = re.sub(r"[\W_]+", " ", place.resolve().name).strip().title()
    _render(source, version, place, {"project_name": name, "problem": plan.problem, **given})
    options.path = _seen_from(place, options.path)
    adopt = [
        "uv",
        "run",
        "inv",
        "data.adopt",
        *list_options(options),
        *["--no-prove"] * (not prove),
    ]
    steps = ["uv sync --quiet", shlex.join(adopt)]
    if not _is_in_git(place):
        steps.insert(0, "git init --quiet --initial-branch=main")
    for step in steps:
        if code := project.run(step, place):
            raise AdoptionError(f"`{step}` fails in {place}: see above.", exit_code=code)
    print(f"The project is in {place}: its README.md tells what follows.")


def find_template() -> tuple[str, str | None]:
    """Find the template that this tool came with.

    Returns:
        Its address, and the version to render; None for the newest release.

    Raises:
        AdoptionError: The tool came from no repository or folder.
    """
    text = importlib.metadata.distribution("mlops-template").read_text("direct_url.json")
    origin: dict[str, Any] = json.loads(text or "{}")
    if not origin:
        raise AdoptionError(
            "This tool does not know its template: run it by `uvx --from git+ADDRESS"
            " mlops-template`.",
            option=True,
        )
    url = str(origin["url"])
    if url.startswith("file:"):
        url = url2pathname(urlsplit(url).path)
    elif host := next(filter(url.startswith, HOSTS), ""):
        url = HOSTS[host] + url.removeprefix(host).removesuffix("/").removesuffix(".git")
    else:
        url = f"git+{url}"
    if "vcs_info" not in origin:
        return url, "HEAD"
    return url, origin["vcs_info"].get("requested_revision")


def _name(path: str) -> str:
    """Name a project by its table: `sales` for `s3://shop/sales.csv.gz` and `sales/2026-*.csv`."""
    parts = [part for part in path.split("/") if part and not re.search(r"[*?\[]", part)]
    stem = (parts or ["project"])[-1].partition(".")[0]
    return re.sub(r"\W+", "-", stem.lower()).strip("-") or "project"


def _read_answers(given: list[str]) -> dict[str, str]:
    """Read the answers to the template's questions.

    Raises:
        AdoptionError: One is no pair.
    """
    pairs = [answer.partition("=") for answer in given]
    for key, sign, _ in pairs:
        if not (key and sign):
            raise AdoptionError(f"--data {key}: write an answer as key=value.", option=True)
    return {key: value for key, _, value in pairs}


def _render(source: str, version: str | None, place: Path, answers: dict[str, str]) -> None:
    """Render the project without trust.

    Raises:
        AdoptionError: The template cannot be reached, or does not take an answer.
    """
    from copier import run_copy
    from copier.errors import CopierError

    try:
        run_copy(source, place, answers, vcs_ref=version, defaults=True, quiet=True)
    except (CopierError, ValueError, OSError) as error:
        said = " ".join(str(error).split()).rstrip(".")
        raise AdoptionError(
            f"The project cannot be rendered from {source}: {said}.", option=True
        ) from error
    known = yaml.safe_load((place / project.ANSWERS).read_text(encoding="utf-8"))
    for key in sorted(answers.keys() - known.keys()):
        print(f"No question takes this answer: {key}")


def _seen_from(place: Path, path: str) -> str:
    """Name a file, a folder or a pattern from the project's folder."""
    if "://" in path or Path(path).is_absolute():
        return path
    return os.path.relpath(path, place)


def _is_in_git(place: Path) -> bool:
    command = ["git", "rev-parse", "--is-inside-work-tree"]
    return not subprocess.run(command, cwd=place, capture_output=True, check=False).returncode

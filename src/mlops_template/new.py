"""Make a project for a table: rendered, installed, adopted and proven."""

import importlib.metadata
import json
import os
import re
import shutil
import subprocess
import tempfile
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from urllib.request import url2pathname

import yaml

from . import adoption, project
from .errors import AdoptionError
from .files import hide_secrets
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
    options.check()
    place = Path(folder or _name(options))
    if not re.fullmatch(r"[^:\x00-\x1f]+", str(place)):
        raise AdoptionError(f"{place} makes no folder that tools take: name another.", option=True)
    if place.exists() and (not place.is_dir() or any(place.iterdir())):
        raise AdoptionError(f"{place} is there already: name another folder.", option=True)
    given = _read_answers(answers)
    source, version = find_template()
    with tempfile.TemporaryDirectory() as scratch:
        _, _, plan = adoption.look(options, Path(scratch))
    if given.get("problem", plan.problem) != plan.problem:
        raise AdoptionError(
            f"--data problem={given['problem']}: the table makes a {plan.problem}. --problem may"
            " say otherwise.",
            option=True,
        )
    name = re.sub(r"[\W_]+", " ", place.resolve().name).strip().title()
    options.path = _seen_from(place, options.path)
    adopt = ["uv", "run", "inv", "data.adopt", *list_options(options)]
    steps = [["uv", "sync", "--quiet"], [*adopt, *["--no-prove"] * (not prove)]]
    try:
        _render(source, version, place, {"project_name": name, "problem": plan.problem, **given})
        if not _is_in_git(place):
            steps.insert(0, ["git", "init", "--quiet", "--initial-branch=main"])
        for step in steps:
            if code := project.run(step, place):
                raise AdoptionError(
                    f"`{project.show(step)}` fails in {place}, see above: go on from there, or"
                    " remove that folder.",
                    exit_code=code,
                )
    except KeyboardInterrupt:
        raise AdoptionError(f"Interrupted: remove {place} to begin again.", exit_code=130) from None
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
        if not Path(url, ".git").exists():
            raise AdoptionError(
                f"{url} is no git repository: updates would not know it.", option=True
            )
        return url, "HEAD"
    return url, origin["vcs_info"].get("requested_revision")


def _name(options: Options) -> str:
    """Name a project by its table: `sales` for `s3://shop/sales.csv.gz` and `sales/2026-*.csv`."""
    shown = hide_secrets(options.path).replace("***@", "")
    parts = [part for part in shown.split("/") if part and not re.search(r"[*?\[]", part)]
    stem = (parts or ["project"])[-1].partition(".")[0]
    name = re.sub(r"\W+", "-", stem.lower()).strip("-") or "project"
    target = re.sub(r"\W+", "-", options.target.lower()).strip("-")
    return f"{name}-{target}" if Path(name).exists() else name


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
    if unknown := sorted(answers.keys() - known.keys()):
        shutil.rmtree(place)
        raise AdoptionError(f"No question takes the answer {', '.join(unknown)}.", option=True)


def _seen_from(place: Path, path: str) -> str:
    """Name a file, a folder or a pattern from the project's folder."""
    kind, sign, file = path.rpartition("sqlite:///")
    if "://" in path.removeprefix(sign) or Path(file).is_absolute() or kind:
        return path
    return sign + os.path.relpath(file, place)


def _is_in_git(place: Path) -> bool:
    command = ["git", "rev-parse", "--is-inside-work-tree"]
    return not subprocess.run(command, cwd=place, capture_output=True, check=False).returncode

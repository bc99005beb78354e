"""Rendered projects at work: what their users run, on each Python."""

import re
import shutil
from pathlib import Path

import pytest
from harness import PYTHONS, PYTHONS_AT_HAND, Answers, Template, Workspace, run
from variants import PROJECTS, name

pytestmark = pytest.mark.full

OURS = re.compile(
    r"^(warning|WARNING)\b|^(src|tasks|tests|notebooks)/\S+:\d+: \w*Warning", re.MULTILINE
)


@pytest.mark.parametrize("version", PYTHONS)
def test_python_is_at_hand(version: str) -> None:
    if version not in PYTHONS_AT_HAND:
        pytest.skip(f"Python {version} is not at hand: no project was run on it")


@pytest.mark.parametrize("answers", PROJECTS, ids=name)
def test_project(answers: Answers, template: Template, tmp_path: Path) -> None:
    project = Workspace(template.copy(tmp_path / "project", answers).path).install()
    check_checks(project)
    check_chain(project)
    check_wheel(project, tmp_path)
    project.check_unchanged()


def check_checks(project: Workspace) -> None:
    """A fresh project is formatted, passes its checks, and warns of nothing that is its own."""
    project.uv("inv", "formats")
    project.check_unchanged()
    said = project.uv("inv", "checks")
    assert not (found := OURS.search(said)), f"{found}\n{said}"
    project.check_unchanged()


def check_chain(project: Workspace) -> None:
    """The chain ends with scores, the champion, and where the predictions and reports are."""
    said = project.uv("inv", "projects")
    assert "Traceback" not in said
    assert not (found := OURS.search(said)), f"{found}\n{said}"
    summary = said[said.index("╭") :]
    score = "r2" if project.answers["problem"] == "regression" else "roc_auc"
    assert re.search(rf"{score} 0\.\d+", summary)
    assert "Version 1 is the champion" in summary
    outputs = ["predictions.parquet", "evaluation.html", "explanations.html", "monitoring.html"]
    for output in outputs:
        assert f"outputs/{output}" in summary
        assert project.path.joinpath("outputs", output).stat().st_size
    project.check_unchanged()


def check_wheel(project: Workspace, folder: Path) -> None:
    """The wheel runs where there is no checkout."""
    project.uv("inv", "packages.build")
    [wheel] = project.path.glob("dist/*.whl")
    clean = folder / "clean"
    clean.mkdir()
    for given in ("confs", "data"):
        shutil.copytree(project.path / given, clean / given)
    run("uv", "venv", "--quiet", "--python", project.python, cwd=clean)
    run("uv", "pip", "install", "--quiet", wheel, cwd=clean)
    command = clean / ".venv" / "bin" / project.package
    assert f"usage: {project.package} " in run(command, "--help", cwd=clean)
    said = run(clean / ".venv/bin/python", "-m", project.package, "--version", cwd=clean)
    assert said.strip() == project.pyproject["project"]["version"]
    said = run(command, "confs/training.yaml", cwd=clean)
    assert '"version": 1' in said

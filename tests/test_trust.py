"""Nothing is lost or left behind: jobs that are killed, and a folder that is copied."""

import shutil
from pathlib import Path

import pytest
from harness import ROOT, Template, Workspace

pytestmark = pytest.mark.full
SCRIPTS = ROOT / "tests" / "scripts"
SEEDS = pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed else []) for seed in range(10)]
)


@pytest.fixture(scope="module")
def project(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project that has a champion."""
    target = tmp_path_factory.mktemp("trust") / "project"
    project = Workspace(template.copy(target, {}).path).install()
    for conf in ("training", "evaluations", "promotion", "inference"):
        project.job(f"confs/{conf}.yaml")
    return project


@SEEDS
def test_killed_jobs_leave_nothing_behind(project: Workspace, seed: int) -> None:
    """Whatever the moment and the signal, files are old or new, and runs are ended."""
    said = campaign(project, "kills", seed, 30 if seed else 8)
    assert said.endswith("stopped, nothing left behind"), said


@SEEDS
def test_damaged_files_are_told(project: Workspace, seed: int) -> None:
    """Whatever file of a version is damaged, and however, the job that needs it says so."""
    said = campaign(project, "damage", seed, 200 if seed else 30)
    assert said.endswith("refused, each in a sentence"), said


def campaign(project: Workspace, name: str, seed: int, times: int) -> str:
    """Run a script in a copy of the project's runs; what it says last."""
    folder = f"{name}{seed}"
    for each in ("mlruns", "outputs"):
        shutil.copytree(project.path / each, project.path / folder / each)
    shutil.copy(project.path / "mlflow.db", project.path / folder)
    return project.campaign(SCRIPTS / f"{name}.py", folder, str(seed), str(times))


def test_copy_leaves_its_original_alone(project: Workspace, tmp_path: Path) -> None:
    """A copied project runs by its own artifacts, and writes to no others."""
    folder = tmp_path / "copy"
    shutil.copytree(
        project.path, folder, ignore=shutil.ignore_patterns(".venv", "kills*", "damage*")
    )
    command = ("--project", folder, "--directory", folder, project.package)
    before = read_times(project.path)
    (project.path / "mlruns").rename(project.path / "away")
    said = project.uv(*command, "confs/inference.yaml")
    assert '"version": 1' in said
    project.uv(*command, "confs/training.yaml")
    (project.path / "away").rename(project.path / "mlruns")
    assert read_times(project.path) == before


def read_times(folder: Path) -> dict[Path, int]:
    """When each file of a project was changed, but for the environment's."""
    files = (path for path in folder.rglob("*") if ".venv" not in path.parts and path.is_file())
    return {path: path.stat().st_mtime_ns for path in files}

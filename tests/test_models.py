"""What a chain leaves behind: scores that are true, and a model that travels."""

import json
from pathlib import Path
from typing import Any

import pytest
from harness import PYTHONS_AT_HAND, ROOT, Template, Workspace, choices, run

pytestmark = pytest.mark.full
SCRIPTS = ROOT / "tests" / "scripts"
PREDICTIONS = """
import json, pandas as pd
table = pd.read_parquet("outputs/predictions.parquet").set_index("id")
print(json.dumps(dict(zip(table.index.astype(str), table["prediction"], strict=True))))
"""


@pytest.fixture(scope="module", params=choices("problem"))
def project(
    request: pytest.FixtureRequest, template: Template, tmp_path_factory: pytest.TempPathFactory
) -> Workspace:
    """A project whose chain has run."""
    # The newest Python has the newest libraries.
    version = list(PYTHONS_AT_HAND)[-1]
    answers = {"problem": request.param, "python_version": version, "package_name": "travels"}
    target = tmp_path_factory.mktemp("project")
    project = Workspace(template.copy(target / "project", answers).path).install()
    project.uv("inv", "projects")
    return project


@pytest.fixture(scope="module")
def predictions(project: Workspace) -> dict[str, Any]:
    """What inference wrote, by the identifiers of the rows."""
    found: dict[str, Any] = json.loads(project.uv("python", "-c", PREDICTIONS))
    return found


def test_scores_are_those_of_plain_scikit_learn(
    project: Workspace, predictions: dict[str, Any]
) -> None:
    """Equal to the last digit: the same rows held out, the same search, the same model."""
    problem = str(project.answers["problem"])
    plain = json.loads(project.uv("python", SCRIPTS / "plain.py", problem).splitlines()[-1])
    tuning = project.job("confs/tuning.yaml", "-e", "job.output=outputs/again.yaml")
    assert tuning["best_parameters"] == plain["best_parameters"]
    assert tuning["best_score"] == plain["best_score"]
    evaluation = project.job("confs/evaluations.yaml")
    assert evaluation["metrics"] == plain["scores"]
    assert evaluation["passed"]
    assert predictions == plain["predictions"]


def test_model_travels(project: Workspace, predictions: dict[str, Any], tmp_path: Path) -> None:
    """It loads where only its own requirements are, and refuses what the schemas refuse."""
    uri = f"models:/{project.package}@champion"
    database = f"sqlite:///{project.path / 'mlflow.db'}"
    python = project.make_client(uri, tmp_path)
    data = tmp_path / "inference.csv"
    data.write_bytes(project.path.joinpath("data", "inference.csv").read_bytes())
    said = run(
        python, SCRIPTS / "client.py", uri, project.package, data,
        cwd=tmp_path, MLFLOW_TRACKING_URI=database,
    )  # fmt: skip
    result = json.loads(said.splitlines()[-1])
    assert result["predictions"] == predictions
    first = project.texts["data/inference.csv"].split(",")[1]
    assert first in result["no_column"]
    assert "DataError" in result["impossible_value"]
    assert first in result["impossible_value"]
    assert first in result["text_for_a_number"]


def test_mlflow_project(project: Workspace) -> None:
    said = project.uv(
        "mlflow", "run", ".", "--env-manager=local", f"--experiment-name={project.package}",
        MLFLOW_TRACKING_URI="sqlite:///mlflow.db",
    )  # fmt: skip
    assert "succeeded" in said
    assert "is trained on" in said


def test_a_tie_leaves_the_champion(project: Workspace) -> None:
    """The chain once more on the same data trains an equal model."""
    said = project.uv("inv", "projects")
    assert "ties with the champion" in said
    assert "Version 1 is the champion still" in said


@pytest.mark.parametrize(
    ("kind", "trials", "extra"),
    [("RandomSearcher", 3, ""), ("HalvingSearcher", 4, ""), ("OptunaSearcher", 3, "optuna")],
)
def test_searchers(kind: str, trials: int, extra: str, project: Workspace) -> None:
    count = "candidates" if kind == "HalvingSearcher" else "trials"
    overrides = [f"job.searcher.KIND={kind}", f"job.searcher.{count}={trials}"]
    conf = ["confs/tuning.yaml", "-e", *overrides, "-e", f"job.output=outputs/{kind}.yaml"]
    if extra:
        said = project.uv(project.package, *conf, code=2)
        assert f"uv sync --extra {extra}" in said
        assert "Traceback" not in said
        project.run("uv", "sync", "--quiet", "--extra", extra)
    result = project.job(*conf)
    assert result["trials"] >= trials
    training = project.job("confs/training.yaml", f"outputs/{kind}.yaml")
    assert training["version"] > 1


def test_docs(project: Workspace) -> None:
    """The API and the notebook, which nothing else runs on the real package."""
    project.uv("inv", "docs.api", "docs.notebook")
    assert project.path.joinpath("site", "index.html").is_file()
    project.check_unchanged()


def test_exports(project: Workspace) -> None:
    project.uv("inv", "projects.requirements", "projects.environment")
    assert "mlflow==" in project.path.joinpath("requirements.txt").read_text("utf-8")
    assert "mlflow==" in project.path.joinpath("python_env.yaml").read_text("utf-8")
    project.run("git", "checkout", "--quiet", "python_env.yaml")
    project.check_unchanged()

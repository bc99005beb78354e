"""Rendered projects on data that the template does not know, and in a bucket."""

from pathlib import Path
from typing import Any

import pytest
import yaml
from harness import PYTHONS_AT_HAND, ROOT, Template, Workspace

pytestmark = pytest.mark.full
SCRIPTS = ROOT / "tests" / "scripts"
PYTHON = next(iter(PYTHONS_AT_HAND), "")


def start(template: Template, folder: Path, problem: str) -> Workspace:
    """Render a project and install it."""
    answers = {"problem": problem, "python_version": PYTHON}
    return Workspace(template.copy(folder / "project", answers).path)


def configure(project: Workspace, changes: dict[str, dict[str, Any]]) -> None:
    """Change fields of confs."""
    for name, fields in changes.items():
        path = project.path / "confs" / f"{name}.yaml"
        conf = yaml.safe_load(path.read_text("utf-8"))
        conf["job"] |= fields
        path.write_text(yaml.safe_dump(conf, sort_keys=False), encoding="utf-8")


def use(project: Workspace, name: str) -> None:
    """Put other schemas and other data in the place of the samples."""
    schemas = SCRIPTS.joinpath(f"{name}_schemas.py").read_text("utf-8")
    [target] = project.path.glob("src/*/core/schemas.py")
    target.write_text(schemas, encoding="utf-8")
    project.uv("python", SCRIPTS / f"{name}_data.py")


def test_three_classes(template: Template, tmp_path: Path) -> None:
    project = start(template, tmp_path, "classification").install()
    use(project, "wine")
    metric = {"KIND": "MulticlassMetric", "name": "f1"}
    others = ["accuracy", "balanced_accuracy", "log_loss", "precision", "recall", "roc_auc"]
    metrics = [metric, *({"KIND": "MulticlassMetric", "name": name} for name in others)]
    thresholds = [{"metric": "f1", "at_least": 0.8}, {"metric": "log_loss", "at_most": 1.0}]
    configure(
        project,
        {
            "tuning": {"metric": metric},
            "training": {"metrics": metrics},
            "evaluations": {"metrics": metrics, "thresholds": thresholds},
            "promotion": {"metric": "f1"},
            "explanations": {"metric": metric},
        },
    )
    said = project.uv("inv", "projects")
    assert "Version 1 is the champion" in said
    assert "Traceback" not in said


def test_columns_of_every_kind(template: Template, tmp_path: Path) -> None:
    project = start(template, tmp_path, "regression").install()
    use(project, "mixed")
    splitter = {"KIND": "TimeSplitter", "test_size": 0.2, "by": "moment"}
    for model in ("GradientBoostingModel", "RandomForestModel"):
        space = {"min_samples_leaf": [5, 20]}
        configure(
            project,
            {
                "tuning": {
                    "model": {"KIND": model},
                    "splitter": splitter,
                    "folds": {"KIND": "TimeSeriesSplitter", "folds": 3, "by": "moment"},
                    "searcher": {"KIND": "GridSearcher", "space": space},
                },
                "training": {"model": {"KIND": model}, "splitter": splitter},
            },
        )
        said = project.uv("inv", "projects")
        assert "is the champion" in said
        assert "Traceback" not in said


def test_bucket(template: Template, tmp_path: Path, bucket: dict[str, str]) -> None:
    project = start(template, tmp_path, "regression").install("--extra=s3")
    project.uv("python", SCRIPTS / "bucket.py", "fill", code=0, **bucket)
    remote = "job.{}.KIND=ParquetReader", "job.{}.path=s3://data/training.parquet"
    reader = [part.format(name) for name in ("inputs", "targets") for part in remote]
    training = ["confs/training.yaml", "-e", *reader]
    assert project.job(*training, **bucket)["version"] == 1
    assert project.job("confs/evaluations.yaml", "-e", *reader, **bucket)["passed"]
    project.job("confs/promotion.yaml")
    live = ["job.inputs.KIND=ParquetReader", "job.inputs.path=s3://data/live"]
    outputs = ["job.outputs.path=s3://data/out/predictions.parquet"]
    inference = ["confs/inference.yaml", "-e", *live, *outputs]
    result = project.job(*inference, **bucket)
    assert result["path"] == "s3://data/out/predictions.parquet"
    said = project.uv("python", SCRIPTS / "bucket.py", "count", code=0, **bucket)
    assert said.split()[-1] == str(result["rows"])
    for wrong in ({"AWS_SECRET_ACCESS_KEY": "wrong"}, {"AWS_ACCESS_KEY_ID": "nobody"}):
        said = project.uv(project.package, *training, code=3, **{**bucket, **wrong})
        assert "error: Cannot read s3://data/training.parquet" in said
        assert "Traceback" not in said

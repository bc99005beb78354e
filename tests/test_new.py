"""A project for a table by one command, from a clean folder."""

from collections.abc import Callable
from pathlib import Path

import pytest
import yaml
from harness import ANSWERS_FILE, PYTHONS_AT_HAND, Template, run
from sklearn.datasets import load_iris

pytestmark = pytest.mark.full

New = Callable[..., str]


@pytest.fixture
def new(template: Template, tmp_path: Path) -> New:
    """Runs the command where a table of flowers is, as somebody who has only the address."""
    iris = load_iris(as_frame=True)
    table = iris.data.assign(kind=[iris.target_names[place] for place in iris.target])
    table.to_csv(tmp_path / "iris flowers.csv", index=False)
    tag = run("git", "describe", "--tags", cwd=template.source).strip()
    source = f"git+{template.source.as_uri()}@{tag}"
    python = next(iter(PYTHONS_AT_HAND.values()))

    def new(*options: str, code: int = 0) -> str:
        said = run(
            *("uvx", "--quiet", "--python", python, "--from", source),
            *("mlops-template", "new", "iris flowers.csv", *options),
            cwd=tmp_path, code=code, UV_PYTHON=python,
        )  # fmt: skip
        assert "Traceback" not in said
        return said

    return new


def test_project(new: New, template: Template, tmp_path: Path) -> None:
    """It is rendered for the table's problem, and its chain ends with a champion."""
    python = next(iter(PYTHONS_AT_HAND))
    answers = ("--data", "author_name=Ada", "--data", f"python_version={python}")
    said = new("--target", "kind", "--no-prove", *answers)
    assert said.endswith("The project is in iris-flowers: its README.md tells what follows.\n")
    project = tmp_path / "iris-flowers"
    answered = yaml.safe_load(project.joinpath(ANSWERS_FILE).read_text("utf-8"))
    assert answered["_src_path"] == str(template.source)
    found = {key: answered[key] for key in ("project_name", "problem", "author_name")}
    assert found == {
        "project_name": "Iris Flowers",
        "problem": "classification",
        "author_name": "Ada",
    }
    assert "virginica" in project.joinpath("src/iris_flowers/core/schemas.py").read_text("utf-8")
    readme = project.joinpath("data/README.md").read_text("utf-8")
    assert "--path '../iris flowers.csv' --target kind" in readme
    assert project.joinpath(".git").is_dir()
    chain = ["uv", "run", "--quiet", "inv", "projects"]
    said = run(*chain, cwd=project, UV_PYTHON=PYTHONS_AT_HAND[python])
    assert "Version 1 is the champion" in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--target", "kin"], "--target: there is no column 'kin'. Did you mean 'kind'?"),
        (["--target", "kind", "taken"], "taken is there already: name another folder."),
        (["--target", "kind", "--data", "ci"], "--data ci: write an answer as key=value."),
        (["--target", "kind", "--data", "ci=jenkins"], "ci"),
        (["--target", "kind", "--data", "x=1"], "No question takes the answer x."),
        (["--target", "kind", "--data", "problem=regression"], "the table makes a classification"),
        (["--target", ""], "--target is empty"),
        (["--target", "kind", "a:b"], "a:b makes no folder that tools take"),
        (["--target", "kind", "--data", "package_name=data"], "Choose another name than data"),
        (["--target", "kind", "--reader", "{skip: a}"], "skip: Input should be a valid integer."),
    ],
)
def test_refused(options: list[str], sentence: str, new: New, tmp_path: Path) -> None:
    """Nothing is made."""
    tmp_path.joinpath("taken").mkdir()
    tmp_path.joinpath("taken", "mine.txt").touch()
    before = set(tmp_path.rglob("*"))
    said = new(*options, code=2)
    assert said.startswith("error: ")
    assert sentence in said
    assert set(tmp_path.rglob("*")) == before

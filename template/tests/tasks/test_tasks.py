"""Every task, run for real in a tiny project, so that this one stays as it is."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any, Self

import pytest
from invoke.collection import Collection
from invoke.config import Config
from invoke.exceptions import Exit, UnexpectedExit
from invoke.executor import Executor
from invoke.loader import FilesystemLoader

ROOT = Path(__file__).parents[2]
TASKS = Collection.from_module(FilesystemLoader(start=str(ROOT)).load("tasks")[0])

PYPROJECT = """\
[build-system]
requires = ["uv_build"]
build-backend = "uv_build"

[project]
name = "tiny"
version = "0.1.0"
requires-python = ">=3.11"

[dependency-groups]
dev = []
notebook = []

[tool.uv]
package = false

[tool.pytest]
pythonpath = ["src"]

[tool.coverage.run]
source = ["tiny"]

[tool.coverage.report]
fail_under = 95

[tool.importlinter]
root_package = "tiny"

[[tool.importlinter.contracts]]
name = "Nothing to say"
type = "layers"
containers = ["tiny"]
layers = ["jobs"]

[tool.bandit]

[tool.commitizen]
version_provider = "uv"
tag_format = "v$version"
update_changelog_on_bump = true
"""
CELL = {"cell_type": "code", "id": "a", "metadata": {}, "source": "1 + 1", "outputs": []}
NOTEBOOK = {"cells": [{**CELL, "execution_count": None}], "metadata": {}}
FILES = {
    "pyproject.toml": PYPROJECT,
    "src/tiny/__init__.py": '"""Tiny."""\n',
    "src/tiny/jobs.py": '"""Jobs."""\n\nONE: int = 1\n',
    "tasks/__init__.py": '"""Tasks."""\n',
    "tests/test_tiny.py": "import tiny.jobs\n\n\ndef test() -> None:\n    assert tiny.jobs.ONE\n",
    "notebooks/exploration.ipynb": json.dumps({**NOTEBOOK, "nbformat": 4, "nbformat_minor": 5}),
    ".pre-commit-config.yaml": "default_install_hook_types: [pre-commit, commit-msg]\nrepos: []\n",
    "confs/training.yaml": "",
    "confs/environments/production.yaml": "",
}

Inv = Callable[..., str]
Fake = Callable[..., None]


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A tiny project, in a git repository; its tools are those of the environment of this one."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    for name in os.environ:
        if name.startswith(("GIT_", "PYTEST_", "UV_PUBLISH_")):
            monkeypatch.delenv(name)
    for role in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{role}_NAME", "Tiny")
        monkeypatch.setenv(f"GIT_{role}_EMAIL", "tiny@example.org")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    monkeypatch.setenv("PYTHONPATH", str(tmp_path / "src"))
    monkeypatch.setenv("UV_NO_SYNC", "1")
    monkeypatch.setenv("UV_PROJECT_ENVIRONMENT", sys.prefix)
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "--quiet"], check=True)
    return tmp_path


@pytest.fixture
def inv(project: Path, capfd: pytest.CaptureFixture[str]) -> Inv:
    """Runs a task in the tiny project, and returns what it printed."""

    def run(name: str, **arguments: Any) -> str:
        config = Config(
            overrides={
                "project": {"name": "tiny", "package": "tiny"},
                "run": {"echo": True, "echo_format": "$ {command}", "in_stream": False},
                "timeouts": {"command": 60},
            }
        )
        Executor(TASKS, config).execute((name, arguments))
        return "".join(capfd.readouterr())

    return run


@pytest.fixture
def fake(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Fake:
    """Puts a command on PATH that prints how it was called, and exits as told."""

    def make(name: str, code: int = 0) -> None:
        path = tmp_path / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f'#!/bin/sh\necho "{name} $*"\nexit {code}\n', encoding="utf-8")
        path.chmod(0o755)
        monkeypatch.setenv("PATH", str(path.parent), prepend=os.pathsep)

    return make


class TestCollection:
    def test_lists_tasks_from_any_folder(self) -> None:
        command = [sys.executable, "-m", "invoke", "--list"]
        listing = subprocess.run(
            command, cwd=ROOT / "tasks", capture_output=True, text=True, check=True
        )
        assert set(TASKS.task_names) <= set(listing.stdout.split())

    @pytest.mark.parametrize("name", TASKS.task_names)
    def test_says_in_one_line_what_it_does(self, name: str) -> None:
        line = (TASKS[name].__doc__ or "").partition("\n")[0]
        assert line.endswith(".")
        assert len(line) <= 50


class TestChecks:
    def test_pass(self, inv: Inv) -> None:
        subprocess.run(["uv", "lock", "--quiet"], check=True)
        out = inv("checks")
        for tool in ("ruff format", "ruff check", "lint-imports", "mypy", "bandit", "pytest"):
            assert out.count(f"$ uv run {tool}") == 1 + (tool == "ruff check")
        assert out.count("1 passed") == 1

    def test_lock_is_missing(self, inv: Inv) -> None:
        with pytest.raises(UnexpectedExit):
            inv("checks.uv")

    def test_test_fails(self, inv: Inv, project: Path) -> None:
        (project / "tests/test_tiny.py").write_text("def test() -> None:\n    assert False\n")
        with pytest.raises(UnexpectedExit):
            inv("checks.test")

    @pytest.mark.parametrize(
        ("name", "source"),
        [
            ("checks.code", "import os\n"),
            ("checks.format", "number=1\n"),
            ("checks.security", "import subprocess\n"),
            ("checks.type", "number: str = 1\n"),
        ],
    )
    def test_source_is_wrong(self, inv: Inv, project: Path, name: str, source: str) -> None:
        (project / "src/tiny/jobs.py").write_text(source)
        with pytest.raises(UnexpectedExit):
            inv(name)


class TestCleans:
    JUNK = {
        "coverage": ".coverage",
        "dist": "dist/tiny.whl",
        "docs": "site/index.html",
        "imports": ".import_linter_cache/tiny.json",
        "mlruns": "mlruns/1/meta.yaml",
        "mypy": ".mypy_cache/tiny.json",
        "notebooks": "notebooks/.ipynb_checkpoints/exploration.ipynb",
        "outputs": "outputs/predictions.parquet",
        "pytest": ".pytest_cache/lastfailed",
        "python": "src/tiny/__pycache__/jobs.pyc",
        "requirements": "requirements.txt",
        "ruff": ".ruff_cache/tiny",
        "venv": ".venv/pyvenv.cfg",
    }

    @pytest.fixture
    def junk(self, project: Path) -> dict[str, Path]:
        """What each task is to delete."""
        paths = {name: project / path for name, path in self.JUNK.items()}
        for path in paths.values():
            path.parent.mkdir(parents=True, exist_ok=True)
            path.touch()
        return paths

    @pytest.mark.parametrize("name", JUNK)
    def test_deletes_its_own(self, inv: Inv, junk: dict[str, Path], name: str) -> None:
        inv(f"cleans.{name}")
        assert [other for other, path in junk.items() if not path.exists()] == [name]

    def test_all(self, inv: Inv, junk: dict[str, Path]) -> None:
        inv("cleans")
        kept = [name for name, path in junk.items() if path.exists()]
        assert kept == ["mlruns", "outputs", "venv"]

    def test_reset(self, inv: Inv, junk: dict[str, Path]) -> None:
        Path("mlflow.db").touch()
        inv("cleans.reset")
        assert not [name for name, path in junk.items() if path.exists()]
        assert {path.name for path in Path().iterdir()} == {
            ".git",
            ".pre-commit-config.yaml",
            "confs",
            "notebooks",
            "pyproject.toml",
            "src",
            "tasks",
            "tests",
        }

    def test_keeps_what_git_tracks(self, inv: Inv, junk: dict[str, Path]) -> None:
        subprocess.run(["git", "add", "--force", str(junk["dist"])], check=True)
        assert "kept dist" in inv("cleans.dist")
        assert junk["dist"].exists()

    def test_keeps_what_a_link_points_to(self, inv: Inv, project: Path) -> None:
        (project / "outputs").symlink_to(project / "src")
        inv("cleans.outputs")
        assert not (project / "outputs").exists()
        assert (project / "src/tiny").exists()


class TestCommits:
    def test_info(self, inv: Inv) -> None:
        assert "BREAKING CHANGE" in inv("commits.info")

    def test_bump(self, inv: Inv) -> None:
        subprocess.run(["uv", "lock", "--quiet"], check=True)
        subprocess.run(["git", "add", "."], check=True)
        subprocess.run(["git", "commit", "--quiet", "--message=feat: begin"], check=True)
        assert "0.1.0 → 0.2.0" in inv("commits.bump")
        assert "begin" in Path("CHANGELOG.md").read_text(encoding="utf-8")

    def test_commit(self, inv: Inv, fake: Fake) -> None:
        fake("uv")
        assert "uv run cz commit" in inv("commits.commit")


class TestContainers:
    @pytest.mark.parametrize(
        ("name", "called"),
        [
            ("build", "docker build --tag tiny ."),
            ("compose", "docker compose up --build"),
            ("run", "docker compose run --build --rm app confs/training.yaml"),
        ],
    )
    def test_calls_docker(
        self, inv: Inv, fake: Fake, monkeypatch: pytest.MonkeyPatch, name: str, called: str
    ) -> None:
        arguments = {"conf": "training"} if name == "run" else {}
        fake("docker")
        assert f"\n{called}\n" in inv(f"containers.{name}", **arguments)
        monkeypatch.setenv("PATH", "")
        with pytest.raises(Exit, match="install Docker") as error:
            inv(f"containers.{name}", **arguments)
        assert error.value.code == 1


class TestData:
    @pytest.mark.parametrize(
        ("source", "version", "address"),
        [
            ("gh:company/tool", "v1.0.0", "https://github.com/company/tool.git@v1.0.0"),
            ("gl:company/team/tool.git", "v1", "https://gitlab.com/company/team/tool.git@v1"),
            ("git+https://example.org/tool", "v1", "https://example.org/tool@v1"),
            ("git@example.org:team/tool.git", "v1", "ssh://git@example.org/team/tool.git@v1"),
            (
                "https://example.org/tool.git",
                "v1-7-g0a1b2c3",
                "https://example.org/tool.git@0a1b2c3",
            ),
        ],
    )
    def test_tool_is_of_the_templates_version(
        self, inv: Inv, fake: Fake, source: str, version: str, address: str
    ) -> None:
        answers = f"_src_path: {source}\n_commit: {version}\n"
        Path(".copier-answers.yml").write_text(answers, encoding="utf-8")
        fake("uv")
        out = inv("data.adopt", path="a b.csv", target="price", time="day", yes=True, prove=False)
        tool = f"uv run --quiet --offline --with git+{address} python -m mlops_template"
        assert out == f"{tool} adopt --target=price --time=day --yes --no-prove -- a b.csv\n"
        assert inv("data.profile") == f"{tool} profile\n"

    def test_tool_in_a_folder(self, inv: Inv, fake: Fake, project: Path) -> None:
        """A version of a local template, its working tree, or what the command says."""
        for command in (["add", "."], ["commit", "--quiet", "-m", "x"], ["tag", "v1"]):
            subprocess.run(["git", *command], check=True)
        fake("uv")
        for version, found in (
            ("v1", f"--with git+file://{project}@v1"),
            ("v2", f"--with-editable {project}"),
        ):
            answers = f"_src_path: {project}\n_commit: {version}\n"
            Path(".copier-answers.yml").write_text(answers, encoding="utf-8")
            assert f"uv run --quiet --offline {found} python" in inv("data.profile")
        assert "--with-editable src python" in inv("data.profile", tool="src")
        assert "--with git+x://y python" in inv("data.profile", tool="git+x://y")

    def test_tool_cannot_be_had(self, inv: Inv, project: Path) -> None:
        address = f"git+https://name:word@localhost:1/{project.name}.git"
        with pytest.raises(
            Exit, match=r"^error: .+ from git\+https://localhost:1/.+--tool"
        ) as error:
            inv("data.adopt", path="a.csv", target="price", tool=address)
        assert error.value.code == 2
        assert "word" not in str(error.value.message)

    def test_its_exit_code(self, inv: Inv, fake: Fake, project: Path) -> None:
        fake("uv")
        uv = project / "bin" / "uv"
        uv.write_text(
            f"{uv.read_text(encoding='utf-8')}case $* in *profile) exit 3; esac\n".replace(
                "exit 0\n", ""
            )
        )
        with pytest.raises(Exit) as error:
            inv("data.profile", tool="src")
        assert (error.value.code, error.value.message) == (3, None)


class TestDocs:
    def test_api(self, inv: Inv, project: Path) -> None:
        inv("docs.api")
        assert "ONE" in (project / "site/tiny/jobs.html").read_text(encoding="utf-8")

    def test_notebook(self, inv: Inv, fake: Fake, project: Path) -> None:
        fake("uv")
        assert "jupyter execute --output=../outputs/exploration" in inv("docs.notebook")
        assert (project / "outputs").is_dir()

    def test_serve(self, inv: Inv, fake: Fake) -> None:
        fake("uv")
        assert "-m pdoc --docformat=google --port=8080 tiny" in inv("docs.serve")


class TestFormats:
    def test_all(self, inv: Inv, project: Path) -> None:
        module = project / "src/tiny/jobs.py"
        module.write_text("import sys\nimport os\nprint(os,\n  sys)\n")
        inv("formats")
        assert module.read_text() == "import os\nimport sys\n\nprint(os, sys)\n"
        inv("checks.format")


class TestInstalls:
    def test_all(self, inv: Inv, project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        with monkeypatch.context() as context:
            context.delenv("UV_NO_SYNC")
            context.setenv("UV_PROJECT_ENVIRONMENT", ".venv")
            inv("installs.uv")
        assert (project / ".venv/pyvenv.cfg").is_file()
        inv("installs.hooks")
        hooks = {path.name for path in (project / ".git/hooks").iterdir()}
        assert {"pre-commit", "commit-msg"} <= hooks

    def test_no_repository(self, inv: Inv, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("GIT_DIR", "nowhere")
        assert "run `git init`" in inv("installs.hooks")


class TestMLflow:
    @pytest.mark.parametrize(
        ("name", "called"),
        [
            ("mlflow.doctor", "uv run mlflow doctor --mask-envs"),
            ("mlflow.serve", "--backend-store-uri=sqlite:///mlflow.db --host=127.0.0.1"),
        ],
    )
    def test_calls_mlflow(self, inv: Inv, fake: Fake, name: str, called: str) -> None:
        fake("uv")
        assert called in inv(name)

    def test_serves_where_the_jobs_keep_their_runs(
        self, inv: Inv, fake: Fake, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fake("uv")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "sqlite:///elsewhere.db")
        assert "--backend-store-uri=sqlite:///elsewhere.db" in inv("mlflow.serve")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", "https://me:secret@mlflow.example.org")
        with pytest.raises(Exit, match="names a server") as error:
            inv("mlflow.serve")
        assert "secret" not in str(error.value)


class TestPackages:
    def test_build(self, inv: Inv, project: Path) -> None:
        (project / "dist").mkdir()
        (project / "dist/tiny-0.0.1-py3-none-any.whl").touch()
        inv("packages.build")
        assert [path.name for path in (project / "dist").glob("*.whl")] == [
            "tiny-0.1.0-py3-none-any.whl"
        ]

    def test_publish(self, inv: Inv, project: Path, fake: Fake) -> None:
        with pytest.raises(Exit, match="no wheel") as error:
            inv("packages.publish")
        assert error.value.code == 1
        fake("uv")
        (project / "dist").mkdir()
        (project / "dist/tiny-0.1.0-py3-none-any.whl").touch()
        assert "uv publish" in inv("packages.publish")


class UserError(Exception):
    def __init__(self, text: str, exit_code: int) -> None:
        super().__init__(text)
        self.exit_code = exit_code


class Result:
    def __init__(self, text: str, exit_code: int = 0, **fields: Any) -> None:
        self.text = text
        self.exit_code = exit_code
        vars(self).update(fields)

    def __str__(self) -> str:
        return self.text


class Job:
    def __init__(self, outcome: Result | UserError) -> None:
        self.outcome = outcome

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        pass

    def run(self) -> Result:
        if isinstance(self.outcome, UserError):
            raise self.outcome
        return self.outcome


class TestProjects:
    @pytest.fixture
    def outcomes(self, project: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Any]:
        """What the jobs of the package return or raise."""
        outcomes: dict[str, Any] = {
            "tuning": Result("Tuned.", path="outputs/tuning.yaml"),
            "training": Result("Trained.", version=2),
            "evaluations": Result(
                "Passed.", metrics={"r2": 0.5}, passed=True, champion=None, champion_metrics=None
            ),
            "promotion": Result("Promoted."),
            "inference": Result("Predicted."),
            "explanations": Result("Explained."),
            "monitoring": Result("Steady."),
        }

        def load(files: list[str], extras: list[str]) -> Any:
            return SimpleNamespace(job=Job(outcomes[Path(files[0]).stem]))

        monkeypatch.setitem(sys.modules, "tiny.settings", SimpleNamespace(load=load))
        monkeypatch.setitem(sys.modules, "tiny.core.errors", SimpleNamespace(UserError=UserError))
        configs = SimpleNamespace(mask=lambda text: text.replace("secret", "***"))
        monkeypatch.setitem(sys.modules, "tiny.io.configs", configs)
        for name in outcomes:
            (project / "confs" / f"{name}.yaml").touch()
        return outcomes

    def test_chain(self, inv: Inv, outcomes: dict[str, Any]) -> None:
        out = inv("projects", environment="production")
        files = "confs/training.yaml confs/environments/production.yaml outputs/tuning.yaml"
        assert f"$ tiny {files}\n" in out
        places = [out.index(str(outcome)) for outcome in outcomes.values()]
        assert places == sorted(places)
        assert "r2 0.5" in out
        # The newest version may be a colleague's.
        assert "$ tiny confs/evaluations.yaml" in out
        assert out.count(" -e job.version=2\n") == 2

    def test_chain_may_replace_a_champion_of_other_columns(
        self, inv: Inv, outcomes: dict[str, Any]
    ) -> None:
        out = inv("projects", replace=True)
        assert out.count("replace_incomparable") == 1
        assert "$ tiny confs/promotion.yaml -e job.version=2 job.replace_incomparable=true\n" in out

    def test_chain_goes_on_with_the_champion(self, inv: Inv, outcomes: dict[str, Any]) -> None:
        outcomes["promotion"] = UserError("It ties.", 5)
        outcomes["evaluations"].champion = 1
        outcomes["evaluations"].champion_metrics = {"r2": 0.5}
        out = inv("projects")
        assert out.count("It ties.") == 2
        assert "Version 1 is the champion still." in out
        assert "Steady." in out

    def test_chain_goes_on_where_the_champion_cannot_be_explained(
        self, inv: Inv, outcomes: dict[str, Any]
    ) -> None:
        outcomes["explanations"] = UserError("Rows are gone.", 3)
        with pytest.raises(Exit, match=r"^error: Rows are gone\.$"):
            inv("projects")
        outcomes["promotion"] = UserError("It ties.", 5)
        outcomes["evaluations"].champion = 1
        outcomes["evaluations"].champion_metrics = {"r2": 0.5}
        for code in (3, 4):
            outcomes["explanations"] = UserError("Rows are gone.", code)
            out = inv("projects")
            assert "The champion is not explained: Rows are gone." in out
            assert "Steady." in out
        outcomes["explanations"] = UserError("The disk is full.", 1)
        with pytest.raises(Exit, match=r"disk is full\.$"):
            inv("projects")

    def test_chain_stops_without_champion(self, inv: Inv, outcomes: dict[str, Any]) -> None:
        outcomes["promotion"] = UserError("It fails by a secret.", 5)
        with pytest.raises(Exit, match=r"^error: It fails by a \*\*\*\.$") as error:
            inv("projects")
        assert error.value.code == 5

    def test_chain_stops_at_a_champion_of_other_data(
        self, inv: Inv, outcomes: dict[str, Any]
    ) -> None:
        outcomes["promotion"] = UserError(
            "It cannot be compared: job.replace_incomparable=true.", 5
        )
        outcomes["evaluations"].champion = 1
        with pytest.raises(Exit, match=r"true\. For the chain, that is --replace\.$"):
            inv("projects")

    def test_chain_stops_at_an_error(self, inv: Inv, outcomes: dict[str, Any]) -> None:
        outcomes["tuning"] = UserError("There is no data.", 3)
        with pytest.raises(Exit, match=r"^error: There is no data\.$") as error:
            inv("projects")
        assert error.value.code == 3

    def test_chain_shows_drift(self, inv: Inv, outcomes: dict[str, Any]) -> None:
        outcomes["monitoring"] = Result("Drift in age.", exit_code=6)
        out = inv("projects")
        assert "Drift in age." in out
        assert "Predicted." in out

    def test_run(self, inv: Inv, fake: Fake) -> None:
        fake("tiny")
        out = inv("projects.run", conf="training", environment="production")
        assert "\ntiny confs/training.yaml confs/environments/production.yaml\n" in out

    def test_run_fails_as_its_job(self, inv: Inv, fake: Fake) -> None:
        fake("tiny", code=3)
        with pytest.raises(UnexpectedExit) as error:
            inv("projects.run", conf="training")
        assert error.value.result.exited == 3

    @pytest.mark.parametrize(
        ("conf", "environment", "sentence"),
        [
            ("train", "", "There is no confs/train.yaml. In confs: training."),
            ("training", "x", "confs/environments/x.yaml. In confs/environments: production."),
        ],
    )
    def test_run_without_conf(self, inv: Inv, conf: str, environment: str, sentence: str) -> None:
        with pytest.raises(Exit, match=re.escape(sentence)) as error:
            inv("projects.run", conf=conf, environment=environment)
        assert error.value.code == 2

    def test_requirements_and_environment(self, inv: Inv, project: Path) -> None:
        subprocess.run(["uv", "lock", "--quiet"], check=True)
        inv("projects.requirements")
        inv("projects.environment")
        assert (project / "requirements.txt").is_file()
        assert "dependencies:\n  - .\n" in (project / "python_env.yaml").read_text()


class TestTemplate:
    @pytest.fixture(autouse=True)
    def _template(
        self, project: Path, tmp_path_factory: pytest.TempPathFactory, fake: Fake
    ) -> None:
        """Three versions of a template; the project has the first. The third has a migration."""
        template = tmp_path_factory.mktemp("template")

        def release(version: str, config: str, **texts: str) -> None:
            answers = "{{ dict(_copier_answers) | to_nice_yaml }}"
            files = {
                "copier.yml": config,
                ".copier-answers.yml.jinja": answers,
                **texts,
            }
            for path in template.iterdir():
                if path.is_file():
                    path.unlink()
            for name, text in files.items():
                (template / name).write_text(text, encoding="utf-8")
            for command in (["add", "."], ["commit", "--quiet", "-m", "x"], ["tag", version]):
                subprocess.run(["git", *command], cwd=template, check=True)

        subprocess.run(["git", "init", "--quiet"], cwd=template, check=True)
        release("v1.0.0", "{}", NOTES="a\nb\nc\nd\n", OLD="old\n")
        release("v2.0.0", "{}", NOTES="a\nb\nc\nnew\n")
        release("v3.0.0", "_migrations: [{version: 3.0.0, command: [git, init]}]\n", NOTES="a\n")
        answers = f"_commit: v1.0.0\n_src_path: {template}\n"
        self.commit(NOTES="a\nb\nc\nd\n", OLD="old\n", **{".copier-answers.yml": answers})
        fake("uv")

    def commit(self, **texts: str) -> None:
        """Commit these texts, and all else."""
        for name, text in texts.items():
            Path(name).write_text(text, encoding="utf-8")
        Path(".git/info/exclude").write_text("bin/\n", encoding="utf-8")
        subprocess.run(["git", "add", "."], check=True)
        subprocess.run(["git", "commit", "--quiet", "--message=work"], check=True)

    def test_update_merges(self, inv: Inv) -> None:
        self.commit(NOTES="mine\na\nb\nc\nd\n")
        out = inv("template.update", version="v2.0.0")
        assert Path("NOTES").read_text(encoding="utf-8") == "mine\na\nb\nc\nnew\n"
        assert "Updating to template version 2.0.0" in out
        assert "From v1.0.0 to v2.0.0." in out
        assert "deleted: OLD (to bring it back: git checkout HEAD -- OLD)" in out
        assert out.index("\nuv sync\n") < out.index("\nuv run inv checks\n")
        [undo] = re.findall(r"To undo the update: (.+)", out)
        subprocess.run(undo, shell=True, check=True)  # noqa: S602
        assert Path("NOTES").read_text(encoding="utf-8") == "mine\na\nb\nc\nd\n"

    def test_update_lists_conflicts(self, inv: Inv, capfd: pytest.CaptureFixture[str]) -> None:
        self.commit(NOTES="a\nb\nc\nmine\n")
        with pytest.raises(Exit, match="Resolve the conflicts") as error:
            inv("template.update", version="v2.0.0")
        assert error.value.code == 1
        out = capfd.readouterr().out
        assert "conflict: NOTES\n" in out
        assert "uv sync" not in out

    def test_update_without_news(self, inv: Inv) -> None:
        answers = Path(".copier-answers.yml").read_text(encoding="utf-8")
        self.commit(**{".copier-answers.yml": answers.replace("v1.0.0", "v3.0.0")})
        out = inv("template.update", data=["misspelt=1"])
        assert "No question takes this answer: misspelt\nNothing to update: v3.0.0 it is." in out
        assert "Keeping template version" not in out

    def test_update_whose_checks_fail(self, inv: Inv, fake: Fake) -> None:
        fake("uv", code=3)
        with pytest.raises(Exit, match=r"the checks fail.+ undo it: git reset") as error:
            inv("template.update", version="v2.0.0")
        assert error.value.code == 3

    def test_project_without_a_version_is_refused(self, inv: Inv) -> None:
        self.commit(**{".copier-answers.yml": "_src_path: somewhere\n"})
        with pytest.raises(Exit, match="names no version of a template"):
            inv("template.update")

    @pytest.mark.parametrize("name", ["template.update", "template.diff", "template.check"])
    def test_template_beside_another_folder_is_refused(self, inv: Inv, name: str) -> None:
        self.commit(**{".copier-answers.yml": "_commit: v1.0.0\n_src_path: ../template\n"})
        with pytest.raises(Exit, match=r"the template is at \.\./template, .+ write its address"):
            inv(name)

    @pytest.mark.parametrize("name", ["template.update", "template.diff"])
    def test_uncommitted_work_is_refused(self, inv: Inv, name: str) -> None:
        subprocess.run(["git", "config", "status.showUntrackedFiles", "no"], check=True)
        Path("draft").write_text("mine\n", encoding="utf-8")
        with pytest.raises(Exit, match=r"(?s)^Commit or stash.+\?\? draft$") as error:
            inv(name)
        assert error.value.code == 1

    @pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
    def test_hidden_edits_are_refused(self, inv: Inv, flag: str) -> None:
        subprocess.run(["git", "update-index", flag, "NOTES"], check=True)
        Path("NOTES").write_text("mine\n", encoding="utf-8")
        with pytest.raises(Exit, match=r"(?s)told not to look at these.+\n  NOTES\n"):
            inv("template.update", version="v2.0.0")
        assert Path("NOTES").read_text(encoding="utf-8") == "mine\n"

    def test_update_that_loses_a_line_is_undone(self, inv: Inv, tmp_path: Path) -> None:
        self.commit(NOTES="mine\na\nb\nc\nd\n")
        copier = shutil.which("uvx")
        lossy = tmp_path / "bin" / "uvx"
        lossy.parent.mkdir(exist_ok=True)
        lossy.write_text(f'#!/bin/sh\n{copier} "$@"\nsed -i.old /mine/d NOTES; rm NOTES.old\n')
        lossy.chmod(0o755)
        with pytest.raises(Exit, match=r"(?s)was undone:\n  NOTES: lost the line 'mine'\n"):
            inv("template.update", version="v2.0.0")
        assert Path("NOTES").read_text(encoding="utf-8") == "mine\na\nb\nc\nd\n"
        assert Path("OLD").exists()

    def test_what_git_does_not_track_stays(self, inv: Inv) -> None:
        subprocess.run(["git", "rm", "--cached", "--quiet", "NOTES", "OLD"], check=True)
        texts = {"NOTES": "mine\na\nb\nc\nd\n", "OLD": "old, and mine\n"}
        self.commit(**texts, **{".gitignore": "NOTES\nOLD\n"})
        out = inv("template.update", version="v2.0.0")
        assert "they stay as they are:\n  NOTES\n  OLD\n" in out
        for path, text in texts.items():
            assert Path(path).read_text(encoding="utf-8") == text

    def test_migrations_ask_for_trust(self, inv: Inv, capfd: pytest.CaptureFixture[str]) -> None:
        with pytest.raises(
            Exit, match=r"Nothing has changed\. .+ template\.update --trust"
        ) as error:
            inv("template.update")
        assert error.value.code == 4
        assert "--trust" in capfd.readouterr().err

    def test_check(self, inv: Inv) -> None:
        out = inv("template.check")
        assert "here is 1.0.0." in out
        assert "There is 3.0.0: uv run inv template.update" in out

    def test_diff(self, inv: Inv) -> None:
        out = inv("template.diff", version="v2.0.0")
        assert "\n-d\n+new\n" in out
        assert "a/OLD" in out
        assert Path("NOTES").read_text(encoding="utf-8") == "a\nb\nc\nd\n"

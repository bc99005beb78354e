"""Rendered projects, for every choice and every pair of answers."""

import ast
import hashlib
import json
import re
import subprocess
import tomllib
from pathlib import Path

import jinja2
import pytest
import yaml
from conftest import Render
from harness import (
    ANSWERS_FILE,
    NAME,
    QUESTIONS,
    ROOT,
    Answers,
    Project,
    Template,
    choices,
    find_changes,
    run,
)
from variants import PACKAGE_40, PAIRS

# What nobody answered, and what no answer means.
SENTINELS = re.compile(
    r"\b(TODO|FIXME|XXX|change-?me|lorem ipsum|Undefined|your[-_ ](name|email|org|repo))\b"
    r"|https?://[^\s\"')]*(?<!:)//|https?://[\"'\s)]|<>",
    re.IGNORECASE,
)
KEYS = "|".join(QUESTIONS)
LEFTOVER = re.compile(
    rf"\{{[{{%#]-? *(_copier|{KEYS}|if|elif|else|endif|for|endfor|set|include|from|raw)\b"
)


@pytest.fixture(scope="session", params=PAIRS)
def answers(request: pytest.FixtureRequest) -> Answers:
    """A variant's answers."""
    return dict(request.param)


@pytest.fixture(scope="session")
def variant(answers: Answers, render: Render) -> Project:
    """The variant."""
    return render(answers)


def parse(path: str, text: str) -> None:
    """Parse a file by the language that its name says."""
    suffix = Path(path).suffix
    if suffix == ".py":
        ast.parse(text, path)
    elif suffix == ".toml":
        tomllib.loads(text)
    elif suffix in {".yaml", ".yml"} or path == "MLproject":
        yaml.safe_load(text)
    elif suffix in {".json", ".code-workspace"}:
        json.loads(text)
    elif suffix == ".ipynb":
        notebook = json.loads(text)
        sources = ["".join(c["source"]) for c in notebook["cells"] if c["cell_type"] == "code"]
        assert sources, f"{path} has no code"
        ast.parse("\n".join(sources), path)


def place(path: str, answers: Answers) -> str:
    """Say where a file of the template stands in a project, or nothing where it does not."""
    context = {**answers, "_copier_conf": {"answers_file": ANSWERS_FILE}}
    environment = jinja2.Environment(undefined=jinja2.StrictUndefined, autoescape=True)
    parts = [environment.from_string(part).render(context) for part in path.split("/")]
    return "/".join(parts).removesuffix(".jinja") if all(parts) and parts[-1] != ".jinja" else ""


class TestVariants:
    def test_files_are_those_that_the_names_promise(
        self, answers: Answers, variant: Project, template: Template
    ) -> None:
        promised = {place(path, answers) for path in template.texts} - {""}
        assert set(variant.texts) == promised

    def test_answers_are_remembered(self, answers: Answers, variant: Project) -> None:
        assert {key: variant.answers[key] for key in answers} == answers
        assert variant.answers["_commit"]

    def test_parses(self, variant: Project) -> None:
        for path, text in variant.texts.items():
            parse(path, text)

    def test_is_formatted(self, variant: Project) -> None:
        run("ruff", "format", "--check", "--diff", "--no-cache", ".", cwd=variant.path)

    def test_lints(self, variant: Project) -> None:
        run("ruff", "check", "--no-cache", ".", cwd=variant.path)

    def test_text_is_clean(self, variant: Project) -> None:
        for path, text in variant.texts.items():
            assert "\r" not in text, path
            assert not re.search(r"[ \t]$", text, re.MULTILINE), f"{path}: trailing white space"
            assert not text or text[-1] == "\n" != text[-2:-1], f"{path}: end of file"
            assert text.strip() or Path(path).name in {"__init__.py", "py.typed"}, f"{path}: empty"
            if Path(path).suffix in {".md", ".toml", ".yaml", ".yml"}:
                assert "\n\n\n" not in text, f"{path}: blank lines"

    def test_nothing_is_left_over(self, variant: Project) -> None:
        for path, text in variant.content.items():
            assert not (found := LEFTOVER.search(text)), f"{path}: {found}"
            assert not (found := SENTINELS.search(text)), f"{path}: {found}"

    def test_nothing_is_of_the_template_itself(self, variant: Project) -> None:
        log = ["git", "log", "--format=%an%n%ae"]
        people = subprocess.run(log, cwd=ROOT, capture_output=True, text=True, check=True).stdout
        # A name of one word may be a common one.
        mine = {line for line in people.splitlines() if re.search(r"[ @]", line)}
        mine |= {"mlops-template", NAME, "demand_forecasts"}
        mine -= {variant.answers["project_name"], variant.package}
        for path, text in variant.content.items():
            for leak in mine:
                assert not re.search(rf"\b{re.escape(leak)}\b", text), f"{path} names {leak}"


class TestConditions:
    """A path whose name holds a condition is rendered in one variant and absent in another."""

    def test_each_path_is_rendered_and_is_absent(self, template: Template, render: Render) -> None:
        variants = [(answers, render(answers)) for answers in PAIRS]
        conditional = [path for path in template.texts if "{%" in path]
        assert conditional
        for path in conditional:
            at = [(place(path, answers), project) for answers, project in variants]
            assert any(rendered in project.texts for rendered, project in at if rendered), path
            assert any(not rendered for rendered, _ in at), f"{path} is not conditional at all"

    @pytest.mark.parametrize(
        ("choice", "paths"),
        [
            ({"ci": "github"}, {".github/workflows/check.yml", ".github/dependabot.yml"}),
            ({"ci": "gitlab"}, {".gitlab-ci.yml"}),
            ({"ci": "none"}, set()),
            ({"ci": "github", "license": "proprietary"}, {".github/workflows/check.yml"}),
        ],
    )
    def test_ci(self, choice: Answers, paths: set[str], render: Render) -> None:
        found = {path for path in render(choice).texts if path.startswith((".github", ".gitlab"))}
        assert paths <= found
        assert bool(paths) == bool(found)
        assert (".github/workflows/publish.yml" in found) == (choice == {"ci": "github"})


@pytest.mark.parametrize("problem", choices("problem"))
def test_what_an_adoption_may_overwrite(problem: str, render: Render) -> None:
    """The sample is listed with its digests: what differs from them is the user's."""
    project = render(problem=problem)
    listed = project.load("data/adoption.json")["files"]
    schemas = f"src/{project.package}/core/schemas.py"
    listed[schemas] = listed.pop("src/*/core/schemas.py")
    texts = {path: project.texts[path] for path in listed}
    [texts["README.md"]] = re.findall(
        r"(?<=^## Data\n\n).*?(?=\n\n## )", texts["README.md"], re.MULTILINE | re.DOTALL
    )
    digests = {path: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()}
    assert listed == digests
    data = {path for path in project.texts if re.match(r"data/(?!adoption)", path)}
    assert set(listed) == {"README.md", schemas, "confs/data.yaml"} | data


class TestChoices:
    @pytest.mark.parametrize(
        "question", [key for key, question in QUESTIONS.items() if "choices" in question]
    )
    def test_each_choice_changes_the_project(self, question: str, render: Render) -> None:
        renders = [render({question: choice}).content for choice in choices(question)]
        for index, content in enumerate(renders):
            assert content not in renders[:index], f"{question}: {choices(question)[index]}"

    @pytest.mark.parametrize(
        ("question", "answer"),
        [
            ("author_email", "ada@example.org"),
            ("author_name", "Ada"),
            ("package_name", "other"),
            ("project_description", "Other."),
            ("project_name", "Other"),
            ("repository_owner", "acme"),
        ],
    )
    def test_each_free_answer_changes_the_project(
        self, question: str, answer: str, render: Render
    ) -> None:
        assert render({question: answer}).content != render().content

    def test_the_host_is_used_with_an_owner_only(self, render: Render) -> None:
        host = {"repository_host": "git.example.org", "ci": "github"}
        assert not find_changes(render(host).content, render().content)
        assert render(host, repository_owner="acme").content != render().content

    @pytest.mark.parametrize("version", choices("python_version"))
    def test_python_version(self, version: str, render: Render) -> None:
        """It is the lowest everywhere, and CI runs it and all later ones."""
        later = choices("python_version")[choices("python_version").index(version) :]
        github = render(python_version=version)
        gitlab = render(python_version=version, ci="gitlab")
        matrix = github.load(".github/workflows/check.yml")["jobs"]["check"]["strategy"]["matrix"]
        pipeline = gitlab.load(".gitlab-ci.yml")
        assert github.pyproject["project"]["requires-python"] == f">={version}"
        assert matrix["python"] == later
        assert pipeline["variables"]["PYTHON"] == version
        assert pipeline["check"]["parallel"]["matrix"] == [{"PYTHON": later}]
        assert github.load("python_env.yaml")["python"] == version
        assert re.findall(r"^FROM python:(\S+)-slim", github.texts["Dockerfile"], re.M) == [
            version,
            version,
        ]
        image = github.load(".devcontainer/devcontainer.json")["image"]
        assert image.endswith(f":{version}")

    @pytest.mark.parametrize("version", choices("python_version")[1:])
    def test_no_other_python_version_stays(self, version: str, render: Render) -> None:
        """Every line that holds the lowest version by default holds the one that was chosen."""
        chosen = render(python_version=version)
        for path, text in render().content.items():
            if path.startswith((".git", "data/", "tests/")):
                continue
            lines = zip(text.splitlines(), chosen.texts[path].splitlines(), strict=True)
            for default, line in lines:
                if re.search(r"(python\S*\W+|py)3\.?11\b", default, re.IGNORECASE):
                    assert version in line or version.replace(".", "") in line, f"{path}: {line}"

    @pytest.mark.parametrize("problem", choices("problem"))
    def test_problem(self, problem: str, render: Render) -> None:
        project = render(problem=problem)
        metric = {"regression": "RegressionMetric", "classification": "BinaryMetric"}[problem]
        schemas = project.texts["src/demand_forecasts/core/schemas.py"]
        assert f'= "{problem}"' in schemas
        metrics = project.load("confs/data.yaml")["data"]["metrics"]
        assert {found["KIND"] for found in metrics} == {metric}
        for path, text in project.content.items():
            if path.startswith("confs/"):
                kinds = set(re.findall(r"KIND: (\w+Metric)", text))
                assert kinds <= {metric}, path
        header = project.texts["data/training.csv"].splitlines()[0].split(",")
        assert all(f"{column}: " in schemas for column in header)
        inference = project.texts["data/inference.csv"].splitlines()[0].split(",")
        assert inference == header[:-1]

    def test_identity(self, render: Render) -> None:
        table = render(author_email="ada@example.org", repository_owner="acme").pyproject["project"]
        assert table["authors"] == [{"name": f"{NAME} team", "email": "ada@example.org"}]
        assert table["urls"] == {"Repository": "https://github.com/acme/demand-forecasts"}
        assert table["scripts"] == {"demand_forecasts": "demand_forecasts.scripts:main"}
        assert table["name"] == "demand-forecasts"

    def test_no_identity(self, render: Render) -> None:
        table = render().pyproject["project"]
        assert table["authors"] == [{"name": f"{NAME} team"}]
        assert "urls" not in table
        for path, text in render().content.items():
            assert not re.search(r"(github|gitlab)\.com/[^\s\"')]*demand", text), path

    @pytest.mark.parametrize(
        ("license", "expression"),
        [
            ("MIT", "MIT"),
            ("Apache-2.0", "Apache-2.0"),
            ("BSD-3-Clause", "BSD-3-Clause"),
            ("GPL-3.0", "GPL-3.0-or-later"),
            ("proprietary", "LicenseRef-Proprietary"),
        ],
    )
    def test_license(self, license: str, expression: str, render: Render) -> None:  # noqa: A002
        table = render(license=license).pyproject["project"]
        assert table["license"] == expression
        private = "Private :: Do Not Upload" in table["classifiers"]
        assert private == (license == "proprietary")

    def test_longest_package_name(self, render: Render) -> None:
        """No line breaks elsewhere than with a short name, in code that is imported by it."""
        project = render(package_name=PACKAGE_40)
        run("ruff", "format", "--check", "--diff", "--no-cache", ".", cwd=project.path)


# Each would break one of the languages that answers are written into.
HOSTILE = [
    "Quotes \" and ' and ` and '''\"\"\"",
    "Back\\slash \\n \\u0041 C:\\new",
    "Colon: value # no comment",
    "Braces {{ 7 * 7 }} {% raw %} {# x #} ${HOME}",
    "Ünïcode, 需求预测, Ελληνικά",
    "🚀 rocket",
    "- leading dash",
    "yes",
    "null",
    "1.10",
    "2026-11-20",
    "@at, %percent, &amp, *star, !bang, |pipe, >fold",
    "[a](b) <b>bold</b> $(echo x) `id`",
    "{json: [1, 2]}",
    "x" * 60,
]


@pytest.fixture(scope="session", params=HOSTILE)
def hostile(request: pytest.FixtureRequest) -> str:
    """A string that breaks what does not quote it."""
    return str(request.param)


@pytest.fixture(scope="session")
def hostile_project(hostile: str, render: Render) -> Project:
    """A project with that string in every free answer."""
    free = ("project_name", "project_description", "author_name")
    choice = {"ci": "gitlab", "license": "BSD-3-Clause", "package_name": "p"}
    return render(dict.fromkeys(free, hostile), **choice)


class TestHostileStrings:
    def test_survive(self, hostile: str, hostile_project: Project) -> None:
        project = hostile_project
        table = project.pyproject["project"]
        assert table["description"] == hostile
        assert table["authors"] == [{"name": hostile}]
        assert project.load(".devcontainer/devcontainer.json")["name"] == hostile
        assert f"Copyright (c) {hostile}\n" in project.texts["LICENSE"]
        assert project.texts["README.md"].startswith(f"# {hostile}\n\n{hostile}\n")
        for question in ("project_name", "project_description", "author_name"):
            assert project.answers[question] == hostile

    def test_everything_parses(self, hostile_project: Project) -> None:
        for path, text in hostile_project.texts.items():
            parse(path, text)

    def test_is_formatted_and_lints(self, hostile_project: Project) -> None:
        run("ruff", "format", "--check", "--no-cache", ".", cwd=hostile_project.path)
        run("ruff", "check", "--no-cache", ".", cwd=hostile_project.path)

    def test_default_description_quotes_the_name(self, hostile: str, render: Render) -> None:
        table = render(project_name=hostile, package_name="p").pyproject["project"]
        assert table["description"].startswith(f"{hostile}: a regression model")
        assert table["authors"] == [{"name": f"{hostile} team"}]


def check_schema(project: Project, schema: str, *paths: str) -> None:
    """Check files by a schema that check-jsonschema ships."""
    run("check-jsonschema", f"--builtin-schema=vendor.{schema}", *paths, cwd=project.path)


class TestLinters:
    @pytest.mark.parametrize("choice", ["MIT", "proprietary"])
    @pytest.mark.parametrize("version", ["3.11", "3.14"])
    def test_github(self, choice: str, version: str, render: Render) -> None:
        project = render(license=choice, python_version=version)
        workflows = [path for path in project.texts if path.startswith(".github/workflows/")]
        check_schema(project, "github-workflows", *workflows)
        check_schema(project, "dependabot", ".github/dependabot.yml")
        run("zizmor", "--offline", "--no-progress", "--persona=pedantic", ".", cwd=project.path)

    @pytest.mark.parametrize("version", ["3.11", "3.14"])
    def test_gitlab(self, version: str, render: Render) -> None:
        check_schema(render(ci="gitlab", python_version=version), "gitlab-ci", ".gitlab-ci.yml")

    def test_containers(self, render: Render) -> None:
        project = render()
        check_schema(project, "compose-spec", "docker-compose.yml")
        run("hadolint", "Dockerfile", cwd=project.path)

    def test_of_the_template(self) -> None:
        workflows = [str(path) for path in ROOT.glob(".github/workflows/*.yml")]
        assert workflows
        run("check-jsonschema", "--builtin-schema=vendor.github-workflows", *workflows, cwd=ROOT)
        run("zizmor", "--offline", "--no-progress", "--persona=pedantic", *workflows, cwd=ROOT)

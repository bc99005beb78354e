"""The questions: their defaults, and what bad answers are told."""

import keyword
import re
import sys
from pathlib import Path

import pytest
from conftest import Render
from harness import NAME, QUESTIONS, ROOT, Template, choices, run

DEFAULTS = {
    "project_name": NAME,
    "package_name": "demand_forecasts",
    "problem": "regression",
    "project_description": f"{NAME}: a regression model, from data to production.",
    "author_name": f"{NAME} team",
    "author_email": "",
    "repository_host": "github.com",
    "repository_owner": "",
    "license": "MIT",
    "python_version": "3.11",
    "ci": "github",
}

# Each bad answer, and a word of the sentence that it gets.
BAD = [
    ("project_name", "", "Give the project a name"),
    ("project_name", "   ", "Give the project a name"),
    ("project_name", " X", "Remove the spaces"),
    ("project_name", "two\nlines", "one line"),
    ("project_name", "tab\tbed", "one line"),
    ("project_name", "x\u200by", "invisible"),
    ("project_name", "x" * 61, "it has 61"),
    ("package_name", "", "lower snake case"),
    ("package_name", "Forecasts", "lower snake case"),
    ("package_name", "1forecast", "lower snake case"),
    ("package_name", "demand-forecasts", "lower snake case"),
    ("package_name", "demand forecasts", "lower snake case"),
    ("package_name", "_private", "lower snake case"),
    ("package_name", "two__underscores", "lower snake case"),
    ("package_name", "trailing_", "lower snake case"),
    ("package_name", "prévision", "lower snake case"),
    ("package_name", "x\n", "lower snake case"),
    ("package_name", "../escape", "lower snake case"),
    ("package_name", "x" * 41, "it has 41"),
    ("package_name", "class", "word of Python"),
    ("package_name", "match_project\n", "lower snake case"),
    ("package_name", "yes", "word of Python or YAML"),
    ("package_name", "json", "standard library"),
    ("package_name", "pandas", "installs a library"),
    ("package_name", "sklearn", "installs a library"),
    ("package_name", "pytest", "installs a library"),
    ("package_name", "tests", "folder"),
    ("package_name", "tasks", "folder"),
    ("package_name", "data", "folder"),
    ("package_name", "python", "command"),
    ("package_name", "uv", "command"),
    ("problem", "clustering", "regression"),
    ("project_description", "", "one sentence"),
    ("project_description", "a\nb", "one line"),
    ("project_description", "x" * 201, "it has 201"),
    ("author_name", "", "Name the author"),
    ("author_name", "a\nb", "one line"),
    ("author_name", "x" * 101, "it has 101"),
    ("author_email", "ada", "ada@example.org"),
    ("author_email", "ada@b@example.org", "ada@example.org"),
    ("author_email", "ada@localhost", "ada@example.org"),
    ("author_email", "Ada <ada@example.org>", "ada@example.org"),
    ("author_email", 'a"b@example.org', "ada@example.org"),
    ("author_email", "ada@example.org\n", "ada@example.org"),
    ("repository_host", "", "name of the host"),
    ("repository_host", "https://github.com", "no https://"),
    ("repository_host", "github.com/acme", "no path"),
    ("repository_host", "git hub.com", "name of the host"),
    ("repository_host", "-github.com", "name of the host"),
    ("repository_host", "GitHub.com", "lower case"),
    ("repository_owner", "a b", "owner"),
    ("repository_owner", "acme/", "owner"),
    ("repository_owner", "https://github.com/acme", "owner"),
    ("repository_owner", "-acme", "owner"),
    ("repository_owner", "acme\n", "owner"),
    ("repository_owner", 'ac"me', "owner"),
    ("license", "WTFPL", "MIT"),
    ("python_version", "3.10", "3.11"),
    ("python_version", "3", "3.11"),
    ("ci", "jenkins", "github"),
]


def refuse(template: Template, folder: Path, question: str, answer: str) -> str:
    """Return what copier says of an answer, and check that it says it in one sentence."""
    with pytest.raises(ValueError, match=question) as caught:
        template.copy(folder / "refused", {question: answer})
    assert not (folder / "refused").exists(), "a refused answer left files"
    said = str(caught.value)
    assert "\n" not in said
    assert "  " not in said, "the lines of the validator leave gaps"
    assert said.endswith((".", "]")), said
    return said


class TestAnswers:
    def test_defaults(self, render: Render) -> None:
        answers = render().answers
        assert {key: value for key, value in answers.items() if key[0] != "_"} == DEFAULTS

    def test_only_the_name_has_no_default(self) -> None:
        assert list(QUESTIONS) == list(dict.fromkeys([*DEFAULTS, *QUESTIONS]))[: len(QUESTIONS)]
        assert set(QUESTIONS) == set(DEFAULTS)
        without = [key for key, question in QUESTIONS.items() if "default" not in question]
        assert without == ["project_name"]

    def test_every_free_answer_is_validated(self) -> None:
        free = {key for key, question in QUESTIONS.items() if "choices" not in question}
        assert {key for key in free if "validator" not in QUESTIONS[key]} == set()
        assert {question for question, _, _ in BAD} == set(QUESTIONS)

    @pytest.mark.parametrize(("question", "answer", "sentence"), BAD)
    def test_bad_answer(
        self, question: str, answer: str, sentence: str, template: Template, tmp_path: Path
    ) -> None:
        assert sentence in refuse(template, tmp_path, question, answer)

    @pytest.mark.parametrize("question", ["license", "python_version", "problem", "ci"])
    def test_a_refused_choice_names_the_others(
        self, question: str, template: Template, tmp_path: Path
    ) -> None:
        said = refuse(template, tmp_path, question, "nonsense")
        assert all(repr(choice) in said for choice in choices(question))


def names(variable: str) -> set[str]:
    """Read a list of taken names of `questions/names.jinja`."""
    source = ROOT.joinpath("questions", "names.jinja").read_text("utf-8")
    found = re.search(rf'{{% set {variable} = "([^"]*)"\.split\(\) %}}', source)
    assert found, f"questions/names.jinja does not set {variable}"
    return set(found[1].split())


class TestPackageName:
    @pytest.mark.parametrize(
        ("project", "package"),
        [
            ("Demand Forecasts", "demand_forecasts"),
            ("Café n°5!", "cafe_n_5"),
            ("3D shapes", "project_3d_shapes"),
            ("Pandas", "pandas_project"),
            ("需求预测", "ml_project"),
            ("🚀", "ml_project"),
            ("yes", "yes_project"),
            ("a" * 39 + " b", "a" * 39),
            ("x" * 60, "x" * 40),
        ],
    )
    def test_default_is_free(
        self, project: str, package: str, template: Template, tmp_path: Path
    ) -> None:
        assert template.copy(tmp_path / "project", {"project_name": project}).package == package

    def test_words_of_python_are_refused(self) -> None:
        assert {word.lower() for word in keyword.kwlist} <= names("words")

    def test_standard_library_is_refused(self) -> None:
        modules = {name for name in sys.stdlib_module_names if name[0] != "_" and name.islower()}
        assert modules <= names("stdlib")

    def test_dependencies_are_refused(self, render: Render) -> None:
        project = render()
        table = project.pyproject["project"]
        extras = [name for extra in table["optional-dependencies"].values() for name in extra]
        wanted = [*table["dependencies"], *extras, *project.pyproject["dependency-groups"]["dev"]]
        distributions = {re.split(r"[\[<>=~ ]", name)[0] for name in wanted}
        normal = {name.lower().replace("-", "_").removeprefix("types_") for name in distributions}
        assert normal <= names("dependencies")

    def test_folders_are_refused(self, render: Render) -> None:
        folders = {path.partition("/")[0] for path in render().texts if "/" in path}
        assert {name for name in folders if name[0] != "."} <= names("folders")


class TestTrust:
    def test_nothing_needs_it(self) -> None:
        text = ROOT.joinpath("copier.yml").read_text("utf-8")
        for key in ("_tasks", "_jinja_extensions", "_external_data"):
            assert not re.search(rf"^{key}\b", text, re.MULTILINE), f"{key} needs --trust"

    @pytest.mark.parametrize("tag", ["", "v1.0.0"])
    def test_bare_copy(self, template: Template, tmp_path: Path, tag: str) -> None:
        """A plain clone, released or not, and only the name is given."""
        clone = tmp_path / "clone"
        run("git", "clone", "--quiet", "--no-tags", template.source, clone, cwd=tmp_path)
        if tag:
            run("git", "tag", tag, cwd=clone)
        said = run(
            sys.executable, "-m", "copier", "copy", "--defaults", "-d", "project_name=X Y",
            clone, tmp_path / "project", cwd=tmp_path,
        )  # fmt: skip
        assert (tmp_path / "project" / "src" / "x_y" / "__init__.py").is_file()
        assert "X Y" in said, "the message after the copy names the project"

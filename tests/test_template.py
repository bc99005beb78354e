"""The template's own files."""

import hashlib
import re
import shutil
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

import pytest
import yaml
from conftest import Render
from harness import QUESTIONS, ROOT, Template, choices, run
from releases import RELEASES
from sample_data import PROBLEMS
from sample_data import path as sample_path
from sample_data import render as render_sample

# Of the texts as their authors publish them, with the name of the holder put in.
LICENSES = {
    "MIT": "eb3b106a5b5125e21ad04544f0ff759533838ddcceab61a913ea7cf6001d5e46",
    "Apache-2.0": "1fa9277c74ddae95c31fe60efb80c895be5a604011b511cc1f51688bd1e83542",
    "BSD-3-Clause": "67d7acf77e038c051e42ddbfb1f8099a69f5814a6d58e1d64341c01570bdf33b",
    "GPL-3.0": "3972dc9744f6499f0f9b2dbf76696f2ae7ad8af9b23dde66d6af86c9dfb36986",
    "proprietary": "2324e2b3b9779bb36d2cf3294b944e19c21da836b20a457855a75287af0e2b64",
}


def blocks(text: str) -> Iterator[str]:
    """Find the lines with Jinja that is more than a value."""
    return (line for line in text.splitlines() if re.search(r"\{%|\{#", line))


class TestSources:
    def test_projects_update_with_the_copier_that_is_tested(self, template: Template) -> None:
        assert f"copier=={version('copier')} " in template.texts["tasks/template.py"]

    def test_jinja_is_rare(self, template: Template) -> None:
        code = {path: text for path, text in template.texts.items() if not path.endswith(".csv")}
        total = sum(len(text.splitlines()) for text in code.values())
        jinja = {path: len(list(blocks(text))) for path, text in code.items()}
        assert sum(jinja.values()) < 0.02 * total, jinja

    def test_python_is_plain(self, template: Template) -> None:
        """Tests may name the package that they import, and nothing else is rendered."""
        for path, text in template.texts.items():
            if path.endswith(".py.jinja"):
                assert set(re.findall(r"\{\{.*?\}\}", text)) <= {"{{ package_name }}"}, path
                assert not list(blocks(text)), path

    def test_the_suffix_says_what_is_rendered(self, template: Template) -> None:
        answer = re.compile(rf"\{{[{{%] ?(_copier|{'|'.join(QUESTIONS)})")
        for path, text in template.texts.items():
            if path.endswith(".jinja"):
                assert re.search(r"\{[{%#]", text), f"{path} has nothing to render"
            else:
                assert not answer.search(text), f"{path} is not rendered without the suffix"

    def test_data_is_what_scikit_learn_ships(self) -> None:
        for problem in PROBLEMS:
            for name, text in render_sample(problem).items():
                path = sample_path(problem, name)
                assert path.read_bytes().decode() == text, f"run {Path('tests/sample_data.py')}"


class TestLicense:
    def test_every_text_belongs_to_a_choice(self) -> None:
        assert {path.name for path in (ROOT / "licenses").iterdir()} == set(choices("license"))

    @pytest.mark.parametrize("license", choices("license"))
    def test_text_is_complete(self, license: str, render: Render) -> None:  # noqa: A002
        text = render(license=license, author_name="Ada").texts["LICENSE"]
        assert hashlib.sha256(text.encode()).hexdigest() == LICENSES[license]


class TestReleases:
    WORKFLOW = yaml.safe_load((ROOT / ".github/workflows/release.yml").read_text("utf-8"))

    def steps(self, job: str) -> list[str]:
        """The commands of a job of the workflow."""
        return [step["run"] for step in self.WORKFLOW["jobs"][job]["steps"] if "run" in step]

    @pytest.fixture
    def clone(self, tmp_path: Path) -> Path:
        run("git", "clone", "--quiet", "--no-tags", ROOT, "clone", cwd=tmp_path)
        for name in ("pyproject.toml", "CHANGELOG.md"):
            shutil.copy(ROOT / name, tmp_path / "clone")
        return tmp_path / "clone"

    def test_bump_takes_the_news(self, clone: Path, tmp_path: Path) -> None:
        changelog = clone / "CHANGELOG.md"
        text = changelog.read_text("utf-8")
        if "## Unreleased" not in text:
            text = text.replace("\n## ", "\n## Unreleased\n\nNews.\n\n## ", 1)
        changelog.write_text(text, "utf-8")
        run("git", "commit", "--quiet", "--all", "--allow-empty", "--message=feat: x", cwd=clone)
        run("git", "tag", *list(RELEASES.items())[-1], cwd=clone)
        run("cz", "bump", "--yes", cwd=clone)
        assert not run("git", "status", "--porcelain", cwd=clone)
        [find], [news, _] = self.steps("find"), self.steps("release")
        output = tmp_path / "output"
        run("bash", "-e", "-c", find, cwd=clone, GITHUB_OUTPUT=str(output))
        version = output.read_text().strip().removeprefix("version=")
        assert f"v{version}" not in RELEASES
        assert f"v{version}" in run("git", "tag", cwd=clone).split()
        run("bash", "-e", "-c", news, cwd=clone, VERSION=version, RUNNER_TEMP=str(tmp_path))
        after = text.split("## Unreleased\n")[1].split("\n## ")[0]
        assert (tmp_path / "news.md").read_text("utf-8").strip() == after.strip()

    def test_bump_without_news_fails(self, clone: Path) -> None:
        changelog = clone / "CHANGELOG.md"
        text = changelog.read_text("utf-8").replace("## Unreleased", "## Old")
        changelog.write_text(text, "utf-8")
        run("git", "commit", "--quiet", "--all", "--allow-empty", "--message=feat: x", cwd=clone)
        run("cz", "bump", "--yes", cwd=clone, code=26)
        assert "bump:" not in run("git", "log", "-1", "--format=%s", cwd=clone)

    def test_another_commit_is_no_release(self, clone: Path, tmp_path: Path) -> None:
        run("git", "commit", "--quiet", "--allow-empty", "--message=feat: x", cwd=clone)
        output = tmp_path / "output"
        run("bash", "-e", "-c", *self.steps("find"), cwd=clone, GITHUB_OUTPUT=str(output))
        assert output.read_text() == ""

    def test_each_has_its_news(self, tmp_path: Path) -> None:
        for tag in RELEASES:
            news = self.steps("release")[0]
            run("bash", "-e", "-c", news, cwd=ROOT, VERSION=tag[1:], RUNNER_TEMP=str(tmp_path))

"""Updates: from each release to the working tree, whatever users did to their projects."""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import jinja2
import pytest
import yaml
from copier.errors import UnsafeTemplateError, UserMessageError
from edits import Edit, apply, campaigns, check_nothing_lost
from harness import (
    ANSWERS_FILE,
    QUESTIONS,
    ROOT,
    SETTINGS,
    Answers,
    Project,
    Workspace,
    choices,
    find_changes,
    run,
)
from hypothesis import given
from hypothesis import strategies as st
from omegaconf import OmegaConf
from releases import RELEASES, TREE, Adopted, History
from variants import VALUES

pytestmark = pytest.mark.update

ANSWERS: Final[list[Answers]] = [
    {key: values[row % len(values)] for key, values in VALUES.items()} for row in range(5)
]
"""Every choice at least once."""

NEXT: Final = "v1001.0.0"
"""The tag of a version to come, which deletes, renames, adds and edits files."""
GONE: Final = ["MLproject", "notebooks/exploration.ipynb", "src/{{ package_name }}/core/drift.py"]
RENAMED: Final = ["tasks/packages.py", "tasks/wheels.py"]

MOVED: Final = "v1002.0.0"
"""The tag of a version to come, which needs a migration."""


CONFS: Final = [
    "training",
    "tuning",
    "evaluations",
    "promotion",
    "inference",
    "explanations",
    "monitoring",
]
"""Those that name what jobs share."""
REMOVED: Final = ("tasks/data/", "tests/tasks/test_data.py")
"""What 0.6.0 removes."""
CHANGED: Final = ["data/adoption.json"]
"""What the migrations of starters change beside confs."""


def sort(version: str) -> list[int]:
    """Give what versions are sorted by."""
    return [int(number) for number in version.removeprefix("v").split(".")]


def retire(source: Path, paths: list[str]) -> None:
    """List paths that the template no longer renders."""
    config = source / "copier.yml"
    items = "".join(f'\n  - "/{path}"' for path in paths)
    text, count = re.subn(
        r"^_exclude: &retired( \[\])?$",
        f"_exclude: &retired{items}",
        config.read_text(),
        flags=re.M,
    )
    assert count == 1
    config.write_text(text)


def find_source(source: Path, path: str) -> Path:
    """Find the file of the template that is rendered as a path."""
    name = path.replace("{{ package_name }}", "{{package_name}}")
    [found] = [
        p for p in (source / f"template/{name}{end}" for end in ("", ".jinja")) if p.exists()
    ]
    return found


def change_much(source: Path) -> None:
    """Delete, rename, add and edit files of the template; the retired list is left as it is."""
    for gone in GONE:
        find_source(source, gone).unlink()
    old, new = (source / "template" / path for path in RENAMED)
    shutil.move(old, new)
    files = sorted(path for path in source.joinpath("template").rglob("*") if path.is_file())
    for number, path in enumerate(files):
        if number % 2 and "answers_file" not in path.name:
            lines = path.read_bytes().splitlines(keepends=True)
            place = len(lines) // (2 + number % 3)
            path.write_bytes(b"".join([*lines[:place], b"next version\n", *lines[place:]]))
    (source / "template/confs/mine_0.txt").write_text("next version\n")
    with (source / "copier.yml").open("a") as config:
        config.write("\nservice:\n  type: str\n  default: none\n")


def release_next(folder: Path, *, retired: bool) -> History:
    """Make the next version, with or without the paths that it no longer renders in the list."""
    history = History(folder)

    def change(source: Path) -> None:
        change_much(source)
        if retired:
            retire(source, [*GONE, RENAMED[0]])

    history.release(NEXT, change)
    return history


@pytest.fixture(scope="session")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return release_next(tmp_path_factory.mktemp("history") / "next", retired=True)


@pytest.fixture
def start(history: History, tmp_path: Path) -> Callable[..., Adopted]:
    """Render a project with a version of the template, and commit it."""

    def start(
        version: str = TREE, answers: Answers | None = None, name: str = "project"
    ) -> Adopted:
        return history.start(tmp_path / name, version, answers or ANSWERS[0])

    return start


def find_retired(project: Project) -> set[str]:
    """List the paths that an update leaves to the user, by the name that they have in a project."""
    render = jinja2.Environment(autoescape=False).from_string  # noqa: S701
    return {render(path).render(project.answers)[1:] for path in SETTINGS["_exclude"]}


def find_removed(project: Project) -> set[str]:
    """List the files that a migration removes, as long as nobody edited them."""
    return {path for path in project.content if path.startswith(REMOVED)}


def check_fresh(project: Adopted, fresh: Project) -> None:
    """Check that a project is as it would be rendered today, but for what was retired."""
    content = project.now().content
    extra = content.keys() - fresh.content.keys()
    assert extra <= find_retired(fresh), "the template leaves files behind: retire them"
    assert find_changes(content, fresh.content) <= extra


@pytest.mark.parametrize("version", RELEASES)
@pytest.mark.parametrize("answers", ANSWERS, ids=lambda answers: answers["license"])
class TestFromEachRelease:
    def test_untouched_project_is_as_fresh(
        self, version: str, answers: Answers, history: History, start: Callable[..., Adopted]
    ) -> None:
        project = start(version, answers)
        outcome = project.update()
        assert outcome.deleted == find_removed(project), "the template deletes files: retire them"
        assert not outcome.conflicts
        fresh = history.render(answers, TREE)
        check_fresh(project, fresh)
        starters = {path for path in project.content if path.startswith(("confs/", "data/"))}
        if sort(version) < max(sort(str(each["version"])) for each in SETTINGS["_migrations"]):
            starters -= {*CHANGED, *(path for path in starters if path.startswith("confs/"))}
        for path in {*starters, f"src/{project.package}/core/schemas.py"}:
            assert project.content[path] == fresh.content[path], "users have made it their own"
        remembered = {**project.answers, "_commit": TREE}
        assert {key: project.now().answers[key] for key in remembered} == remembered

    def test_a_marker_in_every_file_is_kept(
        self, version: str, answers: Answers, start: Callable[..., Adopted]
    ) -> None:
        project = start(version, answers)
        work = apply([Edit("insert", path, 0.5, "") for path in project.content], project)
        assert len(work.lines) == len(project.content)
        check_nothing_lost(project, work, project.update(), removed=find_removed(project))


@pytest.mark.parametrize("answers", ANSWERS[:4], ids=lambda answers: answers["license"])
class TestCampaign:
    """Random edits, answers that change, one or two hops."""

    SWITCHES: Final = st.fixed_dictionaries(
        {},
        optional={
            key: st.sampled_from(choices(key))
            for key in ("ci", "problem", "license", "python_version")
        },
    )

    @given(data=st.data())
    def test_nothing_is_lost(self, answers: Answers, data: st.DataObject, history: History) -> None:
        version = data.draw(st.sampled_from([*RELEASES, TREE]), label="version")
        with tempfile.TemporaryDirectory() as folder:
            project = history.start(Path(folder, "project"), version, answers)
            edits = data.draw(campaigns(project.content), label="edits")
            switches = data.draw(st.one_of(st.just({}), self.SWITCHES), label="switches")
            hops = [TREE, NEXT] if data.draw(st.booleans(), label="two hops") else [NEXT]
            work = apply(edits, project)
            for hop in hops:
                outcome = project.update(hop, switches)
                removed = find_removed(project)
                check_nothing_lost(project, work, outcome, switched=bool(switches), removed=removed)
                work.forget(outcome.deleted)
                project.commit()


class TestHops:
    @pytest.mark.parametrize("version", RELEASES)
    @pytest.mark.parametrize("answers", ANSWERS[:2], ids=lambda answers: answers["license"])
    def test_two_are_as_one(
        self, version: str, answers: Answers, start: Callable[..., Adopted]
    ) -> None:
        direct, by_the_way = (start(version, answers, name) for name in ("direct", "by_the_way"))
        for project in (direct, by_the_way):
            apply([Edit("insert", path, 1.0, "") for path in sorted(project.content)[::9]], project)
        direct.update(NEXT)
        by_the_way.update(TREE)
        by_the_way.commit()
        by_the_way.update(NEXT)
        # A file that the template gives up stays as the last version that had it left it.
        gone = [*GONE, RENAMED[0]]
        kept = {path.replace("{{ package_name }}", direct.package) for path in gone}
        assert find_changes(direct.now().texts, by_the_way.now().texts) <= kept


class TestNextVersion:
    """What the policy is for: a template that deletes, renames and edits."""

    def test_retired_files_are_kept_and_named(self, start: Callable[..., Adopted]) -> None:
        project = start()
        project.path.joinpath("MLproject").unlink()
        work = apply([Edit("insert", path, 0.5, "") for path in project.content], project)
        outcome = project.update(NEXT)
        check_nothing_lost(project, work, outcome)
        kept = [path.replace("{{ package_name }}", project.package) for path in GONE[1:]]
        named = outcome.message[outcome.message.index("no longer has these files") :].split()
        for path in [*kept, RENAMED[0]]:
            assert path in named
            assert (project.path / path).exists()
        assert "MLproject" not in named

    def test_what_is_not_retired_is_lost(self, tmp_path: Path) -> None:
        """The gate itself: a path that is missing in the list makes the tier fail."""
        history = release_next(tmp_path / "next", retired=False)
        project = history.start(tmp_path / "project", TREE, ANSWERS[0])
        work = apply([Edit("insert", path, 0.5, "") for path in project.content], project)
        outcome = project.update(NEXT)
        with pytest.raises(AssertionError, match="files were deleted"):
            check_nothing_lost(project, work, outcome)
        gone = {path.replace("{{ package_name }}", project.package) for path in GONE}
        assert outcome.deleted == {*gone, RENAMED[0]}

    def test_new_question_has_its_default(self, start: Callable[..., Adopted]) -> None:
        project = start()
        project.update(NEXT)
        assert project.now().answers == {**project.answers, "_commit": NEXT, "service": "none"}

    def test_file_that_both_add_is_a_conflict(self, start: Callable[..., Adopted]) -> None:
        project = start()
        project.path.joinpath("confs/mine_0.txt").write_text("# mine 0\n")
        project.commit()
        assert project.update(NEXT).conflicts == {"confs/mine_0.txt"}
        text = project.path.joinpath("confs/mine_0.txt").read_text()
        assert "# mine 0\n" in text
        assert "next version\n" in text


class TestMessage:
    def test_says_what_to_do(self, start: Callable[..., Adopted]) -> None:
        said = start(next(iter(RELEASES))).update().message
        for command in ("git status", "uv sync", "uv run inv checks", "git reset --hard"):
            assert command in said
        assert TREE in said
        assert "no longer has" not in said or SETTINGS["_exclude"]

    def test_tells_how_to_undo(self, start: Callable[..., Adopted]) -> None:
        project = start()
        apply([Edit("insert", "README.md", 0.5, "")], project)
        before = project.now().texts
        said = project.update(NEXT).message
        [undo] = re.findall(r"To undo the update instead: (.+)", said)
        run("bash", "-c", undo, cwd=project.path)
        assert not find_changes(before, project.now().texts)
        assert not project.git("status", "--porcelain")


class TestQuestions:
    @pytest.mark.parametrize("version", RELEASES)
    def test_no_question_or_choice_is_taken_away(self, version: str, history: History) -> None:
        text = run("git", "show", f"{version}:copier.yml", cwd=history.source)
        renamed = {key for key in QUESTIONS if "| default(" in str(QUESTIONS[key].get("default"))}
        for key, question in yaml.safe_load(text).items():
            if key.startswith("_") or question.get("when") is False:
                continue
            now = QUESTIONS.get(key)
            assert now or any(key in QUESTIONS[other]["default"] for other in renamed), key
            if now and "choices" in question:
                offered = question["choices"]
                values = offered.values() if isinstance(offered, dict) else offered
                assert set(values) <= set(choices(key)), key

    def test_renamed_question_keeps_its_answer(
        self, history: History, start: Callable[..., Adopted], tmp_path: Path
    ) -> None:
        def rename(source: Path) -> None:
            for path in [source / "copier.yml", *source.joinpath("template").rglob("*.jinja")]:
                if path.is_file():
                    path.write_text(path.read_text().replace("author_email", "contact"))
            config = source / "copier.yml"
            default = "    Write one e-mail address"
            text = config.read_text()
            head, tail = text.split("\ncontact:\n")
            tail = tail.replace(
                'default: ""', """default: "{{ author_email | default('') }}\"""", 1
            )
            assert default in tail
            config.write_text(f"{head}\ncontact:\n{tail}")

        newer = History(tmp_path / "renamed")
        newer.release(NEXT, rename)
        project = newer.start(tmp_path / "project", TREE, {"author_email": "ada@example.org"})
        project.update(NEXT)
        assert project.now().answers["contact"] == "ada@example.org"
        assert "ada@example.org" in project.now().texts["pyproject.toml"]

    def test_package_name_is_frozen(self, start: Callable[..., Adopted]) -> None:
        project = start()
        with pytest.raises(ValueError, match="Keep the name of the package"):
            project.update(NEXT, {"package_name": "other_name"})
        assert not project.git("status", "--porcelain")

    @pytest.mark.parametrize("key", ["package_name", "repository_host", "repository_owner"])
    def test_identity_is_asked_once(self, key: str) -> None:
        assert QUESTIONS[key]["ask"] == f"{{{{ {key} is undefined }}}}"

    def test_package_can_be_renamed_as_documented(
        self, history: History, start: Callable[..., Adopted]
    ) -> None:
        project = start()
        apply([Edit("insert", f"src/{project.package}/settings.py", 1, "")], project)
        run("uv", "lock", "--quiet", cwd=project.path)
        project.commit()
        run_page("Rename the package", project)
        project.commit()
        assert 'name = "sales-forecasts"' in project.now().texts["uv.lock"]
        outcome = project.update(NEXT)
        edited = "src/sales_forecasts/settings.py"
        assert not outcome.conflicts
        assert "# mine 0" in project.now().texts[edited]
        fresh = history.render({**ANSWERS[0], "package_name": "sales_forecasts"}, NEXT).content
        ours = project.now().content
        assert {path for path in fresh if ours[path] != fresh[path]} == {edited}


class TestAnswersThatChange:
    @pytest.mark.parametrize(
        ("key", "value"), [(key, value) for key in ("ci", "problem") for value in choices(key)]
    )
    def test_untouched_project_is_as_fresh(
        self, key: str, value: str, history: History, start: Callable[..., Adopted]
    ) -> None:
        project = start()
        outcome = project.update(TREE, {key: value})
        assert not outcome.conflicts
        fresh = history.render({**ANSWERS[0], key: value}, TREE)
        assert not find_changes(project.now().content, fresh.content)

    def test_edits_of_what_is_switched_off_are_in_git(self, start: Callable[..., Adopted]) -> None:
        """A limit of copier: it deletes them; the message says how to bring them back."""
        project = start()
        path = ".github/workflows/check.yml"
        work = apply([Edit("insert", path, 0.5, "")], project)
        outcome = project.update(TREE, {"ci": "gitlab"})
        assert path in outcome.deleted
        check_nothing_lost(project, work, outcome, switched=True)
        assert "git checkout HEAD -- PATH" in outcome.message
        project.git("checkout", "HEAD", "--", path)
        assert "# mine 0" in project.now().texts[path]


MIGRATIONS: Final = """\
_migrations:
  - version: v1002.0.0
    when: "{{ _stage == 'before' }}"
    command:
      - uv
      - run
      - "{{ _copier_conf.src_path }}/hooks/rename_key.py"
      - "*.splitter.test_size"
      - share
  - version: v1002.0.0
    when: "{{ _stage == 'before' }}"
    command:
      - uv
      - run
      - "{{ _copier_conf.src_path }}/hooks/rename_task.py"
      - packages.build
      - packages.wheel
  - version: v1002.0.0
    when: true
    command:
      - uv
      - run
      - "{{ _copier_conf.src_path }}/hooks/move_module.py"
      - src/{package_name}/core/plots.py
      - src/{package_name}/core/charts.py
"""


def change_names(source: Path) -> None:
    """Rename a module, a key of confs and a task, with migrations for those who use them."""
    config = source / "copier.yml"
    config.write_text(config.read_text().replace("_migrations:\n", MIGRATIONS))
    core = source / "template/src/{{package_name}}/core"
    core.joinpath("plots.py").rename(core / "charts.py")
    for path in [p for p in source.joinpath("template").rglob("*") if p.is_file()]:
        text = path.read_bytes().decode()
        if "src" in path.parts or "tests" in path.parts:
            text = re.sub(r"\bplots\b", "charts", text)
        text = text.replace("packages.build", "packages.wheel")
        if "confs" in path.parts:
            text = text.replace("test_size:", "share:")
        path.write_bytes(text.encode())
    charts = core / "charts.py"
    charts.write_text(charts.read_text() + "\n# next version\n")


MINE: Final = {
    "confs/mine.yaml": """\
# mine: as test_size was
job:
    # mine: a fifth
    splitter:   # mine
        KIND: RandomSplitter
        test_size:   0.2   # mine: test_size
    note: {test_size: 1}
""",
    "confs/broken.yaml": "job: [\n",
    "Makefile": "all:\n\tuv run inv checks packages.build packages.builder # packages.build\n",
    "notes.md": "We use packages.build daily.\n",
    "src/demand_forecasts/jobs/mine.py": """\
from demand_forecasts.core import plots as drawing

from ..core import models, plots
from ..core.plots import plot_importances

drawn = [plots.plot_importances, drawing.MAX_POINTS, plot_importances, models]
""",
}


@pytest.fixture(scope="session")
def renaming(tmp_path_factory: pytest.TempPathFactory) -> History:
    history = History(tmp_path_factory.mktemp("renaming"))
    history.release(MOVED, change_names)
    return history


class TestMigrations:
    """What users did is in the way of what the template renames."""

    @pytest.fixture
    def project(self, renaming: History, tmp_path: Path) -> Adopted:
        project = renaming.start(tmp_path / "project", TREE, ANSWERS[0])
        for path, text in MINE.items():
            project.path.joinpath(path).write_text(text)
        apply([Edit("insert", "src/demand_forecasts/core/plots.py", 0.5, "")], project)
        apply([Edit("insert", "confs/data.yaml", 1.0, "")], project)
        return Adopted(project.path)

    def test_names_follow(self, project: Adopted, renaming: History) -> None:
        outcome = project.update(MOVED)
        assert not outcome.conflicts
        now = project.now().texts
        assert now["confs/mine.yaml"] == MINE["confs/mine.yaml"].replace(
            "test_size:   ", "share:   "
        )
        assert now["confs/broken.yaml"] == MINE["confs/broken.yaml"]
        assert "share: 0.2," in now["confs/data.yaml"]
        assert "\n# mine 0" in now["confs/data.yaml"]
        wheel = "checks packages.wheel packages.builder # packages.wheel\n"
        assert now["Makefile"] == f"all:\n\tuv run inv {wheel}"
        assert now["notes.md"] == MINE["notes.md"]
        moved = re.sub(r"\bplots\b", "charts", MINE["src/demand_forecasts/jobs/mine.py"])
        assert now["src/demand_forecasts/jobs/mine.py"] == moved
        charts = now["src/demand_forecasts/core/charts.py"]
        assert charts.endswith("# next version\n")
        assert "\n# mine 0" in charts
        assert "src/demand_forecasts/core/plots.py" not in now
        fresh = renaming.render(ANSWERS[0], MOVED).content
        edited = {"confs/data.yaml", "src/demand_forecasts/core/charts.py"}
        assert {path for path in fresh if now[path] != fresh[path]} == edited

    def test_a_line_that_the_template_has_too_follows(self, project: Adopted) -> None:
        path = "src/demand_forecasts/jobs/monitoring.py"
        lines = [
            "",
            "def mine() -> object:",
            "    from ..core import plots",
            "    return plots.X",
            "",
        ]
        mine = "\n".join(lines)
        with (project.path / path).open("a") as file:
            file.write(mine)
        project.commit()
        assert not project.update(MOVED).conflicts
        assert project.now().texts[path].endswith(mine.replace("plots", "charts"))

    def test_a_module_that_both_changed_is_a_conflict(self, project: Adopted) -> None:
        apply([Edit("insert", "src/demand_forecasts/core/plots.py", 1.0, "")], project)
        moved = "src/demand_forecasts/core/charts.py"
        assert project.update(MOVED).conflicts == {moved}
        text = project.now().texts[moved]
        assert "<<<<<<< before updating\n# mine 0" in text.replace("\n\n", "\n")
        assert ">>>>>>> after updating" in text

    def test_without_trust_nothing_changes(self, project: Adopted) -> None:
        with pytest.raises(UnsafeTemplateError, match="--trust"):
            project.update(MOVED, trust=False)
        assert not project.git("status", "--porcelain")
        assert not find_changes(project.texts, project.now().texts)

    def test_only_those_who_cross_it_are_asked(self, renaming: History, tmp_path: Path) -> None:
        project = renaming.start(tmp_path / "project", MOVED, ANSWERS[0])
        renaming.release("v1003.0.0", lambda _: None)
        assert not project.update("v1003.0.0", trust=False).conflicts

    def test_twice_is_as_once(self, project: Adopted, renaming: History) -> None:
        project.update(MOVED)
        project.commit()
        before = project.now().texts
        hooks = renaming.source / "hooks"
        old, new = (f"src/{{package_name}}/core/{name}.py" for name in ("plots", "charts"))
        commands = [
            ["rename_key.py", "job.splitter.test_size", "share"],
            ["rename_task.py", "packages.build", "packages.wheel"],
            ["move_module.py", old, new],
        ]
        for name, *arguments in commands:
            for stage in ("before", "after"):
                command = ["uv", "run", "--quiet", str(hooks / name), *arguments]
                run(*command, cwd=project.path, STAGE=stage, VERSION_FROM=TREE)
        assert not find_changes(before, project.now().texts)

    def test_key_that_is_there_already_is_left(self, project: Adopted, renaming: History) -> None:
        text = "job: {splitter: {test_size: 1, share: 2}}\n"
        project.path.joinpath("confs/mine.yaml").write_text(text)
        project.commit()
        script = renaming.source / "hooks/rename_key.py"
        said = run("uv", "run", script, "job.splitter.test_size", "share", cwd=project.path)
        assert "confs/mine.yaml: rename job.splitter.test_size to share by hand: line 1 has" in said
        assert "confs/broken.yaml: rename" in said
        assert project.path.joinpath("confs/mine.yaml").read_text() == text

    def test_keys_of_each_item_of_a_list(self, project: Adopted, renaming: History) -> None:
        script = renaming.source / "hooks/rename_key.py"
        run("uv", "run", script, "data.metrics.*.name", "metric", cwd=project.path)
        assert "metric: r2" in project.now().texts["confs/data.yaml"]
        assert "name:" not in project.now().texts["confs/data.yaml"]


class TestSharedData:
    """From 0.6.0 on, what jobs share is in confs/data.yaml: the confs of older projects follow."""

    LAST: Final = [version for version in RELEASES if sort(version) < [0, 6, 0]][-1]
    EDITS: Final = {
        "training": [
            ("data/training.csv", "data/mine.csv"),
            ("{KIND: GradientBoostingModel}", "{KIND: RandomForestModel} # mine: a forest"),
            ("test_size: 0.2", "test_size: 0.3"),
        ],
        "tuning": [("data/training.csv", "data/mine.csv"), ("folds: 4", "folds: 7")],
        "evaluations": [
            ("data/training.csv", "data/mine.csv"),
            ("at_least: 0.2", "at_least: 4e-1"),
            ("  metrics:\n", "  metrics:\n    # mine: all\n"),
        ],
        "promotion": [
            (
                "job:\n  KIND: PromotionJob\n  metric: r2\n  min_gain: 0\n",
                "job: {KIND: PromotionJob, metric: r2, min_gain: 1e-2}\n",
            )
        ],
        "inference": [("{KIND: CSV", "{KIND: CSV"), ("job:\n", "# mine: a job\njob:\n")],
    }

    @pytest.fixture
    def project(self, start: Callable[..., Adopted]) -> Adopted:
        project = start(self.LAST)
        for name, edits in self.EDITS.items():
            path = project.path / f"confs/{name}.yaml"
            text = path.read_text()
            for old, new in edits:
                assert old in text
                text = text.replace(old, new)
            path.write_text(text)
        project.path.joinpath("confs/explanations.yaml").unlink()
        project.path.joinpath("confs/monitoring.yaml").write_bytes(b"job:\r\n  KIND: [\r\n")
        project.commit()
        return Adopted(project.path)

    def test_what_was_edited(self, project: Adopted, history: History) -> None:
        outcome = project.update()
        assert not outcome.conflicts
        assert outcome.deleted == find_removed(project)
        now, fresh = project.now(), history.render(ANSWERS[0], TREE)
        shared = fresh.load("confs/data.yaml")["data"]
        shared["training"]["path"] = "data/mine.csv"
        shared["splitter"]["test_size"] = 0.3
        shared["folds"]["folds"] = 7
        shared["thresholds"][0]["at_least"] = 0.4
        assert now.load("confs/data.yaml")["data"] == shared
        texts = {name: fresh.texts[f"confs/{name}.yaml"] for name in self.EDITS}
        texts["training"] = texts["training"].replace(*self.EDITS["training"][1])
        # Tuning held other rows out, and still does.
        splitter = "splitter: {KIND: RandomSplitter, test_size: 0.2, random_state: 0}"
        texts["tuning"] = texts["tuning"].replace("splitter: ${data.splitter}", splitter)
        texts["evaluations"] = texts["evaluations"].replace(
            "metrics: ${data.metrics}",
            "metrics:\n    # mine: all\n    - {KIND: RegressionMetric, name: r2}\n"
            "    - {KIND: RegressionMetric, name: mean_absolute_error}\n"
            "    - {KIND: RegressionMetric, name: root_mean_squared_error}",
        )
        flow = 'job: {KIND: PromotionJob, metric: "${data.metrics[0].name}", min_gain: 1e-2}\n'
        head = fresh.texts["confs/promotion.yaml"].partition("job:")[0]
        texts["promotion"] = head + flow
        texts["inference"] = texts["inference"].replace(
            "include: data.yaml\n", "# mine: a job\ninclude: data.yaml\n"
        )
        assert {name: now.texts[f"confs/{name}.yaml"] for name in texts} == texts
        assert "confs/explanations.yaml" not in now.texts
        assert not project.paths("diff", "--name-only", "--cached")
        assert now.texts["confs/monitoring.yaml"] == "job:\n  KIND: [\n"
        # The next adoption asks before it overwrites what is not as it was written.
        known = now.load("data/adoption.json")["files"]["confs/data.yaml"]
        assert known != hashlib.sha256(now.texts["confs/data.yaml"].encode()).hexdigest()
        assert now.texts["data/adoption.json"] == fresh.texts["data/adoption.json"]

    def test_without_trust_nothing_changes(self, project: Adopted) -> None:
        with pytest.raises(UnsafeTemplateError, match="--trust"):
            project.update(trust=False)
        assert not project.git("status", "--porcelain")

    def test_jobs_are_as_before(self, project: Adopted) -> None:
        def resolve(texts: dict[str, str], name: str) -> Any:
            conf: Any = OmegaConf.create(texts[f"confs/{name}.yaml"])
            if "include" in conf:
                conf = OmegaConf.merge(conf, OmegaConf.create(texts["confs/data.yaml"]))
            resolved: Any = OmegaConf.to_container(OmegaConf.create(conf), resolve=True)
            return resolved["job"]

        before = {name: resolve(project.texts, name) for name in self.EDITS}
        before["training"]["metrics"] = before["evaluations"]["metrics"]
        project.update()
        assert {name: resolve(project.now().texts, name) for name in self.EDITS} == before

    @pytest.mark.full
    def test_adopted_project(self, start: Callable[..., Adopted], tmp_path: Path) -> None:
        project = start(self.LAST)
        workspace = Workspace(project.path).install()
        sales = tmp_path / "sales.csv"
        rows = [f"{row};{row % 7},5;{'ab'[row % 2]};{row % 7 * 2 + row % 2}" for row in range(300)]
        sales.write_text("\n".join(["sale;weight;kind;price", *rows]))
        adopt = ["inv", "data.adopt", f"--path={sales}", "--target=price", "--no-prove"]
        workspace.uv(*adopt)
        conf = project.path / "confs/evaluations.yaml"
        conf.write_text(conf.read_text().replace("at_least: 0.0", "at_least: 0.9"))
        project.commit()
        assert not project.update().conflicts
        workspace.run("uv", "sync", "--quiet")
        project.commit()
        confs = {path.stem: path.read_text() for path in project.path.glob("confs/*.yaml")}
        shared = yaml.safe_load(confs["data"])["data"]
        assert shared["training"] == {"KIND": "ParquetReader", "path": "data/training.parquet"}
        assert shared["thresholds"] == [{"metric": "r2", "at_least": 0.9}]
        for name in CONFS:
            assert "ParquetReader, path: data" not in confs[name]
        assert "Version 1 is the champion" in workspace.uv("inv", "projects")
        assert "You have edited confs/data.yaml" in workspace.uv(*adopt, code=2)
        workspace.uv(*adopt, "--discard-edits")
        workspace.uv(*adopt)
        assert project.git("diff", "--name-only", "HEAD", "--", "confs").split() == [
            "confs/data.yaml"
        ]


class TestRemovedFiles:
    """From 0.6.0 on, adoption is a tool beside the template."""

    def test_what_was_edited_is_put_aside(self, start: Callable[..., Adopted]) -> None:
        project = start(TestSharedData.LAST)
        edited = project.path / "tasks/data/columns.py"
        mine = f"{edited.read_text()}# mine\n"
        edited.write_text(mine)
        for path in ("tasks/data/errors.py", "tests/tasks/test_data.py"):
            file = project.path / path
            file.write_bytes(file.read_bytes().replace(b"\n", b"\r\n"))
        project.path.joinpath("tasks/data/plan.py").unlink()
        for own in ("own.py", "columns.py.old"):
            project.path.joinpath("tasks/data", own).write_text("# mine\n")
        project.commit()
        outcome = project.update()
        assert not outcome.conflicts
        assert outcome.deleted == find_removed(project) - {"tasks/data/plan.py"}
        now = project.now().texts
        assert {path for path in now if path.startswith(REMOVED)} == {
            "tasks/data/columns.py.old",
            "tasks/data/columns.py.old2",
            "tasks/data/own.py",
        }
        assert now["tasks/data/columns.py.old"] == "# mine\n"
        assert now["tasks/data/columns.py.old2"] == mine


class TestAdoption:
    """A repository that has nothing of the template comes under it."""

    OWN: Final = {
        "README.md": "# mine 0\n\nWhat we sell.\n",
        "pyproject.toml": "# mine 1\n[project]\nname = 'demand-forecasts'\n",
        "src/demand_forecasts/__init__.py": '"""# mine 2."""\n# mine 2\n',
        "src/demand_forecasts/legacy.py": "# mine 3\n",
        "tests/test_legacy.py": "# mine 4\n",
    }

    def check_kept(self, project: Adopted) -> None:
        """Check that each line of the repository's own is in its file."""
        now = project.now().texts
        for path, text in self.OWN.items():
            assert set(text.splitlines()) <= set(now[path].splitlines()), path

    def test_as_documented(self, history: History, tmp_path: Path) -> None:
        project = Adopted(tmp_path / "project")
        for path, text in self.OWN.items():
            project.path.joinpath(path).parent.mkdir(parents=True, exist_ok=True)
            project.path.joinpath(path).write_text(text)
        project.git("init", "--quiet", "--initial-branch=main")
        project.commit()
        options = f"--vcs-ref={TREE} --defaults --quiet --data project_name='Demand Forecasts'"
        run_page("Adopt an existing repository", project, f"{options} {history.source}")
        assert not find_changes(self.OWN, project.now().texts)
        run("git", "merge", "--allow-unrelated-histories", "template", cwd=project.path, code=1)
        both = {"README.md", "pyproject.toml", "src/demand_forecasts/__init__.py"}
        assert project.paths("diff", "--name-only", "--diff-filter=U") == both
        self.check_kept(project)
        project.commit()
        outcome = project.update(NEXT)
        assert outcome.conflicts <= both
        assert not outcome.deleted
        self.check_kept(project)


class TestLimits:
    """What copier cannot do, as docs/updates.md tells it."""

    def test_answers_file_is_written_anew(self, start: Callable[..., Adopted]) -> None:
        project = start()
        with project.path.joinpath(ANSWERS_FILE).open("a") as file:
            file.write("# mine\n")
        project.commit()
        project.update(NEXT)
        assert "# mine" not in project.now().texts[ANSWERS_FILE]

    def test_ignored_file_is_overwritten(self, start: Callable[..., Adopted]) -> None:
        project = start()
        with project.path.joinpath(".gitignore").open("a") as file:
            file.write("/confs/mine_0.txt\n")
        project.commit()
        project.path.joinpath("confs/mine_0.txt").write_text("# mine\n")
        project.update(NEXT)
        assert project.path.joinpath("confs/mine_0.txt").read_text() == "next version\n"

    def test_uncommitted_work_is_refused(self, start: Callable[..., Adopted]) -> None:
        project = start()
        project.path.joinpath("README.md").write_text("# mine\n")
        with pytest.raises(UserMessageError, match="dirty"):
            project.update(NEXT)
        assert project.path.joinpath("README.md").read_text() == "# mine\n"

    def test_the_template_has_no_binary_files(self) -> None:
        """A user's change of one would be lost in silence."""
        listing = run("git", "ls-files", "--eol", "template", cwd=ROOT)
        assert listing
        assert [line for line in listing.splitlines() if line.startswith("i/-text")] == []


PROBLEMS: Final = list(choices("problem"))
JOURNEYS: Final = [
    (version, problem)
    for place, version in enumerate(RELEASES)
    for problem in PROBLEMS
    # Of the newest release both, of those before it one in turn.
    if version == list(RELEASES)[-1] or problem == PROBLEMS[place % len(PROBLEMS)]
]


@pytest.mark.full
class TestChampionAfterwards:
    """A champion of each release goes on; the files are as fresh, so that their checks would be."""

    @pytest.mark.parametrize(("version", "problem"), JOURNEYS)
    def test_from_each_release(
        self, version: str, problem: str, start: Callable[..., Adopted]
    ) -> None:
        project = start(version, {"problem": problem})
        workspace = Workspace(project.path).install()
        # A poor champion, so that the next version beats it.
        metric = "r2" if problem == "regression" else "roc_auc"
        workspace.job("confs/training.yaml", "-e", "job.model.max_iter=1")
        threshold = f"job.thresholds=[{{metric: {metric}, at_least: 0.01}}]"
        workspace.job("confs/evaluations.yaml", "-e", threshold)
        workspace.job("confs/promotion.yaml")
        assert not project.update().conflicts
        workspace.run("uv", "sync", "--quiet")
        # It goes on, gives way, and comes back.
        assert workspace.job("confs/inference.yaml")["version"] == 1
        workspace.uv("inv", "projects", "--replace")
        assert workspace.job("confs/inference.yaml")["version"] == 2
        assert workspace.job("confs/rollback.yaml")["version"] == 1
        assert workspace.job("confs/inference.yaml")["version"] == 1


def run_page(heading: str, project: Adopted, source: str = "") -> None:
    """Run the commands that docs/updates.md gives under a heading.

    Args:
        heading: of the section.
        project: where to run them.
        source: what stands for the address of the template.
    """
    page = ROOT.joinpath("docs/updates.md").read_text("utf-8")
    section = page[page.index(f"## {heading}\n") :].split("\n## ")[0]
    [commands] = re.findall(r"```bash\n(.+?)```", section, re.DOTALL)
    commands = commands.replace("gh:org/mlops-template", source)
    run("bash", "-euxo", "pipefail", "-c", commands, cwd=project.path)

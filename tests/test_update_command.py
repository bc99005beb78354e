"""`inv template.update`, under the git that people have: what they wrote stays, or is named."""

import os
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Final

import pytest
import yaml
from edits import Edit, Work, apply, check_nothing_lost
from harness import run
from releases import TREE, Adopted, History, Outcome
from test_updates import ANSWERS, NEXT, release_next

pytestmark = pytest.mark.update

PEOPLE: Final[dict[str, dict[str, str]]] = {
    "ignores": {"core.excludesFile": "*.csv\n*.md\n.github/\n/confs/\ntests/\n"},
    "attributes": {"core.attributesFile": "*.md -diff\n*.yaml binary\n*.py -text\n"},
    "hooks": {"core.hooksPath": "#!/bin/sh\nexit 1\n"},
    "untracked": {"status.showUntrackedFiles": "no"},
    "looks": {
        "apply.whitespace": "error-all",
        "core.whitespace": "tab-in-indent",
        "core.autocrlf": "input",
        "core.safecrlf": "true",
        "diff.noprefix": "true",
        "diff.external": "false",
        "diff.renames": "copies",
        "color.ui": "always",
        "core.quotePath": "true",
        "status.branch": "true",
        "merge.conflictStyle": "zdiff3",
        "commit.gpgSign": "true",
        "tag.gpgSign": "true",
    },
}
"""Settings of people's own; a text of lines is that of a file, or of each hook."""

HOOKS: Final = ["pre-commit", "prepare-commit-msg", "commit-msg", "post-checkout", "post-commit"]

Update = Callable[..., str]


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> History:
    return release_next(tmp_path_factory.mktemp("history") / "next", retired=True)


@pytest.fixture
def project(history: History, tmp_path: Path) -> Adopted:
    return history.start(tmp_path / "project", TREE, ANSWERS[0])


@pytest.fixture
def work(project: Adopted) -> Work:
    """A line of the user's in each file, and a file that he deleted."""
    edits = [Edit("insert", path, 0.5, "") for path in project.content]
    return apply([Edit("delete file", "AGENTS.md", 0, ""), *edits], project)


@pytest.fixture
def update(project: Adopted, tmp_path: Path) -> Update:
    """Update with the project's own command; uv, which would check the result, does nothing."""
    tools = tmp_path / "tools"
    tools.mkdir()
    tools.joinpath("uv").write_text("#!/bin/sh\n")
    tools.joinpath("uv").chmod(0o755)

    def update(code: int = 1, **variables: str) -> str:
        return run(
            *("uvx", "--from", "invoke", "--with", "pyyaml", "inv", "template.update"),
            f"--version={NEXT}",
            cwd=project.path,
            code=code,
            PATH=os.pathsep.join([str(tools), os.environ["PATH"]]),
            **variables,
        )

    return update


def look(project: Adopted, message: str) -> Outcome:
    """See what an update did."""
    return Outcome(
        message=message,
        conflicts=project.paths("diff", "--name-only", "--diff-filter=U"),
        deleted=project.paths("diff", "--name-only", "--diff-filter=D", "HEAD"),
    )


def configure(folder: Path, settings: dict[str, str]) -> Path:
    """Write a person's configuration of git, beside that of the tests."""
    config = folder / "gitconfig"
    config.write_text(Path(os.environ["GIT_CONFIG_GLOBAL"]).read_text())
    for number, (key, value) in enumerate(settings.items()):
        path = folder / f"setting{number}"
        if key == "core.hooksPath":
            path.mkdir()
            for hook in HOOKS:
                path.joinpath(hook).write_text(value)
                path.joinpath(hook).chmod(0o755)
        elif "\n" in value:
            path.write_text(value)
        value = str(path) if "\n" in value else value
        run("git", "config", "--file", config, key, value, cwd=folder)
    return config


@pytest.mark.parametrize("people", PEOPLE)
def test_settings_of_people(
    people: str, project: Adopted, work: Work, update: Update, tmp_path: Path
) -> None:
    config = configure(tmp_path, PEOPLE[people])
    said = update(GIT_CONFIG_GLOBAL=str(config))
    assert "Resolve the conflicts" in said
    check_nothing_lost(project, work, look(project, said))
    assert not (project.path / "AGENTS.md").exists()


def test_variables_of_a_hook(project: Adopted, work: Work, update: Update) -> None:
    said = update(GIT_DIR=str(project.path / ".git" / "other"), GIT_PREFIX="confs/")
    check_nothing_lost(project, work, look(project, said))


def test_what_only_its_user_ignores_is_no_change(
    project: Adopted, work: Work, update: Update, tmp_path: Path
) -> None:
    config = configure(tmp_path, {"core.excludesFile": ".idea/\n*.swp\n"})
    for name in (".idea/a b[1].xml", "confs/#training.swp"):
        path = project.path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("mine")
    said = update(GIT_CONFIG_GLOBAL=str(config))
    check_nothing_lost(project, work, look(project, said))
    assert (project.path / ".idea/a b[1].xml").read_text() == "mine"


def test_files_in_crlf_are_merged(project: Adopted, update: Update) -> None:
    names = sorted(path for path in project.content if path.endswith(".py"))
    project.path.joinpath(".gitattributes").write_text("*.py text eol=crlf\n")
    project.git("config", "core.safecrlf", "false")
    project.git("add", "--all")
    for name in names:
        project.path.joinpath(name).unlink()
        project.git("checkout", "--", name)
    work = apply([Edit("insert", name, 1, "") for name in names], project)
    said = update(code=0)
    check_nothing_lost(project, work, look(project, said))
    assert "conflict: " not in said
    texts = [project.path.joinpath(name).read_bytes() for name in names]
    # git has them in LF; which the working tree has depends on what copier had to write.
    assert any(b"next version" in text for text in texts)


@pytest.mark.parametrize("flag", ["--skip-worktree", "--assume-unchanged"])
def test_hidden_edits_are_refused(flag: str, project: Adopted, update: Update) -> None:
    conf = project.path / "confs" / "training.yaml"
    project.git("update-index", flag, "confs/training.yaml")
    conf.write_text("mine: 1\n")
    said = update()
    assert "git was told not to look at these" in said
    assert "\n  confs/training.yaml\n" in said
    assert conf.read_text() == "mine: 1\n"


class TestGuard:
    """What copier and git get wrong is found, undone and named."""

    @staticmethod
    def weaken(project: Adopted, *settings: str) -> None:
        """Let a person's settings through to copier again."""
        tasks = project.path / "tasks" / "template.py"
        text = tasks.read_text()
        for setting in settings:
            text = text.replace(f'"{setting}": ', f'"ignored.{setting}": ')
        tasks.write_text(text)
        project.commit()

    @staticmethod
    def snapshot(project: Adopted, names: Iterable[str]) -> dict[str, bytes]:
        return {name: (project.path / name).read_bytes() for name in names}

    @pytest.mark.parametrize(
        ("setting", "value", "lost"),
        [
            ("core.excludesFile", "*.csv\n.github/\n", ".github/"),
            ("core.attributesFile", "*.md -diff\n", ".md"),
        ],
    )
    def test_lost_lines(
        self,
        project: Adopted,
        work: Work,
        update: Update,
        tmp_path: Path,
        setting: str,
        value: str,
        lost: str,
    ) -> None:
        self.weaken(project, setting)
        before = self.snapshot(project, project.paths("ls-files"))
        config = configure(tmp_path, {setting: value})
        said = update(GIT_CONFIG_GLOBAL=str(config))
        [listed] = said.split("was undone:")[1:]
        assert lost in listed.split("Tell the authors")[0]
        assert self.snapshot(project, project.paths("ls-files")) == before
        assert not project.git("status", "--porcelain")

    def test_files_that_come_back(self, project: Adopted, update: Update, tmp_path: Path) -> None:
        """A copier that brings back what was deleted."""
        apply([Edit("delete file", "AGENTS.md", 0, "")], project)
        wrapper = tmp_path / "tools" / "uvx"
        real = shutil.which("uvx")
        update_and_touch = 'case "$*" in *" update "*) touch AGENTS.md ;; esac'
        wrapper.write_text(f'#!/bin/sh\n{real} "$@" && {update_and_touch}\n')
        wrapper.chmod(0o755)
        said = update()
        assert "AGENTS.md: was deleted here, and has come back" in said
        assert not project.git("status", "--porcelain")


class TestWorkflows:
    """What CI runs each week, by hand: one job has the template's code, the other the token."""

    @pytest.fixture
    def origin(self, project: Adopted, tmp_path: Path) -> Path:
        run("git", "clone", "--quiet", "--bare", project.path, tmp_path / "origin", cwd=tmp_path)
        return tmp_path / "origin"

    @pytest.fixture
    def shell(self, tmp_path: Path) -> Callable[..., str]:
        """Run a script in a clone, with stand-ins for uv, which updates, and for GitHub's own."""
        tools = tmp_path / "tools"
        tools.mkdir()
        update = f"uvx --from invoke --with pyyaml inv template.update --version {NEXT}"
        for name, script in {
            "uv": f'case "$*" in *inv*) {update} ;; esac',
            "gh": f'echo "gh $*" >> {tmp_path}/calls',
        }.items():
            tools.joinpath(name).write_text(f"#!/bin/sh\n{script}\n")
            tools.joinpath(name).chmod(0o755)

        def shell(script: str, cwd: Path, **variables: str) -> str:
            path = os.pathsep.join([str(tools), os.environ["PATH"]])
            command = ["bash", "-euo", "pipefail", "-c", script]
            return run(*command, cwd=cwd, code=0, PATH=path, **variables)

        return shell

    @staticmethod
    def check(origin: Path, project: Adopted) -> None:
        """See that the branch is one commit ahead, and that no conflict is lost in it."""
        branch = f"template-{NEXT}"
        assert run("git", "log", "--format=%s", f"main..{branch}", cwd=origin) == (
            f"chore: update from the template to {NEXT}\n"
        )
        answers = run("git", "show", f"{branch}:.copier-answers.yml", cwd=origin)
        assert f"_commit: {NEXT}" in answers
        listing = run("git", "ls-tree", "-r", "--name-only", branch, cwd=origin).splitlines()
        assert not [path for path in listing if path.startswith("update/")]

    def test_github(
        self, project: Adopted, origin: Path, tmp_path: Path, shell: Callable[..., str]
    ) -> None:
        text = (project.path / ".github/workflows/update.yml").read_text()
        jobs = yaml.safe_load(text)["jobs"]
        assert "secrets" not in str(jobs["update"])
        scripts = {
            step["name"]: step["run"]
            for job in jobs.values()
            for step in job["steps"]
            if "run" in step
        }
        for clone in ("one", "two"):
            command = ["git", "clone", "--quiet", "--depth=1", f"file://{origin}", clone]
            run(*command, cwd=tmp_path)
        output = tmp_path / "output"
        shell(scripts["Update"], tmp_path / "one", GITHUB_OUTPUT=str(output))
        assert output.read_text() == f"version={NEXT}\n"
        given = {
            "BRANCH": f"template-{NEXT}",
            "GITHUB_OUTPUT": str(output),
            "RUNNER_TEMP": str(tmp_path / "one"),
            "VERSION": NEXT,
        }
        shell(scripts["Look"], tmp_path / "two", **given)
        assert output.read_text().endswith("new=true\n")
        shell(scripts["Push"], tmp_path / "two", **given)
        self.check(origin, project)
        shell(scripts["Open a pull request"], tmp_path / "two", **given)
        calls = (tmp_path / "calls").read_text()
        assert "gh auth setup-git\n" in calls
        assert f"gh pr create --head template-{NEXT} --title Update from the template" in calls
        assert f"From {TREE} to {NEXT}." in (tmp_path / "one" / "body.txt").read_text()
        output.write_text("")
        shell(scripts["Look"], tmp_path / "two", **given)
        assert not output.read_text(), "a branch that is there is left to people"

    def test_gitlab(self, history: History, tmp_path: Path, shell: Callable[..., str]) -> None:
        project = history.start(tmp_path / "lab", TREE, {**ANSWERS[0], "ci": "gitlab"})
        origin = tmp_path / "origin"
        run("git", "clone", "--quiet", "--bare", project.path, origin, cwd=tmp_path)
        jobs = yaml.safe_load((project.path / ".gitlab-ci.yml").read_text())
        first, second = ("\n".join(jobs[name]["script"]) for name in ("update", "propose"))
        assert "TOKEN" not in first
        for clone in ("one", "two"):
            command = ["git", "clone", "--quiet", "--depth=1", f"file://{origin}", clone]
            run(*command, cwd=tmp_path)
        people = {"GITLAB_USER_NAME": "Ada", "GITLAB_USER_EMAIL": "ada@example.org"}
        shell(first, tmp_path / "one", **people)
        shutil.copytree(tmp_path / "one" / "update", tmp_path / "two" / "update")
        remote = second.replace('"https://oauth2:$TEMPLATE_TOKEN@', '"$ORIGIN" #')
        assert remote != second
        run("git", "config", "receive.advertisePushOptions", "true", cwd=origin)
        given = {"ORIGIN": f"file://{origin}", "CI_DEFAULT_BRANCH": "main"}
        shell(remote, tmp_path / "two", **given)
        self.check(origin, project)

"""The registry in other people's hands: random acts of a team, and servers that fail."""

import pytest
from harness import ROOT, Template, Workspace

pytestmark = pytest.mark.full
SCRIPTS = ROOT / "tests" / "scripts"


@pytest.fixture(scope="module")
def project(template: Template, tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """A project in which no job has run."""
    target = tmp_path_factory.mktemp("registry") / "project"
    return Workspace(template.copy(target, {}).path).install()


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed else []) for seed in range(20)]
)
def test_no_worse_version_predicts_whatever_people_do(project: Workspace, seed: int) -> None:
    """Versions are copied, deleted and renamed, the alias moved, jobs killed, the model renamed."""
    folder = project.path / f"acts{seed}"
    folder.mkdir()
    for name in ("confs", "data"):
        (folder / name).symlink_to(project.path / name)
    acts = 20 if seed == 0 else 60
    said = project.uv(
        "--directory", folder, "python", SCRIPTS / "acts.py", project.package, str(seed), str(acts)
    )
    assert said.splitlines()[-1].endswith(" refused"), said


def test_no_failing_server_is_taken_for_an_answer(project: Workspace) -> None:
    """Each request of a promotion fails in turn, in each of many ways."""
    folder = project.path / "faults"
    folder.mkdir()
    for name in ("confs", "data"):
        (folder / name).symlink_to(project.path / name)
    said = project.uv("--directory", folder, "python", SCRIPTS / "faults.py", project.package)
    assert "faults, nothing promoted that is not better" in said.splitlines()[-1], said


def test_one_of_many_promotions_at_once_wins(project: Workspace) -> None:
    """The lock lets one in; the others find that the champion has changed, and are refused."""
    folder = project.path / "rush"
    folder.mkdir()
    for name in ("confs", "data"):
        (folder / name).symlink_to(project.path / name)
    said = project.uv("--directory", folder, "python", SCRIPTS / "rush.py", project.package)
    assert said.splitlines()[-1] == "1 promoted, 5 refused", said


@pytest.mark.parametrize(
    "seed", [pytest.param(seed, marks=[pytest.mark.long] if seed else []) for seed in range(5)]
)
def test_better_recipe_wins_while_the_table_grows(project: Workspace, seed: int) -> None:
    """Whatever the steps, no row is both learned from and judged by, and the poor recipe loses."""
    folder = project.path / f"grow{seed}"
    folder.mkdir()
    (folder / "confs").symlink_to(project.path / "confs")
    table = project.path / "data" / "training.csv"
    said = project.uv(
        "--directory", folder, "python", SCRIPTS / "grow.py", project.package, table, str(seed)
    )
    assert said.splitlines()[-1].endswith("the good recipe, is champion"), said

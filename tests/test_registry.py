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
    acts = "60" if seed else "20"
    said = project.campaign(SCRIPTS / "acts.py", f"acts{seed}", str(seed), acts)
    assert said.endswith(" refused"), said


def test_no_failing_server_is_taken_for_an_answer(project: Workspace) -> None:
    """Each request of a promotion fails in turn, in each of many ways."""
    said = project.campaign(SCRIPTS / "faults.py", "faults")
    assert "faults, nothing promoted that is not better" in said, said


def test_one_of_many_promotions_at_once_wins(project: Workspace) -> None:
    """The lock lets one in; the others find that the champion has changed, and are refused."""
    said = project.campaign(SCRIPTS / "rush.py", "rush")
    assert said == "1 promoted, 5 refused", said


@pytest.mark.parametrize("count", [2, pytest.param(9, marks=pytest.mark.long)])
def test_a_champion_goes_on_by_its_own_schemas_and_code(project: Workspace, count: int) -> None:
    """A column is added, dropped, renamed or retyped, an encoder or a class changed, and so on."""
    said = project.campaign(SCRIPTS / "changes.py", f"changes{count}", str(count))
    assert said.startswith("the champion went on through"), said


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

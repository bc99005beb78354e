"""What all tests share: the template in a git repository, and projects rendered from it."""

import os
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from hypothesis import settings

# Variables of git would make copier work on another repository (in a hook, say), and the settings
# of whoever runs the tests would change the defaults of questions.
for _name in [name for name in os.environ if name.startswith("GIT_")]:
    del os.environ[_name]
_settings = Path(tempfile.gettempdir(), "mlops-template-settings.yml")
_settings.write_text("{}\n", encoding="utf-8")
os.environ["COPIER_SETTINGS_PATH"] = str(_settings)

from harness import PARTS, ROOT, Answers, Project, Template  # noqa: E402
from servers import serve_buckets  # noqa: E402

settings.register_profile("push", max_examples=5, derandomize=True, deadline=None, database=None)
settings.register_profile("nightly", max_examples=50, deadline=None, database=None, print_blob=True)
settings.load_profile("push")

Render = Callable[..., Project]

# They run in the environment of a rendered project: test_adoption.py starts them.
collect_ignore = ["tool"]


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the longest tests: nobody takes over the last two that a worker has."""
    items.sort(
        key=lambda item: not item.name.startswith(("test_project[", "test_dataset[penguins"))
    )


@pytest.fixture(scope="session")
def copier_template_root() -> Path:
    """The working tree, uncommitted work too."""
    return ROOT


@pytest.fixture(scope="session")
def copier_template_paths() -> list[str]:
    """What copier needs of the repository."""
    return PARTS


@pytest.fixture(scope="session")
def template(copier_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Template:
    """The template as pytest-copier commits and tags it, rendered by a harness of ours.

    The plugin's own `copier` fixture trusts the template, and thus would hide that one needs to.
    """
    return Template(copier_template, tmp_path_factory.mktemp("rendered"))


@pytest.fixture(scope="session")
def render(template: Template) -> Render:
    """Render a project, or find the one that these answers gave before: only read it."""

    def render(answers: Answers | None = None, **more: str) -> Project:
        return template.render({**(answers or {}), **more})

    return render


@pytest.fixture
def bucket(tmp_path: Path) -> Iterator[dict[str, str]]:
    """An S3 server without buckets, as the variables by which clients reach it."""
    with serve_buckets(tmp_path) as variables:
        yield variables

"""Build and publish the package."""

from pathlib import Path

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from . import cleans


@task(pre=[cleans.dist])
def build(ctx: Context) -> None:
    """Build the wheel into dist/."""
    ctx.run("uv build --wheel")


@task
def publish(ctx: Context) -> None:
    """Publish dist/; the token is UV_PUBLISH_TOKEN."""
    if not any(Path("dist").glob("*.whl")):
        raise Exit("There is no wheel in dist/: `uv run inv packages.build` makes it.", code=1)
    ctx.run("uv publish")

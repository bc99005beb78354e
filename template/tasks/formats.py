"""Format the project with ruff."""

from invoke.context import Context
from invoke.tasks import task


@task
def imports(ctx: Context) -> None:
    """Sort the imports."""
    ctx.run("uv run ruff check --select=I --fix .")


@task
def sources(ctx: Context) -> None:
    """Format the code, notebooks too."""
    ctx.run("uv run ruff format .")


@task(pre=[imports, sources], name="all", default=True)
def all_(_: Context) -> None:
    """Format everything."""

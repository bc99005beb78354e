"""Install what work on the project needs."""

from invoke.context import Context
from invoke.tasks import task


@task
def hooks(ctx: Context) -> None:
    """Install the git hooks, which check commits."""
    if not ctx.run("git rev-parse --git-dir", hide=True, warn=True):
        print("No git hooks yet: run `git init`, then `uv run inv installs.hooks`.")
        return
    ctx.run("uv run pre-commit install")


@task
def uv(ctx: Context) -> None:
    """Install the package and its dependencies."""
    ctx.run("uv sync --all-groups")


@task(pre=[uv, hooks], name="all", default=True)
def all_(_: Context) -> None:
    """Install everything."""

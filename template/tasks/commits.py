"""Commit and release by the rules of Conventional Commits, with commitizen."""

from invoke.context import Context
from invoke.tasks import task


@task
def bump(ctx: Context) -> None:
    """Release: version, changelog, commit and tag."""
    ctx.run("uv run cz bump --yes")


@task
def commit(ctx: Context) -> None:
    """Commit, asking for each part of the message."""
    ctx.run("uv run cz commit", pty=True)


@task
def info(ctx: Context) -> None:
    """Show how a commit message is written."""
    ctx.run("uv run cz info")

"""Check the project: the same for people, git hooks and CI."""

from invoke.context import Context
from invoke.tasks import task


@task
def code(ctx: Context) -> None:
    """Check the code with ruff and import-linter."""
    ctx.run("uv run ruff check .")
    ctx.run("uv run lint-imports")


@task
def coverage(ctx: Context) -> None:
    """Run the tests and check how much they cover."""
    ctx.run("uv run pytest --numprocesses=auto --cov")


@task(name="format")
def format_(ctx: Context) -> None:
    """Check the format and the order of imports."""
    ctx.run("uv run ruff format --check .")
    ctx.run("uv run ruff check --select=I .")


@task
def security(ctx: Context) -> None:
    """Check for insecure code with bandit."""
    ctx.run("uv run bandit --quiet --configfile=pyproject.toml --recursive src tasks")


@task
def test(ctx: Context) -> None:
    """Run the tests."""
    ctx.run("uv run pytest --numprocesses=auto")


@task(name="type")
def type_(ctx: Context) -> None:
    """Check the types with mypy."""
    ctx.run("uv run mypy src tasks tests")


@task
def uv(ctx: Context) -> None:
    """Check that uv.lock agrees with pyproject.toml."""
    ctx.run("uv lock --check")


@task(pre=[uv, format_, code, type_, security, coverage], name="all", default=True)
def all_(_: Context) -> None:
    """Run all checks; tests run once, under coverage."""

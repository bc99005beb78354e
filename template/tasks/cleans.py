"""Delete what tools leave behind: never what git tracks, never data."""

import shlex
import shutil
from pathlib import Path

from invoke.context import Context
from invoke.tasks import task


def delete(ctx: Context, *patterns: str) -> None:
    """Delete the files and folders that match, save those that git tracks.

    Of a link, only the link is deleted.

    Args:
        ctx: what runs git.
        patterns: globs, from the root of the project.
    """
    paths = sorted({path for pattern in patterns for path in Path().glob(pattern)})
    command = ["git", "--literal-pathspecs", "ls-files", "-z", "--", *map(str, paths)]
    listing = ctx.run(shlex.join(command), hide=True, warn=True) if paths else None
    tracked = [Path(name) for name in listing.stdout.split("\0") if name] if listing else []
    for path in paths:
        if any(file.is_relative_to(path) for file in tracked):
            print(f"kept {path}, which git tracks")
            continue
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()
        print(f"deleted {path}")


@task
def coverage(ctx: Context) -> None:
    """Delete the measures of coverage."""
    delete(ctx, ".coverage", ".coverage.*", "coverage.xml", "htmlcov")


@task
def dist(ctx: Context) -> None:
    """Delete the built packages."""
    delete(ctx, "dist")


@task
def docs(ctx: Context) -> None:
    """Delete the built documentation."""
    delete(ctx, "site")


@task
def imports(ctx: Context) -> None:
    """Delete the cache of import-linter."""
    delete(ctx, ".import_linter_cache")


@task
def mlruns(ctx: Context) -> None:
    """Delete all runs and registered models."""
    database = ("mlflow.db", "mlflow.db-journal", "mlflow.db-shm", "mlflow.db-wal")
    delete(ctx, *database, "mlartifacts", "mlruns")


@task
def mypy(ctx: Context) -> None:
    """Delete the cache of mypy."""
    delete(ctx, ".mypy_cache")


@task
def notebooks(ctx: Context) -> None:
    """Delete the checkpoints of notebooks."""
    delete(ctx, "notebooks/**/.ipynb_checkpoints")


@task
def outputs(ctx: Context) -> None:
    """Delete what the jobs wrote into outputs/."""
    delete(ctx, "outputs")


@task
def pytest(ctx: Context) -> None:
    """Delete the cache of pytest."""
    delete(ctx, ".pytest_cache")


@task
def python(ctx: Context) -> None:
    """Delete the bytecode of Python."""
    delete(ctx, *(f"{folder}/**/__pycache__" for folder in ("src", "tasks", "tests")))


@task
def requirements(ctx: Context) -> None:
    """Delete the exported requirements."""
    delete(ctx, "requirements.txt")


@task
def ruff(ctx: Context) -> None:
    """Delete the cache of ruff."""
    delete(ctx, ".ruff_cache")


@task
def venv(ctx: Context) -> None:
    """Delete the virtual environment."""
    delete(ctx, ".venv")


@task(
    pre=[coverage, dist, docs, imports, mypy, notebooks, pytest, python, requirements, ruff],
    name="all",
    default=True,
)
def all_(_: Context) -> None:
    """Delete caches and builds; keep data and models."""


@task(pre=[all_, outputs, mlruns, venv])
def reset(_: Context) -> None:
    """Delete also outputs, runs, models and .venv."""

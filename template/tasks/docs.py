"""Write what people read: the API, and the exploration of the data."""

from pathlib import Path

from invoke.context import Context
from invoke.tasks import task

# Without the warnings that pd.Series[Any] is generic to type checkers only.
PDOC = "uv run python -W ignore -m pdoc --docformat=google"


@task
def api(ctx: Context) -> None:
    """Write the documentation of the API into site/."""
    ctx.run(f"{PDOC} --output-directory=site {ctx.project.package}")


@task
def notebook(ctx: Context) -> None:
    """Execute the notebook into outputs/."""
    Path("outputs").mkdir(exist_ok=True)
    execute = "uv run --group=notebook jupyter execute"
    ctx.run(f"{execute} --output=../outputs/exploration notebooks/exploration.ipynb")


@task(help={"port": "where to listen on this machine"})
def serve(ctx: Context, port: int = 8080) -> None:
    """Serve the documentation, fresh after each edit."""
    ctx.run(f"{PDOC} --port={port} {ctx.project.package}")

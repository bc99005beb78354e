"""Look at MLflow: runs, metrics, reports and registered models."""

from invoke.context import Context
from invoke.tasks import task


@task
def doctor(ctx: Context) -> None:
    """Show what MLflow sees, with secrets masked."""
    ctx.run("uv run mlflow doctor --mask-envs")


@task(help={"port": "where to listen on this machine"})
def serve(ctx: Context, port: int = 5000) -> None:
    """Serve the runs on http://127.0.0.1:5000."""
    ctx.run(
        "uv run mlflow server --backend-store-uri=sqlite:///mlflow.db --host=127.0.0.1"
        f" --port={port} --workers=1",
        env={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # to look, one process is enough
    )

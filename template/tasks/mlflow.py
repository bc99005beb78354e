"""Look at MLflow: runs, metrics, reports and registered models."""

import os
import shlex

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task


@task
def doctor(ctx: Context) -> None:
    """Show what MLflow sees, with secrets masked."""
    ctx.run("uv run mlflow doctor --mask-envs")


@task(help={"port": "where to listen on this machine"})
def serve(ctx: Context, port: int = 5000) -> None:
    """Serve the jobs' runs on http://127.0.0.1:5000."""
    uri = os.environ.get("MLFLOW_TRACKING_URI") or "sqlite:///mlflow.db"
    if uri.startswith("http"):
        raise Exit("MLFLOW_TRACKING_URI names a server: open its address in a browser.", code=2)
    command = ["uv", "run", "mlflow", "server", f"--backend-store-uri={uri}", "--host=127.0.0.1"]
    ctx.run(
        shlex.join([*command, f"--port={port}", "--workers=1"]),
        echo="@" not in uri,  # it may hold a password
        env={"MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false"},  # to look, one process is enough
    )

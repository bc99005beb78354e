"""Run the jobs: one of them, or the whole chain."""

import importlib
import platform
import shlex
import sys
from pathlib import Path
from typing import Any

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

CHAIN = (
    "tuning",
    "training",
    "evaluations",
    "promotion",
    "inference",
    "explanations",
    "monitoring",
)
REFUSED, DRIFT = 5, 6  # what the package's commands exit with
HELP = {"environment": "merge also confs/environments/NAME.yaml"}


def confs(conf: str, environment: str) -> list[str]:
    """Name the files that configure a job, in the order in which they merge.

    Args:
        conf: a file in confs/, without its ending.
        environment: a file in confs/environments/, without its ending, or nothing.

    Returns:
        Their paths.

    Raises:
        Exit: when there is no such file.
    """
    paths = [Path("confs", f"{conf}.yaml")]
    if environment:
        paths.append(Path("confs", "environments", f"{environment}.yaml"))
    for path in paths:
        if not path.is_file():
            known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml")))
            raise Exit(f"There is no {path}. In {path.parent}: {known or 'nothing'}.", code=2)
    return [str(path) for path in paths]


def summarise(title: str, results: dict[str, Any]) -> None:
    """Show what came of the jobs.

    Args:
        title: the name of the project.
        results: what each job returned; promotion is missing when it was refused.
    """
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    tuning, training, evaluations = (results[job] for job in CHAIN[:3])
    inference, explanations, monitoring = (results[job] for job in CHAIN[4:])
    scores = ", ".join(f"{name} {score:.4g}" for name, score in evaluations.metrics.items())
    promoted = "promotion" in results
    drifted = ", ".join(monitoring.drifted)
    rows = {
        "tuning": (f"best score {tuning.best_score:.4g} of {tuning.trials} trials", ""),
        "training": (f"version {training.version}", ""),
        "evaluations": (
            f"{scores}: {'passed' if evaluations.passed else 'failed'}\n{evaluations.report}",
            "green" if evaluations.passed else "red",
        ),
        "promotion": (
            f"version {inference.version} is the champion{'' if promoted else ' still'}",
            "green" if promoted else "yellow",
        ),
        "inference": (f"{inference.rows} rows\n{inference.path}", ""),
        "explanations": (f"{explanations.report}", ""),
        "monitoring": (
            f"{f'drift of {drifted}' if drifted else 'no drift'}\n{monitoring.report}",
            "red" if drifted else "green",
        ),
    }
    grid = Table.grid(padding=(0, 2))
    for job, (text, style) in rows.items():
        grid.add_row(Text(job, style="bold"), Text(text, style=style))
    look = "Look further: uv run inv mlflow.serve"
    Console().print(Panel(grid, title=Text(title), subtitle=look, expand=False))


@task(default=True, help=HELP)
def chain(ctx: Context, environment: str = "") -> None:
    """Run all jobs in order, and sum up the results.

    They share one process, so that the libraries are imported once.
    """
    package = ctx.project.package
    errors = importlib.import_module(f"{package}.core.errors")
    settings = importlib.import_module(f"{package}.settings")
    results: dict[str, Any] = {}
    for job in CHAIN:
        files = confs(job, environment)
        if job == "training":
            files.append(results["tuning"].path)
        print(f"$ {package} {shlex.join(files)}", flush=True)
        try:
            with settings.load(files).job as runner:
                results[job] = runner.run()
        except errors.UserError as error:
            # A tie with the champion, say: it stays, and serves the jobs that follow. Without a
            # champion, the next of them says so and ends the chain.
            if error.exit_code != REFUSED:
                raise Exit(f"{job}: {error}", code=error.exit_code) from error
            print(f"{job}: {error}", file=sys.stderr)
    summarise(ctx.project.title, results)
    if results["monitoring"].drifted:
        raise Exit("monitoring: the data drifted; the report shows how.", code=DRIFT)


@task(help={"conf": "which of confs/, e.g. training", **HELP})
def run(ctx: Context, conf: str, environment: str = "") -> None:
    """Run one job, by the name of its conf."""
    command = shlex.join(["uv", "run", ctx.project.package, *confs(conf, environment)])
    ctx.run(command, pty=sys.stdout.isatty())


@task
def requirements(ctx: Context) -> None:
    """Write requirements.txt from uv.lock."""
    ctx.run(
        "uv export --quiet --no-dev --no-emit-project --format=requirements.txt"
        " --output-file=requirements.txt"
    )


@task(pre=[requirements])
def environment(_: Context) -> None:
    """Write python_env.yaml for MLflow projects."""
    Path("python_env.yaml").write_text(
        f"python: {platform.python_version()}\n"
        "build_dependencies: [pip, setuptools, wheel]\n"
        "dependencies: [-r requirements.txt]\n",
        encoding="utf-8",
    )

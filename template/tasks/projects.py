"""Run the jobs: one of them, or the whole chain."""

import importlib
import json
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
UNFIT, REFUSED = {3, 4}, 5
"""The exit codes of data or a version that is not right, and of a refused promotion."""
EXPORT = "uv export --quiet --no-dev --no-emit-project --format=requirements.txt"
HELP = {"environment": "merge also confs/environments/NAME.yaml"}


def confs(conf: str, environment: str) -> list[str]:
    """Name the files that configure a job, in the order in which they merge.

    Args:
        conf: a file in confs/, without its ending.
        environment: a file in confs/environments/, without its ending, or nothing.

    Raises:
        Exit: There is no such file.
    """
    paths = [Path("confs", f"{conf}.yaml")]
    if environment:
        paths.append(Path("confs", "environments", f"{environment}.yaml"))
    for path in paths:
        if not path.is_file():
            known = ", ".join(sorted(other.stem for other in path.parent.glob("*.yaml")))
            raise Exit(f"There is no {path}. In {path.parent}: {known or 'nothing'}.", code=2)
    return [path.as_posix() for path in paths]


def summarise(title: str, results: dict[str, Any], skipped: dict[str, str]) -> None:
    """Show what came of the jobs.

    Args:
        title: the name of the project.
        results: what each job returned.
        skipped: why a job returned nothing.
    """
    from rich.console import Console
    from rich.panel import Panel
    from rich.table import Table
    from rich.text import Text

    table = Table.grid(padding=(0, 2))
    for job in CHAIN:
        result = results.get(job)
        if result is None:
            text = skipped[job]
            if job == "promotion":
                text += f"\nVersion {results['evaluations'].champion} is the champion still."
            table.add_row(Text(job, "yellow"), Text(text))
        else:
            good = result.exit_code == 0 and getattr(result, "passed", True)
            scores = result.metrics if job == "evaluations" else {}
            lines = [str(result), *(f"{name} {score:.4g}" for name, score in scores.items())]
            table.add_row(Text(job, "green" if good else "red"), Text("\n".join(lines)))
    footer = Text("Look further: uv run inv mlflow.serve")
    Console().print(Panel(table, title=Text(title, "bold"), subtitle=footer, expand=False))


@task(default=True, help={**HELP, "replace": "promote where the champion cannot be compared"})
def chain(ctx: Context, environment: str = "", replace: bool = False) -> None:
    """Run all jobs in order, and sum up the results.

    They share one process, so that libraries are imported once. A refused promotion is no
    failure where there is a champion: it stays, and the jobs that follow use it. Nor is it one when
    that champion cannot be explained, because data or schemas have changed since it was trained,
    nor drift: rows that are later, or of other groups, differ; the job of monitoring fails by it.
    """
    package = ctx.project.package
    settings = importlib.import_module(f"{package}.settings")
    errors = importlib.import_module(f"{package}.core.errors")
    mask = importlib.import_module(f"{package}.io.configs").mask
    results: dict[str, Any] = {}
    skipped: dict[str, str] = {}
    for job in CHAIN:
        files = confs(job, environment)
        if job == "training":
            files.append(results["tuning"].path)
        extras = []
        if job in {"evaluations", "promotion"}:
            # The newest may be a colleague's.
            extras.append(f"job.version={results['training'].version}")
        if replace and job == "promotion":
            extras.append("job.replace_incomparable=true")
        shown = [*files, *(["-e", *extras] if extras else [])]
        print(f"$ {package} {shlex.join(shown)}", flush=True)
        try:
            with settings.load(files, extras).job as runner:
                results[job] = runner.run()
        except errors.UserError as error:
            said = mask(str(error))
            if job == "explanations" and "promotion" in skipped and error.exit_code in UNFIT:
                skipped[job] = f"The champion is not explained: {said}"
                print(skipped[job], file=sys.stderr)
                continue
            refused = error.exit_code == REFUSED
            if not refused or results["evaluations"].champion_metrics is None:
                flag = refused and "job.replace_incomparable" in said
                hint = " For the chain, that is --replace." if flag else ""
                raise Exit(f"error: {said}{hint}", code=error.exit_code) from error
            skipped[job] = said
            print(skipped[job], file=sys.stderr)
    summarise(ctx.project.name, results, skipped)


@task(help={"conf": "a file of confs/ by its name, e.g. training", **HELP})
def run(ctx: Context, conf: str, environment: str = "") -> None:
    """Run one job, by the name of its conf."""
    command = ["uv", "run", ctx.project.package, *confs(conf, environment)]
    ctx.run(shlex.join(command), pty=sys.stdout.isatty())


@task
def requirements(ctx: Context) -> None:
    """Write requirements.txt from uv.lock."""
    ctx.run(f"{EXPORT} --output-file=requirements.txt")


@task
def environment(ctx: Context) -> None:
    """Pin python_env.yaml, for MLflow projects."""
    export = ctx.run(f"{EXPORT} --no-annotate --no-hashes --no-header", hide=True)
    pinned = "".join(f"  - {json.dumps(line)}\n" for line in export.stdout.splitlines())
    Path("python_env.yaml").write_text(
        "# The environment of the MLflow project; `uv run inv projects.environment` pins it.\n"
        f'python: "{platform.python_version()}"\n'
        "build_dependencies: [pip]\n"
        f"dependencies:\n{pinned}  - .\n",
        encoding="utf-8",
    )

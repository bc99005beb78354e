"""Build the container image and run it, with Docker."""

import shlex
import shutil
import sys

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from . import projects


def docker(ctx: Context, *arguments: str) -> None:
    """Run the docker command.

    Args:
        ctx: what runs it.
        arguments: its arguments.

    Raises:
        Exit: Docker is not installed.
    """
    if shutil.which("docker") is None:
        raise Exit("There is no `docker` on PATH: install Docker, then try again.", code=1)
    ctx.run(shlex.join(["docker", *arguments]), pty=sys.stdout.isatty())


@task
def build(ctx: Context) -> None:
    """Build the image."""
    docker(ctx, "build", "--tag", ctx.project.name, ".")


@task
def compose(ctx: Context) -> None:
    """Start the services of docker-compose.yml."""
    docker(ctx, "compose", "up", "--build")


@task(help={"conf": "a file of confs/ by its name, e.g. training", **projects.HELP})
def run(ctx: Context, conf: str, environment: str = "") -> None:
    """Run one job in a container, as projects.run."""
    files = projects.confs(conf, environment)
    docker(ctx, "compose", "run", "--build", "--rm", "app", *files)

"""Build and run the container image with Docker."""

import shlex
import shutil
import sys

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task


def docker(ctx: Context, *arguments: str) -> None:
    """Run the docker command.

    Args:
        ctx: what runs it.
        arguments: its arguments.

    Raises:
        Exit: when docker is not installed.
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


@task(help={"arguments": "what the image is told, e.g. confs/training.yaml"})
def run(ctx: Context, arguments: str = "--help") -> None:
    """Run the image once; see its help by default."""
    docker(ctx, "run", "--rm", ctx.project.name, *shlex.split(arguments))

"""Make this project one for other data, and look at it."""

import contextlib
import csv
import itertools
import sys
from collections.abc import Iterator

from invoke.context import Context
from invoke.exceptions import Exit
from invoke.tasks import task

from .errors import AdoptionError

HELP = {
    "path": "CSV, Parquet (also a folder), JSON lines, Feather or Excel, anywhere fsspec reaches;"
    " or the URL of a database",
    "target": "the column to predict",
    "query": "what to ask the database for",
    "problem": "regression or classification, where the target leaves it open",
    "time": "the column that orders the rows: the last ones are held out",
    "index": "the column that identifies a row",
    "group": "the column whose rows belong together: whole groups are held out",
    "drop": "columns to leave out, with commas between them; one that has a comma, in quotes",
    "reader": "how the table is written, where it is taken for something else: YAML as in"
    " data/source.yaml, or such a file",
    "text": "columns to take for text, with commas between them",
    "yes": "overwrite what you have edited without asking",
    "prove": "run the checks and the chain afterwards, and compare the scores",
}


@task(help=HELP)
def adopt(
    ctx: Context,
    path: str,
    target: str,
    query: str = "",
    problem: str = "",
    time: str = "",
    index: str = "",
    group: str = "",
    drop: str = "",
    reader: str = "",
    text: str = "",
    yes: bool = False,
    prove: bool = True,
) -> None:
    """Make the project one for your data, and prove it.

    The table is read from wherever it is, and each column's type, range and use are found out.
    Schemas, splits, confs and samples are written once all of it is ready; what you have edited
    is shown and asked for.
    """
    from . import adoption, proof
    from .planning import Options

    package = ctx.project.package
    roles = (problem, time, index, group)
    options = Options(path, target, query, *roles, _split(drop), reader, _split(text))
    try:
        with _refusing(), adoption.prepare(options, package) as prepared:
            for line in itertools.chain(proof.tell(prepared.plan), adoption.find_own()):
                print(line)
            edited = prepared.edited()
            for name in edited:
                print(prepared.diff(name))
            if edited and not yes:
                _ask(edited)
            undo = prepared.undo()
            prepared.apply()
    except OSError as error:
        raise Exit(
            f"error: Nothing is changed: {error.filename}: {error.strerror}.", code=2
        ) from error
    print("The project is one for this data.")
    print(undo)
    if prove:
        profile(ctx)
        proof.prove(ctx, prepared.plan)
    else:
        print("To look at it: uv run inv data.profile")
        print("To try it: uv run inv checks && uv run inv projects --replace")


@task
def profile(ctx: Context) -> None:
    """Draw a page of what the training data looks like."""
    from . import profiles

    with _refusing():
        page = profiles.draw(ctx.project.package)
    print(f"What the data looks like: {page}")


@contextlib.contextmanager
def _refusing() -> Iterator[None]:
    """End a task with the sentence that says what will not do."""
    try:
        yield
    except AdoptionError as error:
        raise Exit(f"error: {error}", code=error.exit_code) from error


def _split(names: str) -> list[str]:
    """Split a list of columns; one that has a comma is in quotes."""
    listed = next(csv.reader([names], skipinitialspace=True), [])
    return [name.strip() for name in listed if name.strip()]


def _ask(edited: list[str]) -> None:
    listing = ", ".join(edited)
    if not sys.stdin.isatty():
        raise Exit(
            f"error: You have edited {listing}, and nothing is changed: --yes overwrites it.",
            code=2,
        )
    if input(f"Overwrite {listing}? [y/N] ").strip().lower() not in ("y", "yes"):
        raise Exit("Nothing is changed.", code=2)

"""The command line: ``mlops-template --help``."""

import argparse
import contextlib
import csv
import itertools
import os
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

from .errors import AdoptionError

if TYPE_CHECKING:
    from .planning import Options

TRY = "uv run inv checks && uv run inv projects --replace"
OPTIONS = {
    "query": ("SQL", "what to ask the database for"),
    "problem": ("KIND", "regression or classification, where the target leaves it open"),
    "time": ("COLUMN", "orders the rows: the last ones are held out"),
    "index": ("COLUMN", "identifies a row"),
    "group": ("COLUMN", "its rows belong together: whole groups are held out"),
    "reader": (
        "YAML",
        "how the table is written, where it is taken for something else: as in confs/data.yaml, or"
        " such a file",
    ),
}
LISTS = {
    "drop": "leave these out; a name that has a comma is in quotes",
    "text": "take these for text",
}


def main(given: list[str] | None = None) -> None:
    """Run what the command line asks for; a mistake in it or in the data is one sentence.

    Args:
        given: the arguments; those of the process if None.
    """
    arguments = _parse(given)
    warnings.simplefilter("ignore")  # they speak to the authors of libraries
    try:
        arguments.run(arguments)
    except AdoptionError as error:
        _fail(str(error), error.exit_code)
    except OSError as error:
        _fail(f"{error.filename}: {error.strerror}.", 2)
    except KeyboardInterrupt:
        _fail("Interrupted.", 130)


def _fail(message: str, code: int) -> NoReturn:
    print(f"error: {message}", file=sys.stderr)
    sys.exit(code)


def _parse(given: list[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="mlops-template", description=__doc__)
    commands = parser.add_subparsers(required=True, metavar="COMMAND")

    new = commands.add_parser("new", help="make a project for a table, and prove it")
    _take_table(new)
    new.add_argument("folder", nargs="?", help="where to make it; by default, as the table")
    new.add_argument(
        "--data", action="append", default=[], metavar="KEY=VALUE", help="an answer to a question"
    )
    new.set_defaults(run=_new)

    adopt = commands.add_parser("adopt", help="make the project in this folder one for a table")
    _take_table(adopt)
    adopt.add_argument(
        "--yes", action="store_true", help="merge what you have edited without asking"
    )
    adopt.add_argument(
        "--discard-edits", action="store_true", help="overwrite what you have edited"
    )
    adopt.set_defaults(run=_adopt)

    profile = commands.add_parser(
        "profile", help="draw a page of what the training data looks like"
    )
    profile.set_defaults(run=_profile)
    arguments, more = parser.parse_known_args(given)
    # A folder behind the options is left over: argparse has filled its place before them.
    if "folder" in arguments and not arguments.folder and more and not more[0].startswith("-"):
        arguments.folder = more.pop(0)
    if more:
        parser.error(f"unrecognized arguments: {' '.join(more)}")
    return arguments


def _take_table(parser: argparse.ArgumentParser) -> None:
    """Add the options that say what a table is."""
    parser.add_argument(
        "path",
        help="CSV, Parquet, JSON lines, Feather or Excel: a file, a folder or a pattern, anywhere"
        " fsspec reaches; or the URL of a database",
    )
    parser.add_argument("--target", required=True, metavar="COLUMN", help="what to predict")
    for option, (metavar, meaning) in OPTIONS.items():
        parser.add_argument(f"--{option}", default="", metavar=metavar, help=meaning)
    for option, meaning in LISTS.items():
        parser.add_argument(
            f"--{option}", default=[], type=_split, metavar="COLUMN,…", help=meaning
        )
    parser.add_argument(
        "--no-prove",
        dest="prove",
        action="store_false",
        help="do not run the checks and the chain afterwards",
    )


def _split(names: str) -> list[str]:
    """Split a list of columns; one that has a comma is in quotes."""
    listed = next(csv.reader([names], skipinitialspace=True), [])
    return [name.strip() for name in listed if name.strip()]


def _options(arguments: argparse.Namespace) -> "Options":
    from dataclasses import fields

    from .planning import Options

    options = Options(**{field.name: getattr(arguments, field.name) for field in fields(Options)})
    if options.path.startswith("~"):
        options.path = str(Path(options.path).expanduser())
    return options


def _new(arguments: argparse.Namespace) -> None:
    from . import new

    new.make(_options(arguments), arguments.folder, arguments.data, prove=arguments.prove)


def _adopt(arguments: argparse.Namespace) -> None:
    from . import adoption, placing, proof
    from .project import find_package
    from .texts import is_database

    package = find_package()
    if placing.finish():
        print("Finished an adoption that was interrupted.")
    with _unchanged(), adoption.prepare(_options(arguments), package) as prepared:
        for line in itertools.chain(proof.tell(prepared.plan), adoption.find_own()):
            print(line)
        edited = prepared.edited()
        if not arguments.discard_edits:
            prepared.keep_edits()
        changes = {name: change for name in edited if (change := prepared.diff(name))}
        print(*changes.values(), sep="\n", end="")
        if changes and not (arguments.yes or arguments.discard_edits):
            _ask(", ".join(changes))
        undo = prepared.undo()
        prepared.apply()
    print("The project is one for this data.")
    print(undo)
    if prepared.conflicts:
        raise AdoptionError(
            f"What you have edited is in conflict with it in {', '.join(prepared.conflicts)}:"
            f" resolve that, then {TRY}",
            exit_code=1,
        )
    if is_database(prepared.plan):
        os.environ["DATABASE_URL"] = arguments.path
    if arguments.prove:
        _profile(arguments)
        proof.prove(package, prepared.plan)
    else:
        print("To look at it: uv run inv data.profile")
        print(f"To try it: {TRY}")


@contextlib.contextmanager
def _unchanged() -> Iterator[None]:
    """Say that a failure has left all as it was."""
    try:
        yield
    except OSError as error:
        raise AdoptionError(
            f"Nothing is changed: {error.filename}: {error.strerror}.", option=True
        ) from error


def _ask(edited: str) -> None:
    """Ask whether what people have edited may be merged.

    Raises:
        AdoptionError: It may not, or nobody is there to ask.
    """
    if not sys.stdin.isatty():
        raise AdoptionError(
            f"You have edited {edited}, and nothing is changed: --yes merges that with what is"
            " adopted, --discard-edits overwrites it.",
            option=True,
        )
    if input(f"Merge {edited} so? [y/N] ").strip().lower() not in ("y", "yes"):
        raise AdoptionError("Nothing is changed.", option=True)


def _profile(arguments: argparse.Namespace) -> None:
    from . import profiles
    from .project import find_package

    print(f"What the data looks like: {profiles.draw(find_package())}")

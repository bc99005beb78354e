"""The command line: merge confs, run the job that they describe, print its result."""

from __future__ import annotations

import argparse
import atexit
import contextlib
import errno
import gc
import logging
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

PACKAGE = __name__.partition(".")[0]

EPILOG = """
A job's result is printed as JSON on stdout, its log on stderr.

exit codes:
  0  done
  1  MLflow failed, or an unexpected error
  2  the command line or a conf is wrong
  3  the data is missing, or not what the schemas say
  4  the registry has no such version or no champion, or a version predicts
     something else than when it was trained
  5  promotion was refused
  6  drift was found
  7  rows were set aside, and the others predicted
  130, 143  stopped, from the keyboard or by SIGTERM
"""


class Terminated(KeyboardInterrupt):
    """SIGTERM, which a scheduler sends to end a job: it ends as it does from the keyboard."""


def build_parser() -> argparse.ArgumentParser:
    """Build the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog=PACKAGE,
        description="Run the job that the confs describe.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("files", nargs="*", help="YAML confs, merged from left to right")
    parser.add_argument(
        "-e",
        "--extras",
        nargs="+",
        action="extend",
        default=[],
        metavar="KEY=VALUE",
        help="override a dotted key, as job.limit=10; may be repeated",
    )
    parser.add_argument("--schema", action="store_true", help="print the confs' JSON schema")
    parser.add_argument("--version", action="store_true", help="print the project's version")
    return parser


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: those of the process, where None.

    Returns:
        The exit code.
    """
    if sys.stderr is None:  # closed by whoever started this
        sys.stderr = os.fdopen(os.open(os.devnull, os.O_WRONLY), "w")
    parser = build_parser()
    options = parser.parse_args(arguments)
    if options.version:
        from importlib.metadata import version

        return 0 if _print(version(PACKAGE)) else 1
    # Nearly all that a start makes stays: to look for garbage in it every 700 objects, and once
    # more at the end, as Python does, would be a third of what a job costs.
    gc.set_threshold(50_000)
    atexit.register(gc.freeze)
    if options.schema:
        import json

        from .settings import Settings

        return 0 if _print(json.dumps(Settings.model_json_schema(), indent=2)) else 1
    if not options.files and not options.extras:
        parser.error("name a conf, as confs/training.yaml")
    from .core.errors import UserError
    from .io.configs import mask, mask_all
    from .settings import load

    try:
        # What the project's own code prints is no part of the result.
        with (
            contextlib.redirect_stdout(sys.stderr),
            _terminable(),
            load(options.files, options.extras).job as runner,
        ):
            result = runner.run()
    except UserError as error:
        print(f"error: {mask(str(error))}", file=sys.stderr)
        return error.exit_code
    except KeyboardInterrupt as error:
        print("stopped", file=sys.stderr)
        return 143 if isinstance(error, Terminated) else 130
    except OSError as error:
        # A full disk, a folder that is read-only, no room for temporary files.
        print(f"error: {mask(_tell(error))}", file=sys.stderr)
        return 1
    except UnicodeEncodeError as error:
        name = ascii(error.object)
        print(f"error: The name {name} needs UTF-8: set PYTHONUTF8=1.", file=sys.stderr)
        return 2
    except Exception:
        logging.getLogger(__name__).exception("An unexpected error, which is not your mistake:")
        return 1
    import json

    # ASCII, whatever stdout can write.
    printed = _print(json.dumps(mask_all(result.model_dump(mode="json")), indent=2))
    return result.exit_code if printed else 1


def _tell(error: OSError) -> str:
    """Say where the system refused something, and what to do about a lack of room."""
    import tempfile

    place = f" ({error.filename})" if error.filename else ""
    hint = ""
    if error.errno in {errno.EDQUOT, errno.ENOSPC}:
        hint = f" Make room there, and in {tempfile.gettempdir()} for temporary files."
    return f"{error.strerror or error}{place}.{hint}"


@contextlib.contextmanager
def _terminable() -> Iterator[None]:
    """Turn SIGTERM into an exception, so that the run, its files and its alert are seen to."""

    def stop(*_: object) -> None:
        raise Terminated

    before = signal.signal(signal.SIGTERM, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)


def _print(text: str) -> bool:
    """Print on stdout, of which a reader such as ``head`` may take no more than it wants.

    Returns:
        Whether stdout took it, or its reader wanted no more.
    """
    try:
        print(text, flush=True)
    except OSError as error:
        # Python writes what is left when it ends, and would complain again.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        if not isinstance(error, BrokenPipeError):
            print(f"error: the result cannot be printed: {error.strerror}", file=sys.stderr)
            return False
    return True

"""Predict with one version by the code that came with it, in a process of its own.

``versions.py`` runs this file as a script, and asks it through pipes. It imports nothing of the
project: the package that it finds is the version's own copy.
"""

from __future__ import annotations

import contextlib
import importlib
import json
import os
import struct
import sys
import warnings
from typing import IO, TYPE_CHECKING, Any

if TYPE_CHECKING:
    import pandas as pd

LENGTHS = struct.Struct("<QQ")


def send(pipe: IO[bytes], message: dict[str, Any], table: pd.DataFrame | None = None) -> None:
    """Write a message, and a table that goes with it.

    Args:
        pipe: where to.
        message: of what JSON knows.
        table: of any number of rows; its index and its types go along.
    """
    import pyarrow as pa

    text, rows = json.dumps(message).encode(), b""
    if table is not None:
        content, sink = pa.Table.from_pandas(table), pa.BufferOutputStream()
        with pa.ipc.new_stream(sink, content.schema) as stream:
            stream.write_table(content)
        rows = sink.getvalue().to_pybytes()
    pipe.write(LENGTHS.pack(len(text), len(rows)) + text + rows)
    pipe.flush()


def receive(pipe: IO[bytes]) -> tuple[dict[str, Any], pd.DataFrame]:
    """Read what ``send`` wrote; where no table went along, the table is empty.

    Raises:
        EOFError: The other side is gone.
    """
    import pandas as pd
    import pyarrow as pa

    def read(size: int) -> bytes:
        found = pipe.read(size)
        if len(found) < size:
            raise EOFError
        return found

    length, size = LENGTHS.unpack(read(LENGTHS.size))
    message: dict[str, Any] = json.loads(read(length))
    if not size:
        return message, pd.DataFrame()
    table: pd.DataFrame = pa.ipc.open_stream(read(size)).read_pandas()
    return message, table


class Host:
    """A version, loaded as any client of MLflow does.

    Args:
        folder: the version's model.
        package: the name of the package that it carries.
    """

    def __init__(self, folder: str, package: str) -> None:
        import mlflow

        self.model = mlflow.pyfunc.load_model(folder, suppress_warnings=True).unwrap_python_model()
        self.schemas = importlib.import_module(f"{package}.core.schemas")
        self.frames = importlib.import_module(f"{package}.core.frames")

    def describe(self, schema: str) -> tuple[dict[str, Any], pd.DataFrame]:
        """Describe a table, by what it is without rows.

        Args:
            schema: the name of its schema.

        Returns:
            The columns that no model learns from, those that warn of cells unlike any seen before,
            the names that are patterns, and the table.
        """
        import pandas as pd

        rules = getattr(self.schemas, schema).to_schema()
        columns = rules.columns.items()
        return {
            "aside": [n for n, each in columns if not (each.metadata or {}).get("feature", True)],
            "warning": [n for n, each in columns if any(c.raise_warning for c in each.checks)],
            "patterns": [n for n, each in columns if each.regex],
        }, pd.DataFrame(
            {name: pd.Series(dtype=column.dtype.type) for name, column in columns},
            index=pd.Index([], dtype=rules.index.dtype.type, name=rules.index.name),
        )

    def predict(self, table: pd.DataFrame, *, parsed: bool) -> pd.DataFrame:
        """Predict, behind the version's own schemas.

        Args:
            table: n rows.
            parsed: whether they went through their schema's parsers already.
        """
        is_known = parsed and hasattr(self.frames, "parsed")
        with self.frames.parsed() if is_known else contextlib.nullcontext():
            outputs: pd.DataFrame = self.model.predict(None, table)
        return outputs

    def recognise(self, table: pd.DataFrame) -> pd.DataFrame:
        """Tell which cells of a column are like those that were seen.

        Args:
            table: n rows of one column.

        Returns:
            n truth values.
        """
        [name] = table
        seen = table[name].notna() | True
        for check in self.schemas.Inputs.to_schema().columns[name].checks:
            if check.raise_warning:
                seen &= check(table[name]).check_output.fillna(value=False).astype("bool")
        return seen.to_frame("seen")


def answer(
    host: Host, message: dict[str, Any], table: pd.DataFrame
) -> tuple[dict[str, Any], pd.DataFrame]:
    """Do what is asked."""
    match message["do"]:
        case "describe":
            return host.describe(message["schema"])
        case "recognise":
            return {}, host.recognise(table)
        case _:
            return {}, host.predict(table, parsed=message["parsed"])


def main(folder: str, package: str) -> None:
    """Answer until nobody asks any more."""
    warnings.simplefilter("ignore")  # who asks looks for unseen cells
    replies = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what the version prints is no answer
    host = None
    with contextlib.suppress(EOFError):
        while True:
            message, table = receive(sys.stdin.buffer)
            try:
                host = host or Host(folder, package)
                found, answered = answer(host, message, table)
            except Exception as error:  # noqa: BLE001
                found, answered = {"error": type(error).__name__, "text": str(error)}, None
            send(replies, found, answered)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A version at work: by the project's code where that is its own, else in a process of its own.

Each version carries the package that it was trained with: its schemas, encoders and model classes.
Where the project's have changed since, a version that was promoted goes on by those it carries: it
takes from a table the columns that it was trained on, and predicts what it predicted when it was
judged.
"""

from __future__ import annotations

import contextlib
import logging
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, cast

from ..core.errors import DataError, RegistryError
from . import champions, host, registries
from .services import PACKAGE

if TYPE_CHECKING:
    import pandas as pd
    import pandera.pandas as pa
    from mlflow.entities.model_registry import ModelVersion

    Schema = type[pa.DataFrameModel]

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class OpenVersion:
    """What a version takes, what it gives, and how to have it predict."""

    inputs: Schema
    outputs: Schema
    load: Callable[[], registries.Predictor]
    """Load it, and check that it predicts what it predicted when it was trained."""


@contextlib.contextmanager
def opening(version: ModelVersion, loader: registries.LoaderKind) -> Iterator[OpenVersion]:
    """Open a version, by the project's code or by its own.

    Code that came with a version runs only where the record of champions holds the digest of its
    files, in a process that ends with the block.

    Args:
        version: the version.
        loader: how to load it where the project's code is its own.

    Raises:
        RegistryError: It is not this project's, predicts another target, or was changed.
    """
    from ..core import schemas

    changed = registries.find_changes(version)
    member = champions.find_former(version) if changed else None
    if member is None or not member.digest:
        registries.check_fit(version)
        yield OpenVersion(schemas.Inputs, schemas.Outputs, lambda: loader.load(version))
        return
    # Closed apart, for a failure of those who use it is none of the files.
    with contextlib.closing(contextlib.ExitStack()) as stack:
        folder = stack.enter_context(registries.read_model(version))
        content = registries.read_content(version)
        if content is not None:
            registries.check_origin(version, content)
        if registries.digest_files(folder) != member.digest:
            raise RegistryError(
                f"The files of version {version.version} are not those that were promoted: somebody"
                " has changed them. Restore them, or name another version."
            )
        # Python would run compiled code in place of the sources, which the digest is of.
        for compiled in folder.rglob("*.pyc"):
            compiled.unlink()
        logger.info(
            "Version %s works by its own code: of the project's, %s changed since it was trained.",
            version.version,
            ", ".join(changed),
        )
        process = stack.enter_context(_Process(folder, int(version.version)))

        def load() -> registries.Predictor:
            artifacts = folder / "artifacts"
            registries.check_replay(version, artifacts, process.repeat, by_its_own=True)
            return process.predict

        yield OpenVersion(process.schema("Inputs"), process.schema("Outputs"), load)


class _Process:
    """A process that predicts with a version by its own code.

    Args:
        folder: the version's model.
        version: its number.
    """

    def __init__(self, folder: Path, version: int) -> None:
        self.version = version
        self._folder = str(folder)
        self._command = [sys.executable, "-P", host.__file__, self._folder, PACKAGE]

    def __enter__(self) -> _Process:
        with contextlib.ExitStack() as stack:
            self._said = stack.enter_context(tempfile.TemporaryFile())
            # It ends when nobody asks any more, and not before: signals are for who asks.
            self._process = stack.enter_context(
                subprocess.Popen(  # noqa: S603
                    self._command,
                    stdin=subprocess.PIPE,
                    stdout=subprocess.PIPE,
                    stderr=self._said,
                    start_new_session=True,
                )
            )
            stack.callback(self._end)
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _end(self) -> None:
        self._process.kill()
        with contextlib.suppress(OSError):  # of what it did not read any more
            cast("IO[bytes]", self._process.stdin).close()

    def schema(self, name: str) -> Schema:
        """Describe a table of the version by a schema of its columns, their types and no rules.

        The rules are the version's own, and it checks them itself.
        """
        import pandera.pandas as pa

        def recognise(cells: pd.Series[Any]) -> pd.Series[Any]:
            """Tell which of n cells of a column are like those that were seen: n truth values."""
            _, table = self._ask({"do": "recognise"}, cells.to_frame())
            return table["seen"]

        found, empty = self._ask({"do": "describe", "schema": name})
        columns = {
            str(column): pa.Column(
                dtype,
                nullable=True,
                regex=column in found["patterns"],
                metadata={"feature": column not in found["aside"]},
                checks=[pa.Check(recognise, ignore_na=False, raise_warning=True)]
                if column in found["warning"]
                else [],
            )
            for column, dtype in empty.dtypes.items()
        }
        index = pa.Index(empty.index.dtype, name=empty.index.name)
        built = pa.DataFrameSchema(columns, index=index, strict=True)

        class Recorded(pa.DataFrameModel):
            @classmethod
            def to_schema(cls) -> pa.DataFrameSchema:
                return built

        Recorded.__name__ = f"{name} of version {self.version}"
        return Recorded

    def predict(self, inputs: pd.DataFrame) -> pd.DataFrame:
        """Predict n rows that are as they were read; no parser has seen them."""
        _, outputs = self._ask({"do": "predict", "parsed": False}, inputs)
        return outputs

    def repeat(self, inputs: pd.DataFrame) -> pd.DataFrame:
        """Predict n rows that the version's parsers have seen."""
        _, outputs = self._ask({"do": "predict", "parsed": True}, inputs)
        return outputs

    def _ask(
        self, message: dict[str, Any], table: pd.DataFrame | None = None
    ) -> tuple[dict[str, Any], pd.DataFrame]:
        try:
            host.send(cast("IO[bytes]", self._process.stdin), message, table)
            reply, answer = host.receive(cast("IO[bytes]", self._process.stdout))
        except (EOFError, OSError) as error:
            code = self._process.wait()
            raise RegistryError(
                f"Version {self.version} works by its own code, and its process ended (exit code"
                f" {code}{self._last_line()}). Run this again, or train, evaluate and promote a"
                " new version."
            ) from error
        if "error" not in reply:
            return reply, answer
        if reply["error"] == "DataError":
            raise DataError(f"Of version {self.version}, by its own schemas: {reply['text']}")
        said = reply["text"].replace(self._folder, "MODEL").splitlines()
        raise RegistryError(
            f"Version {self.version} works by its own code, which fails ({reply['error']}:"
            f" {' '.join(said[:2])}). Roll back, or train, evaluate and promote a new version."
        )

    def _last_line(self) -> str:
        self._said.seek(0)
        lines = self._said.read().decode(errors="replace").split("\n")
        said = [line.strip() for line in lines if line.strip()]
        return f": {said[-1]}" if said else ""

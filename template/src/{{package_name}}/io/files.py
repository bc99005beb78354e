"""Files anywhere that fsspec reaches, read where they are and written all or not at all."""

from __future__ import annotations

import contextlib
import fnmatch
import logging
import os
import shutil
import tempfile
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated

from pydantic import Field

from ..core.components import nearest
from ..core.errors import ConfigError, DataError
from . import processes

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from fsspec import AbstractFileSystem

SCRATCH = ".writing."
"""How the names of folders begin in which files are written; the process's name follows."""

READ, WRITTEN = "read", "written"
"""How a field is marked whose path a job reads, or writes."""

InputPath = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]+$"), READ]
OutputPath = Annotated[str, Field(min_length=1, pattern=r"^[^\x00]+$"), WRITTEN]

COMPRESSED = {".gz", ".bz2", ".xz", ".zip", ".zst"}

EXTRAS = {"s3": "s3", "s3a": "s3", "gs": "gs", "gcs": "gs", "az": "az", "abfs": "az", "abfss": "az"}
"""The optional dependencies that each kind of URL needs."""

logger = logging.getLogger(__name__)


def open_filesystem(path: str) -> tuple[AbstractFileSystem, str]:
    """Find the file system of a local path or an fsspec URL.

    Returns:
        The file system, and the path as it names it.

    Raises:
        ConfigError: The kind of URL is unknown, or its library is not installed.
    """
    import fsspec

    scheme = path.partition("://")[0] if "://" in path else "file"
    try:
        filesystem, name = fsspec.url_to_fs(path)
    except ImportError as error:
        extra = EXTRAS.get(scheme)
        hint = f"uv sync --extra {extra}" if extra else f"install what fsspec asks for: {error}"
        raise ConfigError(f"Reaching {path} needs a library more: {hint}.") from error
    except ValueError as error:
        raise ConfigError(f"Cannot reach {path}: {error}.") from error
    return filesystem, str(name)


def is_local(filesystem: AbstractFileSystem) -> bool:
    """Say whether a file system is the machine's own."""
    return "file" in filesystem.protocol


def list_files(path: str, suffix: str) -> tuple[AbstractFileSystem, list[str]]:
    """List the files of a path, sorted by name.

    Args:
        path: a file, a directory, or a pattern as ``sales/2026-*.csv``; local or an fsspec URL.
        suffix: which files of a directory count.

    Raises:
        ConfigError: See ``open_filesystem``.
        DataError: There is no such file, or the directory holds none with the suffix.
    """
    filesystem, name = open_filesystem(path)
    try:
        if filesystem.isdir(name):
            root = name.rstrip("/")
            found = [str(file) for file in filesystem.glob(f"{root}/**/*{suffix}*")]
            files = sorted(file for file in found if _is_data(file.removeprefix(root), suffix))
            if not files:
                raise DataError(f"The directory {path} holds no {suffix} file.")
            return filesystem, files
        if filesystem.exists(name):
            return filesystem, [name]
        if has_magic(name):
            found = sorted(str(file) for file in filesystem.glob(name) if filesystem.isfile(file))
            if not found:
                raise DataError(f"No file matches {path}.")
            return filesystem, found
        siblings = _siblings(filesystem, name)
    except DataError:
        raise
    except Exception as error:  # each store has errors of its own, as for missing credentials
        raise DataError(f"Cannot read {path}: {error}.") from error
    hint = nearest(PurePosixPath(name).name, siblings) if siblings else ""
    raise DataError(f"There is no file {path}.{hint}")


def check_apart(outputs: Mapping[str, str], kept: Collection[str]) -> None:
    """Check, before any work, that files to be written take the place of nothing needed.

    Args:
        outputs: the path of each file, by the name of the field that says so.
        kept: paths of what must not be replaced.

    Raises:
        ConfigError: One would replace something, or another one.
    """
    names: dict[str, str] = {}
    for field, path in outputs.items():
        for other in kept:
            if contains(other, path) or contains(path, other) or _matches(path, other):
                raise ConfigError(f"{field}: {path} would take the place of {other}. Name another.")
        twin = names.setdefault(_resolve(path), field)
        if twin != field:
            raise ConfigError(f"{field}: {path} is {twin} as well. Name another.")


def check_writable(path: str) -> None:
    """Check, before any work, that a file can be written.

    Raises:
        ConfigError: It cannot, or its kind of URL is unknown.
    """
    filesystem, name = open_filesystem(path)
    if not is_local(filesystem):
        return
    try:
        _check_local(path, Path(name))
    except OSError as error:  # as for a name that is too long
        raise ConfigError(f"Cannot write {path}: {error.strerror}.") from error


def _check_local(path: str, target: Path) -> None:
    if target.is_dir():
        raise ConfigError(f"Cannot write {path}: it is a directory. Name a file in it.")
    folder = next(folder for folder in target.parents if folder.exists())
    if not folder.is_dir():
        raise ConfigError(f"Cannot write {path}: {folder} is a file.")
    if not os.access(folder, os.W_OK):
        raise ConfigError(f"Cannot write {path}: no permission to write in {folder}.")


def contains(path: str, other: str) -> bool:
    """Say whether a path is another one, or a directory that holds it, however they are written."""
    return f"{_resolve(other)}/".startswith(f"{_resolve(path)}/")


def _matches(path: str, pattern: str) -> bool:
    """Say whether a path is one that a pattern finds, now or once it is there."""
    if not has_magic(pattern):
        return False
    target = _resolve(path)
    filesystem, name = open_filesystem(pattern)
    found = filesystem.glob(name) if is_local(filesystem) else []
    return fnmatch.fnmatch(target, _resolve(pattern)) or target in map(_resolve, map(str, found))


def _resolve(path: str) -> str:
    filesystem, name = open_filesystem(path)
    if is_local(filesystem):
        return os.path.realpath(name)
    return f"{filesystem.protocol}://{name.rstrip('/')}"


@contextlib.contextmanager
def scratch(parent: Path | None = None) -> Iterator[Path]:
    """Make a folder that is gone after the block, and with it what killed processes left there.

    Args:
        parent: where, for what shall appear beside it in one step; it is made where it is missing.
            The system's own place for such folders without one.
    """
    if parent is not None:
        parent.mkdir(parents=True, exist_ok=True)
        for left in parent.glob(f"{SCRATCH}*"):
            if processes.is_gone(left.name.removeprefix(SCRATCH).rpartition(".")[0]):
                shutil.rmtree(left, ignore_errors=True)
                logger.warning("Removed %s, which a killed process left.", left)
    prefix = f"{SCRATCH}{processes.name()}."
    with tempfile.TemporaryDirectory(prefix=prefix, dir=parent) as folder:
        yield Path(folder)


@contextlib.contextmanager
def replacing(path: str) -> Iterator[Path]:
    """Write a file so that it appears whole at the end, and a failure leaves the old one.

    Args:
        path: the file to replace, a local path or an fsspec URL.

    Yields:
        A local file to write in its stead.

    Raises:
        ConfigError: See ``open_filesystem``.
        DataError: The file system refused the file.
    """
    filesystem, name = open_filesystem(path)
    local = is_local(filesystem)
    target = Path(name)
    with contextlib.ExitStack() as stack:
        with _refusal(path):
            parent = target.parent if local else None
            folder = stack.enter_context(scratch(parent))
        part = folder / target.name
        yield part
        with _refusal(path):
            if local:
                part.replace(target)
            else:
                filesystem.put_file(str(part), name)


@contextlib.contextmanager
def _refusal(path: str) -> Iterator[None]:
    try:
        yield
    except Exception as error:  # each store has errors of its own
        raise DataError(f"Cannot write {path}: {error}.") from error


def write_text(path: str, text: str) -> None:
    """Write a text file, whole or not at all."""
    with replacing(path) as part:
        part.write_text(text, encoding="utf-8")


def _is_data(name: str, suffix: str) -> bool:
    """Say whether a file of a directory is data, and not half-written or a tool's own."""
    path = PurePosixPath(name)
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return plain.name.endswith(suffix) and not hidden


def _siblings(filesystem: AbstractFileSystem, name: str) -> list[str]:
    try:
        parent = str(PurePosixPath(name).parent)
        names = [PurePosixPath(str(file)).name for file in filesystem.ls(parent, detail=False)]
        return [name for name in names if not name.startswith(".")]
    except OSError:
        return []

"""Tables are files anywhere that fsspec reaches."""

import difflib
import re
from glob import has_magic
from pathlib import Path, PurePosixPath
from typing import Any

from .errors import AdoptionError

COMPRESSED = {".gz", ".bz2", ".xz", ".zip", ".zst"}
LIBRARIES = {"s3": "s3fs", "gs": "gcsfs", "gcs": "gcsfs", "az": "adlfs", "abfs": "adlfs"}
"""What the kinds of URL need, which are not there by themselves."""
EXTRAS = {"s3fs": "s3", "gcsfs": "gs", "adlfs": "az"}
"""The optional dependency of a project that brings each."""


def hide_secrets(path: str) -> str:
    """Take out of a URL what may be a password or a token, so that it can be shown and written."""
    if "://" not in path:
        return path
    return re.sub(r"(?<=://)[^/@]*@", "***@", path.partition("?")[0])


def list_files(path: str, suffix: str) -> tuple[Any, list[str]]:
    """List the files of a path, sorted by name.

    Args:
        path: a file, a folder or a pattern; local or an fsspec URL.
        suffix: which files of a folder count.

    Returns:
        The file system, and the files as it names them.

    Raises:
        AdoptionError: There is none, or it cannot be reached.
    """
    import fsspec

    shown = hide_secrets(path)
    try:
        filesystem, name = fsspec.url_to_fs(path)
        if filesystem.isdir(name):
            root = name.rstrip("/")
            found = sorted(filter(filesystem.isfile, filesystem.glob(f"{root}/**/*{suffix}*")))
            names = [file for file in found if _is_data(file.removeprefix(root), suffix)]
            said = f"The folder {shown} holds no {suffix} file."
        elif filesystem.exists(name):
            return filesystem, [name]
        else:
            names = sorted(filter(filesystem.isfile, filesystem.glob(name)))
            said = f"No file matches {shown}." if has_magic(name) else _say_missing(path)
    except ImportError as error:
        library = LIBRARIES.get(path.partition("://")[0], "")
        hint = f"uv sync --extra {EXTRAS[library]}" if library else str(error).rstrip(".")
        raise AdoptionError(
            f"Reaching {shown} needs a library more: {hint}.", option=True
        ) from error
    except Exception as error:  # each store has errors of its own, as for missing credentials
        reason = str(error).replace(path, shown).rstrip(".")
        raise AdoptionError(f"Cannot read {shown}: {reason}.", option=True) from error
    if not names:
        raise AdoptionError(said, option=True)
    return filesystem, names


def _say_missing(path: str) -> str:
    there = Path(path).parent
    names = [file.name for file in there.iterdir()] if there.is_dir() else []
    near = difflib.get_close_matches(Path(path).name, names, 1)
    return f"There is no file {hide_secrets(path)}." + (f" Did you mean {near[0]}?" if near else "")


def _is_data(name: str, suffix: str) -> bool:
    """Say whether a file of a folder is data, and not half-written or a tool's own."""
    path = PurePosixPath(name)
    plain = path.with_suffix("") if path.suffix in COMPRESSED else path
    hidden = any(part.startswith((".", "_")) for part in path.parts)
    return plain.name.endswith(suffix) and not hidden

"""Settings: what one run of the command line needs, which is one job."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING

from pydantic import ValidationError

from .core.components import Component
from .core.errors import ConfigError
from .io import configs
from .io.files import check_apart
from .jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Sequence


class Settings(Component):
    """A conf, validated as a whole before anything runs."""

    job: JobKind


def load(files: Sequence[str | Path], overrides: Sequence[str] = ()) -> Settings:
    """Load settings from confs.

    Args:
        files: YAML files, merged from left to right.
        overrides: ``dotted.key=value``, which win over the files.

    Raises:
        ConfigError: With a line for each mistake.
    """
    conf = configs.load(files, overrides)
    try:
        settings = Settings.model_validate(conf)
    except ValidationError as error:
        keys = [override.partition("=")[0] for override in overrides]
        where = " + ".join(map(str, [*files, *keys]))
        raise ConfigError(f"{where} is wrong:\n{configs.explain(error, Settings)}") from None
    check_apart(settings.job.written(), _find_needed(files))
    return settings


def _find_needed(files: Sequence[str | Path]) -> list[str]:
    """List the confs in the folders of these, and what they have read that no job writes."""
    confs = {*map(str, files)}
    for folder in {Path(file).parent for file in files}:
        confs |= {str(path) for path in folder.glob("*.y*ml")}
    read: set[str] = set()
    written: set[str] = set()
    for conf in confs:
        # What is no conf by itself, as an overlay, is none of a job of its own.
        with contextlib.suppress(ConfigError, ValidationError):
            job = Settings.model_validate(configs.load([conf])).job
            read |= {*job.read().values()}
            written |= {*job.written().values()}
    return [*sorted(confs), *sorted(read - written)]

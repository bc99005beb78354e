"""Settings: what one run of the command line needs, which is one job."""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

from pydantic import Field, ValidationError

from .core.components import Component
from .core.errors import ConfigError
from .core.metrics import MetricKind, Threshold
from .core.splitters import FoldsKind, HoldoutKind
from .io import configs
from .io.files import check_apart
from .io.kinds import ReaderKind
from .jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Sequence


class Data(Component):
    """What jobs share, for their confs to name as ``${data.training}``."""

    training: ReaderKind | None = None
    inference: ReaderKind | None = None
    splitter: HoldoutKind | None = None
    """Which rows are held out from training, and so from tuning."""
    folds: FoldsKind | None = None
    metrics: Annotated[list[MetricKind], Field(min_length=1)] | None = None
    """The first one decides."""
    thresholds: list[Threshold] | None = None
    """What a version has to reach, to be promoted."""


class Settings(Component):
    """A conf, validated as a whole before anything runs."""

    job: JobKind
    data: Data | None = None


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
        read = dict.fromkeys(name for file in files for name in configs.find_files(file))
        lines = configs.explain(error, Settings).splitlines()
        # What is wrong in what jobs share is wrong in this one, too.
        shared = [line for line in lines if line.startswith("  data.")]
        told = "\n".join([f"{' + '.join([*read, *keys])} is wrong:", *(shared or lines)])
        raise ConfigError(told) from None
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

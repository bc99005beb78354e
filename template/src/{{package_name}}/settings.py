"""Settings: what one run of the command line needs, which is one job."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pydantic import ValidationError

from .core.components import Component
from .core.errors import ConfigError
from .io import configs
from .io.files import check_apart
from .jobs import JobKind

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path


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
    check_apart(settings.job.written(), [str(file) for file in files])
    return settings

"""The tasks of this project, one module per family; ``uv run inv --list`` names them all."""

import os
from pathlib import Path

from invoke.collection import Collection

from . import (
    checks,
    cleans,
    commits,
    containers,
    docs,
    formats,
    installs,
    mlflow,
    packages,
    projects,
)

# Tasks speak of paths from the root of the project, and may be called from any folder of it.
os.chdir(Path(__file__).parent.parent)

namespace = Collection(
    checks,
    cleans,
    commits,
    containers,
    docs,
    formats,
    installs,
    mlflow,
    packages,
    projects,
)

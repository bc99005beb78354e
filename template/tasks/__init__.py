"""The tasks of this project, one module per family; ``uv run inv --list`` names them all."""

import atexit
import gc
import os
import sys
from pathlib import Path

from invoke.collection import Collection

from . import (
    checks,
    cleans,
    commits,
    containers,
    data,
    docs,
    formats,
    installs,
    mlflow,
    packages,
    projects,
    template,
)

FOLDER = Path(__file__).parent

# Invoke has Python keep no bytecode, and each start would compile all that it imports again.
sys.dont_write_bytecode = bool(sys.flags.dont_write_bytecode)

# As scripts.py of the package does, for the tasks that do its work.
gc.set_threshold(50_000)
atexit.register(gc.freeze)

# Tasks speak of paths from the root of the project, and may be called from any folder of it.
os.chdir(FOLDER.parent)
# Invoke makes this folder importable, and its mlflow.py would be taken for the library.
sys.path[:] = [path for path in sys.path if path != str(FOLDER)]

namespace = Collection(
    checks,
    cleans,
    commits,
    containers,
    data,
    docs,
    formats,
    installs,
    mlflow,
    packages,
    projects,
    template,
)

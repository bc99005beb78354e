"""Services: what a job runs within: logs, alerts, and the tracking server."""

from __future__ import annotations

import contextlib
import hashlib
import logging
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

from pydantic import Field

from ..core.components import Component
from ..core.errors import ConfigError, ServerError
from . import configs, processes, stores

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .datasets import Reader, Writer

PACKAGE = __name__.partition(".")[0]
"""The project's package: the name of its logs, its experiment, and its registered model."""

DEFAULTS = {
    # The saver names the libraries: looking for a uv project at each save would cost seconds.
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_DISABLE_TELEMETRY": "true",
    # A server that is down is told in seconds, not in minutes.
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "3",
    # stdout is for a job's result.
    "MLFLOW_SUPPRESS_PRINTING_URL_TO_STDOUT": "true",
    # An error of MLflow's would show the rows that caused it.
    "MLFLOW_DISABLE_SCHEMA_DETAILS": "true",
}
"""What the environment says of MLflow where it says nothing else."""

ATTEMPTS = 3
"""How often what another run may be writing too is written, at most."""

LINE = "%(asctime)s %(levelname)s %(message)s"

Name = Annotated[str, Field(min_length=1)]

logger = logging.getLogger(__name__)


class MaskingFormatter(logging.Formatter):
    """Lines, and the tracebacks under them, without secrets."""

    def format(self, record: logging.LogRecord) -> str:
        """Write a line."""
        return configs.mask(super().format(record))


class LoggerService(Component):
    """Log lines on stderr; stdout is for a job's result."""

    level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"

    def start(self) -> None:
        """Show the project's lines from the level up, and other libraries' warnings."""
        root = logging.getLogger()
        if not root.handlers:
            handler = logging.StreamHandler()
            handler.setFormatter(MaskingFormatter(LINE, datefmt="%H:%M:%S"))
            root.addHandler(handler)
        logging.getLogger(PACKAGE).setLevel(self.level)


class AlertsService(Component):
    """Messages to people when a job ends: chat, mail, webhook, desktop.

    Where to is an Apprise URL (https://appriseit.com/services/), which holds a secret: it is read
    from the environment and from nowhere else.
    """

    enabled: bool = False
    variable: Name = "APPRISE_URLS"
    """The environment variable that holds the URLs, separated by spaces."""
    when: Literal["always", "failure"] = "always"

    def check(self) -> None:
        if self.enabled:
            self._channels()

    def send(self, title: str, body: str, *, failure: bool) -> None:
        """Send a message; a channel that cannot be reached is logged, and does no more harm."""
        if not self.enabled or (self.when == "failure" and not failure):
            return
        if not self._channels().notify(title=configs.mask(title), body=configs.mask(body)):
            logger.warning("An alert did not reach every channel of %s.", self.variable)

    def _channels(self) -> Any:
        from apprise import Apprise

        # The URLs are secrets, and Apprise logs those that it does not understand.
        logging.getLogger("apprise").disabled = True
        channels = Apprise()
        urls = os.environ.get(self.variable, "").split()
        # An error says which one by its place.
        wrong = [place for place, url in enumerate(urls, start=1) if not channels.add(url)]
        if wrong or not urls:
            what = f"its URL number {wrong[0]} is not one of Apprise's" if wrong else "it is empty"
            raise ConfigError(
                f"Alerts are on, and the environment variable {self.variable} does not say where"
                f" to: {what} (https://appriseit.com/services/)."
            )
        return channels


class MlflowService(Component):
    """Experiment tracking and the model registry.

    Without a tracking URI here or in MLFLOW_TRACKING_URI, an SQLite database in the working
    directory is both.
    """

    tracking_uri: Name | None = None
    registry_uri: Name | None = None
    experiment: Annotated[str, Field(max_length=500, pattern=r"^[^\x00-\x1f]+$")] = PACKAGE
    registered_model: Annotated[str, Field(max_length=250, pattern=r"^[\w. -]+$")] = PACKAGE
    system_metrics: bool | None = None
    """Record the use of processors, memory and disks; None as MLflow's environment says."""

    def start(self) -> None:
        """Connect, and create the database and the experiment when they are missing.

        Raises:
            ConfigError: The server does not answer, or is not one that can be worked with.
        """
        # SciPy before MLflow: skops looks for the home of each of its functions in all modules, in
        # the order of their import, and MLflow brings more than a thousand.
        import scipy.special  # noqa: F401

        for variable, value in DEFAULTS.items():
            os.environ.setdefault(variable, value)
        if not is_terminal():
            os.environ.setdefault("MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR", "false")
        for library in ("mlflow", "alembic"):
            logging.getLogger(library).setLevel(logging.WARNING)
        # It logs each error of the database with its traceback, and raises it too.
        logging.getLogger("mlflow.store.db.utils").setLevel(logging.CRITICAL)
        stores.connect(self.tracking_uri, self.registry_uri, self.experiment)

    @contextlib.contextmanager
    def run(self, name: str, conf: dict[str, Any]) -> Iterator[str]:
        """Record a run: the conf, the git commit and the lock file it ran with.

        Args:
            name: of the run.
            conf: what the job was configured with.

        Yields:
            The run's identifier; the run has failed if an error comes out of the block.

        Raises:
            ConfigError: MLFLOW_RUN_ID names a run that has been used.
            ServerError: MLflow failed, or its files belong to another user.
        """
        import mlflow
        from mlflow.exceptions import MlflowException
        from requests.exceptions import RequestException
        from sqlalchemy.exc import SQLAlchemyError

        try:
            _check_fresh_run()
            with mlflow.start_run(
                run_name=name,
                tags=_provenance(),
                nested=True,
                log_system_metrics=self.system_metrics,
            ) as run:
                logger.info("Run %s in %s.", run.info.run_id, stores.describe())
                mlflow.log_text(configs.to_yaml(configs.mask_all(conf)), "conf.yaml")
                yield str(run.info.run_id)
        except (MlflowException, RequestException, SQLAlchemyError) as error:
            raise ServerError(
                f"MLflow failed: {stores.explain(error)} Run this again when it answers: what was"
                " begun is finished then."
            ) from error
        except PermissionError as error:
            raise ServerError(
                f"You may not use {error.filename}: it belongs to another user, or is read-only."
            ) from error


def log_params(values: dict[str, Any]) -> None:
    """Record parameters with the active run, without secrets."""
    import mlflow

    mlflow.log_params(configs.mask_all(values))


def log_lineage(run_id: str, context: str, tables: Sequence[Reader | Writer]) -> str:
    """Record with a run which data it read or wrote.

    Args:
        run_id: the run.
        context: what the data was for, as ``inputs``.
        tables: where the data is; a file that is read twice is digested once.

    Returns:
        A digest of it all, 16 hexadecimal digits.
    """
    import json

    from mlflow import MlflowClient
    from mlflow.entities import Dataset, DatasetInput, InputTag
    from mlflow.exceptions import MlflowException

    tags = [InputTag("mlflow.data.context", context)]
    different = [table for place, table in enumerate(tables) if table not in tables[:place]]
    parts = [table.lineage() for table in different]
    datasets = [
        DatasetInput(
            Dataset(
                name=Path(configs.mask(part.path)).name,
                digest=part.digest,
                source_type=part.kind,
                source=json.dumps({"uri": configs.mask(part.path)}),
            ),
            tags,
        )
        for part in parts
    ]
    for attempt in range(ATTEMPTS):
        try:
            MlflowClient().log_inputs(run_id, datasets)
        except MlflowException as error:
            # Of two runs that note the same data at once, a server on SQL fails one.
            if "UNIQUE" not in str(error).upper() or attempt == ATTEMPTS - 1:
                raise
        else:
            break
    return hashlib.sha256("".join(part.digest for part in parts).encode()).hexdigest()[:16]


def is_terminal() -> bool:
    """Say whether a person watches: progress is for them, and not for a file or a pipe."""
    return sys.stdout.isatty() and sys.stderr.isatty()


def _check_fresh_run() -> None:
    """Refuse to go on in a run that holds a job's artifacts: they would be overwritten."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    run_id = os.environ.get("MLFLOW_RUN_ID")
    if not run_id:
        return
    try:
        deleted = MlflowClient().get_run(run_id).info.lifecycle_stage == "deleted"
    except MlflowException as error:
        if error.error_code not in {"RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"}:
            raise
        deleted = True
    if deleted:
        raise ConfigError(
            f"MLFLOW_RUN_ID names the run {run_id}, which is not in {stores.describe()}: unset the"
            " variable."
        )
    if MlflowClient().list_artifacts(run_id):
        raise ConfigError(
            f"MLFLOW_RUN_ID names the run {run_id}, which holds a job already, and this one would"
            " overwrite it: unset the variable."
        )


def _provenance() -> dict[str, str]:
    tags = {stores.PROCESS: processes.name()}
    # Not being in a git repository, or having no git, is no reason to fail.
    with contextlib.suppress(OSError, subprocess.CalledProcessError):
        commit = subprocess.run(
            ["git", "rev-parse", "HEAD"],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        )
        tags["mlflow.source.git.commit"] = commit.stdout.strip()
        status = subprocess.run(
            ["git", "status", "--porcelain", "--untracked-files=no"],  # noqa: S607
            check=True,
            capture_output=True,
            text=True,
        )
        tags["git.dirty"] = str(bool(status.stdout.strip())).lower()
    with contextlib.suppress(OSError):
        tags["lock.sha256"] = hashlib.sha256(Path("uv.lock").read_bytes()).hexdigest()
    return tags

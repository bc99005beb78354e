"""Where MLflow keeps runs and models: connected to, and checked before any work.

Without a server, that is an SQLite database and the folder ``mlruns`` beside it. They belong to the
project's folder, and go where it goes.
"""

from __future__ import annotations

import contextlib
import errno
import logging
import os
import re
import socket
import sqlite3
from pathlib import Path
from typing import TYPE_CHECKING

from ..core.errors import ConfigError, ServerError
from . import configs, files, processes

if TYPE_CHECKING:
    from collections.abc import Iterator

EMBEDDED = "mlflow.db"
"""The database in the working directory, where there is no server."""

ARTIFACTS = "mlruns"
"""The folder beside it."""

MOVES = {
    "experiments": "UPDATE experiments"
    " SET artifact_location = :new || substr(artifact_location, :rest)"
    " WHERE substr(artifact_location, 1, :length) = :old",
    "runs": "UPDATE runs SET artifact_uri = :new || substr(artifact_uri, :rest)"
    " WHERE substr(artifact_uri, 1, :length) = :old",
    "logged_models": "UPDATE logged_models"
    " SET artifact_location = :new || substr(artifact_location, :rest)"
    " WHERE substr(artifact_location, 1, :length) = :old",
    "model_versions": "UPDATE model_versions"
    " SET storage_location = :new || substr(storage_location, :rest)"
    " WHERE substr(storage_location, 1, :length) = :old",
}
"""What changes where artifacts are, by the table of the database that says so."""

PROCESS = "process"
"""The tag of a run that names the process that makes it."""

logger = logging.getLogger(__name__)


def connect(uri: str | None, registry_uri: str | None, experiment: str) -> None:
    """Point MLflow at a store, and activate an experiment; what is missing is made.

    Args:
        uri: of the tracking server; MLFLOW_TRACKING_URI or the embedded database where None.
        registry_uri: of the model registry; where the runs are, if None.
        experiment: its name.

    Raises:
        ConfigError: The store does not answer, or is not one that can be worked with.
    """
    from mlflow.exceptions import MlflowException
    from sqlalchemy.exc import SQLAlchemyError

    uri = uri or os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{EMBEDDED}"
    try:
        if Path(EMBEDDED).exists() and not _is_embedded(uri):
            logger.warning(
                "%s in this folder is not used: runs and models are in %s.",
                EMBEDDED,
                configs.mask(uri),
            )
        if uri.startswith("sqlite:///"):
            path = _path_of(uri)
            _create_database(path)
            _check_access(path)
            follow_move(path)
        _point(uri, registry_uri)
        _check_registry()
        if uri.startswith("http"):
            _check_server()
        # `mlflow run` has made the run already, in the experiment that it was told.
        if "MLFLOW_RUN_ID" not in os.environ:
            _close_killed_runs(_activate(experiment))
    except ImportError as error:
        raise ConfigError(
            f"MLflow needs the library {error.name} for {configs.mask(uri)}: add it to the"
            " dependencies in pyproject.toml, or name another store in job.mlflow.tracking_uri or"
            " MLFLOW_TRACKING_URI."
        ) from error
    except (MlflowException, SQLAlchemyError, sqlite3.Error, OSError) as error:
        if any("disk is full" in str(cause) for cause in find_causes(error)):
            raise ServerError(
                f"There is no room on the disk of {configs.mask(uri)}: make some."
            ) from error
        raise ConfigError(
            f"MLflow does not answer: {explain(error)} Check job.mlflow.tracking_uri in the conf,"
            " or MLFLOW_TRACKING_URI."
        ) from error


def _is_embedded(uri: str) -> bool:
    return uri.startswith("sqlite:///") and _path_of(uri).resolve() == Path(EMBEDDED).resolve()


def _path_of(uri: str) -> Path:
    return Path(uri.removeprefix("sqlite:///").partition("?")[0])


def describe() -> str:
    """Say where runs and models are, without passwords."""
    import mlflow

    places = [mlflow.get_tracking_uri(), mlflow.get_registry_uri()]
    return configs.mask(", ".join(dict.fromkeys(places)))


def find_causes(error: BaseException) -> Iterator[BaseException]:
    """Walk from an error to what it came from."""
    cause: BaseException | None = error
    while cause is not None:
        yield cause
        cause = cause.__cause__ or cause.__context__


def explain(error: BaseException) -> str:
    """Say in a sentence what a store failed with, without passwords."""
    for cause in find_causes(error):
        if isinstance(cause, ConnectionError | socket.gaierror) and cause.strerror:
            return f"{cause.strerror} ({describe()})."
        if isinstance(cause, sqlite3.Error):
            return f"{cause} ({describe()})."
        if found := re.search(
            r"too many (\d+) error|\b(\d{3}) (?:Client|Server) Error", str(cause)
        ):
            return f"HTTP {found[1] or found[2]} ({describe()})."
    said = configs.mask(str(error).splitlines()[0]).rstrip(":. ")
    return f"{said}."


def _point(uri: str, registry_uri: str | None) -> None:
    """Point MLflow somewhere, and leave no trace in the environment.

    MLflow writes where it points to into the environment, for its children to inherit. The next
    job of this process would take that for what the user wants.
    """
    import mlflow

    given = {name: os.environ.get(name) for name in ("MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI")}
    mlflow.set_tracking_uri(uri)
    mlflow.set_registry_uri(registry_uri)  # type: ignore[arg-type]  # None forgets the last one
    for name, value in given.items():
        os.environ.pop(name, None)
        if value is not None:
            os.environ[name] = value


def _activate(experiment: str) -> str:
    """Activate an experiment, and tell its identifier.

    Of processes that start at once, one makes it; ``set_experiment`` by name activates nothing in
    the others.
    """
    import mlflow
    from mlflow.exceptions import MlflowException

    found = mlflow.get_experiment_by_name(experiment)
    if found is None:
        try:
            mlflow.create_experiment(experiment)
        except MlflowException as error:
            if error.error_code != "RESOURCE_ALREADY_EXISTS":
                raise
        found = mlflow.get_experiment_by_name(experiment)
    if found is None or found.lifecycle_stage == "deleted":
        raise ConfigError(
            f"The experiment '{experiment}' was deleted: restore it (mlflow experiments restore),"
            " or name another in job.mlflow.experiment."
        )
    mlflow.set_experiment(experiment_id=found.experiment_id)
    return str(found.experiment_id)


def _close_killed_runs(experiment_id: str) -> None:
    """End the runs that processes of this machine left open when they were killed."""
    from mlflow import MlflowClient

    client = MlflowClient()
    for run in client.search_runs([experiment_id], "attributes.status = 'RUNNING'"):
        if processes.is_gone(run.data.tags.get(PROCESS, "")):
            client.set_terminated(run.info.run_id, "KILLED")
            logger.warning("Run %s was killed, and is recorded so now.", run.info.run_id)


def _create_database(path: Path) -> None:
    """Create an SQLite database that processes may start on at the same time.

    MLflow's own creation is not safe for that, so a whole database appears at once.
    """
    if path.exists():
        return
    from mlflow import MlflowClient

    try:
        if not path.parent.is_dir():
            raise FileNotFoundError(errno.ENOENT, f"there is no folder {path.parent}")
        with files.scratch(path.parent) as folder:
            fresh = folder / path.name
            MlflowClient(f"sqlite:///{fresh}").search_experiments(max_results=1)
            with contextlib.suppress(FileExistsError):
                os.link(fresh, path)
    except OSError as error:
        raise ConfigError(
            f"Cannot create the database {path}: {error.strerror}. Name another in"
            " job.mlflow.tracking_uri or MLFLOW_TRACKING_URI."
        ) from error
    logger.info("The database %s is new: runs and models begin there.", path)


def _check_access(path: Path) -> None:
    """Check that a database may be written, which SQLAlchemy would try for minutes.

    SQLite writes a journal beside it.
    """
    if not (os.access(path, os.R_OK | os.W_OK) and os.access(path.parent, os.W_OK)):
        raise ConfigError(
            f"You may not use the database {path}: it or its folder belongs to another user, or is"
            " read-only. Name another in MLFLOW_TRACKING_URI."
        )


def follow_move(path: Path) -> None:
    """Let the database of a folder that was moved or copied name its own artifacts.

    MLflow records where artifacts are as absolute paths: those of a copy would be read from the
    original, and written into it.

    Raises:
        ConfigError: The database was copied without its artifacts.
    """
    here = path.resolve().parent
    if here != Path.cwd():
        return  # artifacts are where the jobs ran
    with contextlib.closing(sqlite3.connect(path)) as database, database:
        tables = {name for (name,) in database.execute("SELECT name FROM sqlite_master")}
        if not MOVES.keys() <= tables:
            return  # MLflow says what is wrong
        rows = database.execute("SELECT experiment_id, artifact_location FROM experiments")
        homes = {
            Path(place.removeprefix("file://")).parents[1]
            for number, place in rows
            if place.removeprefix("file://").endswith(f"/mlruns/{number}")
        }
        [runs] = database.execute("SELECT count(*) FROM runs").fetchone()
        for home in homes - {here}:
            if (here / "mlruns").is_dir() or not (home / "mlruns").is_dir() or not runs:
                logger.warning(
                    "This folder was %s before: its runs look for their files here now.", home
                )
                _rename_home(database, home, here)
            elif (home / path.name).exists():
                raise ConfigError(
                    f"The database {path} was copied from {home} without its artifacts: copy the"
                    " folder mlruns too, or delete the database to begin anew."
                )


def _rename_home(database: sqlite3.Connection, home: Path, here: Path) -> None:
    for scheme in ("", "file://"):
        old, new = f"{scheme}{home}/mlruns/", f"{scheme}{here}/mlruns/"
        names = {"old": old, "new": new, "length": len(old), "rest": len(old) + 1}
        for move in MOVES.values():
            database.execute(move, names)


def _check_registry() -> None:
    """Check that models are registered where runs are, if that is a server.

    A server looks for a model among its own runs, and fails where it is not there.
    """
    import mlflow

    runs, models = mlflow.get_tracking_uri().rstrip("/"), mlflow.get_registry_uri().rstrip("/")
    if models.startswith("http") and models != runs:
        raise ConfigError(
            f"Runs are in {configs.mask(runs)} and models in {configs.mask(models)}: a server"
            " registers models of its own runs only. Leave out job.mlflow.registry_uri, and"
            " MLFLOW_REGISTRY_URI."
        )


def _check_server() -> None:
    """Check that a server keeps models as MLflow 3 does, before a model is fitted in vain."""
    from mlflow import MlflowClient
    from mlflow.exceptions import MlflowException

    try:
        MlflowClient().search_logged_models(["0"], max_results=1)
    except MlflowException as error:
        if error.error_code != "ENDPOINT_NOT_FOUND":
            raise
        raise ConfigError(
            "The server of MLflow is of a version before 3, which cannot keep these models: update"
            " it, or name another in job.mlflow.tracking_uri or MLFLOW_TRACKING_URI."
        ) from error

"""What every job has in common."""

from __future__ import annotations

import contextlib
import logging
import os
from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, Self

from pydantic import BaseModel, ConfigDict, PrivateAttr

from ..core.components import Component, marked
from ..core.errors import UserError
from ..io import files, registries, stores
from ..io.services import AlertsService, LoggerService, MlflowService

if TYPE_CHECKING:
    from types import TracebackType

logger = logging.getLogger(__name__)


class Result(BaseModel):
    """What a job did, small enough to print."""

    model_config = ConfigDict(frozen=True)

    job: str
    run_id: str
    store: str = ""
    """Where the run and the registered model are."""

    @property
    def exit_code(self) -> int:
        """What the command line exits with; not 0 where the job's answer is bad news."""
        return 0

    def __str__(self) -> str:
        """Say in one sentence what was done."""
        return f"{self.job} is done."


class Job(Component, ABC):
    """A unit of work, run within its services.

    The command line, a notebook, a test and an orchestrator all run it the same way::

        with job as runner:
            result = runner.run()
    """

    KIND: str
    logger: LoggerService = LoggerService()
    alerts: AlertsService = AlertsService()
    mlflow: MlflowService = MlflowService()

    _result: Result | None = PrivateAttr(default=None)

    def check(self) -> None:
        super().check()
        outputs = self.written()
        for path in outputs.values():
            files.check_writable(path)
        database = [stores.EMBEDDED, f"{stores.EMBEDDED}-*", stores.ARTIFACTS]
        files.check_apart(outputs, [*self.read().values(), *database])

    def read(self) -> dict[str, str]:
        """List the paths that it reads, by the names of the fields that say so."""
        return {f"job.{name}": path for name, path in marked(self, files.READ).items()}

    def written(self) -> dict[str, str]:
        """List the paths that it writes, by the names of the fields that say so."""
        return {f"job.{name}": path for name, path in marked(self, files.WRITTEN).items()}

    def __enter__(self) -> Self:
        """Check what can be known before any work, and start the services.

        Raises:
            UserError: Something is wrong that the user can mend.
        """
        # Threads that spin while they wait make small models many times slower on busy cores.
        os.environ.setdefault("OMP_WAIT_POLICY", "passive")
        self._result = None
        try:
            self.logger.start()
            self.check()
            self.mlflow.start()
        except Exception as error:
            self._alert(error)
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """Tell people how it ended."""
        self._alert(error)

    def run(self) -> Result:
        """Do the work, as a run of the tracking server.

        Raises:
            UserError: Something is wrong that the user can mend.
        """
        logger.info("%s starts.", self.KIND)
        conf = {"job": self.model_dump(mode="json")}
        with self.mlflow.run(self.KIND, conf) as run_id, registries.fetching_once():
            result = self._run(run_id).model_copy(update={"store": stores.describe()})
        self._result = result
        logger.info("%s", result)
        return result

    @abstractmethod
    def _run(self, run_id: str) -> Result:
        """Do the work within an active run."""

    def _alert(self, error: BaseException | None) -> None:
        failure = error is not None or (self._result is not None and self._result.exit_code != 0)
        title = f"{self.mlflow.registered_model}: {self.KIND} {'failed' if failure else 'is done'}"
        if error is None and self._result is None:
            return
        body = str(self._result)
        if error is not None:
            body = str(error) if isinstance(error, UserError) else type(error).__name__
        # Alerts that are badly configured are the error that is on its way already.
        with contextlib.suppress(UserError):
            self.alerts.send(title, body, failure=failure)

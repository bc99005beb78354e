"""Errors that a user can mend: the command line prints their sentence and no traceback."""

from typing import ClassVar


class UserError(Exception):
    """Something that the user can mend; its text says what, where, and how."""

    exit_code: ClassVar[int] = 1


class ServerError(UserError):
    """MLflow could not be asked, or did not answer; nothing is known, so nothing was decided."""

    exit_code = 1


class ConfigError(UserError):
    """The command line or a conf is wrong."""

    exit_code = 2


class DataError(UserError):
    """The data is missing, empty, or not what the schemas say.

    Args:
        text: what is wrong.
        reasons: where no more than rows are wrong, their places in the table, and why each is.
    """

    exit_code = 3

    def __init__(self, text: str, reasons: dict[int, str] | None = None) -> None:
        super().__init__(text)
        self.reasons = reasons


class RegistryError(UserError):
    """The registry does not hold what the job needs."""

    exit_code = 4


class UnfitError(RegistryError):
    """A version does not fit the project as it is now.

    Args:
        reason: why not, without a full stop.
        advice: what to do, which depends on who asks.
    """

    def __init__(
        self, reason: str, advice: str = "train, evaluate and promote a new version"
    ) -> None:
        super().__init__(f"{reason}: {advice}.")
        self.reason = reason


class PromotionError(UserError):
    """A version was refused; the reason is tagged on it."""

    exit_code = 5

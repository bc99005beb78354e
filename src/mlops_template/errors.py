"""What stops an adoption before anything is changed."""


class AdoptionError(Exception):
    """The data or an option will not do; the text says what, where, and what to do.

    Args:
        message: one sentence or two.
        option: whether the command is wrong, rather than the data.
        exit_code: what a command that failed has exited with, where one did.
    """

    def __init__(self, message: str, *, option: bool = False, exit_code: int = 3) -> None:
        super().__init__(message)
        self.option = option
        self.exit_code = 2 if option else exit_code

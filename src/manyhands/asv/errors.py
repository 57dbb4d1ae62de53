"""The error of a suite that asks for something impossible."""

from manyhands.errors import UsageError


class SuiteError(UsageError, SystemExit):
    """A class of an asv suite is wrong.

    The error is raised when the class is made, so it ends asv's search for benchmarks. An exit, too: Python then prints one line
    without a traceback, and asv shows this line.
    """

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.code = message

"""Every error a user can meet. Each is one line: what is wrong, what was given, what is allowed, what to do.

ManyhandsError          shown as one line, exit code 2
├── UsageError          the command line or a spec asks for something impossible
├── DataError           a data file is missing, damaged or too small
├── RecordError         a record file cannot be read or written
├── Unavailable         a library, service or device is missing: a skipped record with what to install
└── EngineError         an engine failed while it ran: a failed record

Two are warnings. DamagedLine: a record file ends in a line that was cut. AsRead: a file was read in a way that its user should know. Anything else that is raised is our own mistake and keeps its traceback.
"""

from collections.abc import Iterable

LONGEST = 4000
"""Signs of the longest message: what it quotes may be of any length."""


class ManyhandsError(Exception):
    """A problem that the user can act on. Its message is one line, also where it quotes from a file or a library."""

    def __str__(self) -> str:
        text = super().__str__()
        return text if len(text) <= LONGEST and text.isprintable() else _line(text)


def _line(text: str) -> str:
    """The text as one line: breaks are spaces, and signs that cannot be shown, such as those that steer a terminal, are escaped."""
    words = " ".join(text.split())
    shown = "".join(sign if sign.isprintable() else sign.encode("unicode_escape").decode() for sign in words[: LONGEST + 1])
    return shown if len(shown) <= LONGEST else f"{shown[:LONGEST]}..."


class UsageError(ManyhandsError):
    """The command line or a spec asks for something impossible."""


class DataError(ManyhandsError):
    """A data file is missing, damaged or too small; the message names it."""


class RecordError(ManyhandsError):
    """A record file cannot be read or written; the message names the file and line."""


class Unavailable(ManyhandsError):
    """A library, service or device that the run needs is missing; the message says how to get it."""


class EngineError(ManyhandsError):
    """An engine failed while it ran, or lost a worker."""


class DamagedLine(UserWarning):
    """A record file ends in a line that was cut when its writer was killed; the records before it are read."""


class AsRead(UserWarning):
    """A file was read in a way that its user should know: without some columns, or with its first line as data."""


def by_name(name: str) -> type[ManyhandsError] | None:
    """The class in this file with this name, given with or without its module; None when there is none."""
    found = globals().get(name.rpartition(".")[2])
    return found if isinstance(found, type) and issubclass(found, ManyhandsError) else None


def unknown(what: str, given: str, known: Iterable[str], see: str) -> UsageError:
    """The error for a name that does not exist, with the names that do."""
    return UsageError(f"unknown {what} {given!r}; known: {', '.join(sorted(known))}; see '{see}'")

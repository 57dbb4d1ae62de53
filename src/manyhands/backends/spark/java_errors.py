"""The reason that Java gives: its deepest cause. Of a Java that does not start, pyspark reports only that it has ended; Java prints the rest."""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

CAUSED = re.compile(r"^\s*Caused by: (.+)$", re.MULTILINE)
"""Java's line for the exception that led to the one before it; the last one is the deepest."""
RAISED = re.compile(r"((?:\w+\.)+\w*(?:Exception|Error)\b: .+)$", re.MULTILINE)
"""The class of an exception of Java, with its message."""


def java_reason(told: str, printed: str = "") -> str:
    """The reason, in one line. `told`: the message of pyspark's exception; `printed`: what Java has printed until then."""
    for text in (told, printed):
        if causes := CAUSED.findall(text):
            return str(causes[-1]).strip()
        if raised := RAISED.search(text):
            return raised[1].strip()
    return next((line.strip() for line in told.splitlines() if line.strip()), "it gives no reason")


@contextmanager
def written_since(descriptor: int) -> Iterator[Callable[[], str]]:
    """Gives a function that returns what this process and its children have written to a file since; nothing for a terminal or a pipe."""
    begin = os.fstat(descriptor)

    def text() -> str:
        if not stat.S_ISREG(begin.st_mode):
            return ""
        with suppress(OSError), open(f"/proc/self/fd/{descriptor}", "rb") as file:
            file.seek(begin.st_size)
            return file.read().decode("utf-8", "replace")
        return ""

    yield text

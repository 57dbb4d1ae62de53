"""Standard output and error that are closed, cut off by `head`, or in an encoding that lacks a letter.

Records come first: a plan goes on when its progress has no reader any more.
"""

from __future__ import annotations

import io
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO

STANDARD = (0, 1, 2)
"""Descriptors of input, output and error."""


@contextmanager
def standard_streams() -> Iterator[None]:
    """Inside, writing to standard output and error never fails: without a reader the text is dropped, and missing letters become `?`."""
    _open_closed_descriptors()
    before = sys.stdout, sys.stderr
    sys.stdout, sys.stderr = _lasting(sys.stdout, 1), _lasting(sys.stderr, 2)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        sys.stdout, sys.stderr = before


def _open_closed_descriptors() -> None:
    """Opens /dev/null for closed ones: otherwise the next file that is opened becomes the standard output of every process started later."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) in STANDARD:
        os.set_inheritable(descriptor, True)
    os.close(descriptor)


def _lasting(stream: TextIO | None, descriptor: int) -> Any:
    if stream is None:
        return _Lasting(open(descriptor, "w", closefd=False))
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(errors="replace")
    return _Lasting(stream)


class _Lasting:
    """A stream that goes on when its reader has gone; all else is the stream's own."""

    def __init__(self, stream: TextIO) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        try:
            return self._stream.write(text)
        except OSError:
            self._drop()
            return len(text)

    def writelines(self, lines: Any) -> None:
        for line in lines:
            self.write(line)

    def flush(self) -> None:
        try:
            self._stream.flush()
        except OSError:
            self._drop()

    def _drop(self) -> None:
        """Replaces the stream's file by /dev/null, which also takes the text that the stream still holds."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(nowhere, self._stream.fileno())
        finally:
            os.close(nowhere)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)

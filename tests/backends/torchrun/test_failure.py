"""The reason of a failed launch of `ddp`: the error that a worker raised, and not where its advice ends."""

from __future__ import annotations

import pytest

from manyhands.backends.torchrun.failure import raised


@pytest.mark.parametrize(
    "message",
    [
        "ValueError: the first line\nhint: this is where advice ends",
        "Traceback (most recent call last):\n  File x\n    code\nValueError: the first line\nhint: this is where advice ends\n",
        "Traceback (most recent call last):\n  a\nKeyError: 1\n\nDuring handling:\n\nTraceback (most recent call last):\n  b\n"
        "ValueError: the first line\nhint: this is where advice ends",
    ],
)
def test_the_whole_error_is_shown(message: str) -> None:
    assert raised(message) == "ValueError: the first line hint: this is where advice ends"

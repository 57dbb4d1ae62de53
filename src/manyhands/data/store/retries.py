"""Time limits and repetitions of requests to a store. Every wait is reported, so that users see why a run pauses."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar

from manyhands.data.store.failure import StoreProblem, StoreTarget
from manyhands.errors import DataError, UsageError
from manyhands.notices import MARK

Answer = TypeVar("Answer")
Tell = Callable[[str], None]

TRIES = "AWS_MAX_ATTEMPTS"
SECONDS = "MANYHANDS_STORE_TIMEOUT"


@dataclass(frozen=True)
class RetryPolicy:
    """Limits for one request and its repetitions. Times in seconds."""

    tries: int = 4
    """Tries of one request, including the first."""
    first_wait_s: float = 0.5
    """The wait before the second try; every further wait is twice as long."""
    connect_s: float = 5.0
    answer_s: float = 30.0
    """The longest time in which no byte arrives."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> RetryPolicy:
        """The policy with AWS_MAX_ATTEMPTS tries and MANYHANDS_STORE_TIMEOUT seconds for an answer, if these are set."""
        answer_s = _positive(SECONDS, environ, cls.answer_s)
        tries = _positive(TRIES, environ, float(cls.tries))
        return cls(tries=int(max(1, tries)), connect_s=min(cls.connect_s, answer_s), answer_s=answer_s)

    def call(self, target: StoreTarget, ask: Callable[[], Answer], tell: Tell) -> Answer:
        """The result of `ask`, which is repeated after a problem that may pass; raises DataError when the last try fails."""
        began, wait_s = time.monotonic(), self.first_wait_s
        for number in range(1, self.tries + 1):
            try:
                return ask()
            except StoreProblem as problem:
                what, advice = problem.what(target), problem.advice(target)
                if not problem.passing or number == self.tries:
                    spent = f", {number} tries in {time.monotonic() - began:.1f} s" if number > 1 else ""
                    raise DataError(f"{what}{spent}; {advice}") from None
            tell(f"{what}; try {number + 1} of {self.tries} in {wait_s:g} s")
            time.sleep(wait_s)
            wait_s *= 2
        raise AssertionError("unreachable: the last try returns or raises")


def tell_log(line: str) -> None:
    """Writes `line` to stderr with a mark, so that the parent of a run finds the line in the run's output and shows it."""
    print(f"{MARK}{line}", file=sys.stderr, flush=True)


def _positive(name: str, environ: Mapping[str, str], default: float) -> float:
    try:
        value = float(environ.get(name) or default)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise UsageError(f"{name}={environ[name]} is not a number above 0; correct it, or unset it")
    return value

"""How long to wait for a store and how often to try again; every wait is told, so that nobody wonders what a run is doing."""

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
    """Bounds of one request and of its repetitions. Times in seconds."""

    tries: int = 4
    """Of one request, the first included."""
    first_wait_s: float = 0.5
    """Before the second try; each wait is twice the one before it."""
    connect_s: float = 5.0
    answer_s: float = 30.0
    """Without a single byte arriving."""

    @classmethod
    def from_environment(cls, environ: Mapping[str, str] = os.environ) -> RetryPolicy:
        """With AWS_MAX_ATTEMPTS tries and MANYHANDS_STORE_TIMEOUT seconds for an answer, where they are set."""
        answer_s = _positive(SECONDS, environ, cls.answer_s)
        tries = _positive(TRIES, environ, float(cls.tries))
        return cls(tries=int(max(1, tries)), connect_s=min(cls.connect_s, answer_s), answer_s=answer_s)

    def call(self, target: StoreTarget, ask: Callable[[], Answer], tell: Tell) -> Answer:
        """What `ask` returns, tried again after a passing problem; raises DataError in words when it does not work out."""
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
    """Says `line` on stderr, marked so that the parent of a run can find it in the run's output and show it."""
    print(f"{MARK}{line}", file=sys.stderr, flush=True)


def _positive(name: str, environ: Mapping[str, str], default: float) -> float:
    try:
        value = float(environ.get(name) or default)
    except ValueError:
        value = 0.0
    if value <= 0:
        raise UsageError(f"{name}={environ[name]} is no number above 0; set it right, or unset it")
    return value

"""Progress of a plan: the run that is on, the expected end and the speed-ups so far; a live table on a terminal, else plain lines.

Everything is drawn between runs and nothing during them, so that the display takes no processor from what is measured.
"""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Sequence
from statistics import mean

from rich.console import Console
from rich.live import Live
from rich.text import Text

from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.watcher import Watcher


def _on_standard_error() -> Console:
    """Plain lines where there is no terminal, also in a notebook, whose kernel asks for the colours of one."""
    return Console(stderr=True, force_jupyter=False, force_terminal=None if sys.stderr.isatty() else False)


def _clock(in_s: float) -> str:
    return time.strftime("%H:%M:%S", time.localtime(time.time() + in_s))


class Progress(Watcher):
    """A line about the run that is on, and below it the table of speed-ups; without a terminal a line at each start and end."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _on_standard_error()
        self._records: list[Record] = []
        self._table: list[str] = []

    def recalls(self, records: Sequence[Record]) -> None:
        self._records = list(records)

    def begins(self, runs: Sequence[RunSpec], already: int) -> None:
        self._left = list(runs)
        self._seconds: dict[str, list[float]] = {}
        self._total, self._done = len(runs) + already, already
        self._question, self._latest, self._cuts = "", math.inf, False
        self._is_live = self._console.is_terminal
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        if self._is_live:
            self._live.start()
        if already:
            self.announces(f"{already} of {self._total} runs are done already")

    def aims(self, question: str, time_s: float | None, cuts: bool) -> None:
        self._question, self._cuts = question, cuts
        self._latest = time.monotonic() + time_s if time_s is not None else math.inf

    def adds(self, runs: Sequence[RunSpec]) -> None:
        self._left += runs
        self._total += len(runs)

    def ends(self) -> None:
        self._live.stop()

    def starts(self, specs: Sequence[RunSpec]) -> None:
        self._coming = list(specs)
        self._next()

    def _next(self) -> None:
        self._running, self._began = self._coming.pop(0), time.monotonic()
        self._left.remove(self._running)
        if self._is_live:
            self._draw(f"{self._name}: since {time.strftime('%H:%M:%S')}", self.expected())
        else:
            self.announces(f"[{self._done + 1}/{self._total}] {self._name} ... {self.expected()}")

    @property
    def _name(self) -> str:
        return f"{self._running.label}, launch {self._running.repeat + 1}"

    def _draw(self, *about: str) -> None:
        """A line and the table as it is; nothing is drawn again before the run that has just started has ended."""
        done = f"{self._done}/{self._total}  "
        status = [done + first for first in about[:1]] + [" " * len(done) + more for more in about[1:] if more] or [done]
        lines = [*status, *self._table]
        self._live.update(Text("\n".join(lines), no_wrap=True, overflow="ellipsis"), refresh=True)

    def waits(self) -> None:
        self.announces("waiting for another measured run on this machine to end: two at once would disturb each other")

    def says(self, line: str) -> None:
        self.announces(f"  {line}")

    def ended(self, record: Record) -> None:
        self._done += 1
        self._records.append(record)
        if record.wall_s is not None:
            self._seconds.setdefault(self._running.label, []).append(record.wall_s)
        self.announces(f"[{self._done}/{self._total}] {self._name}: {self._outcome(record)}")
        if self._coming:  # the next run of the same engine is on
            self._next()
        elif self._is_live:
            from manyhands.report.live import live_table

            self._table = live_table(self._records)
            self._draw()

    def _outcome(self, record: Record) -> str:
        if not record.ok:
            return f"{record.status}: {record.reason}"
        train_s = record.phases.get("train_s")
        parts = [f"ok, {record.wall_s or 0:.1f} s", f"train {train_s:.2f} s" if train_s else "", self._speedup(record)]
        return ", ".join(filter(None, parts))

    def _speedup(self, record: Record) -> str:
        """The speed-up so far, where no table shows it; empty while another run of the same engine is on."""
        if self._is_live or self._coming:
            return ""
        from manyhands.report.live import speedup_so_far

        return speedup_so_far(self._records, record)

    def expected(self) -> str:
        """When the runs that are known should be done, from the mean of the runs so far; empty before the first has ended.

        With a question that adds blocks it also says how long they may go on.
        """
        if not self._seconds:
            return ""
        overall = mean(second for seconds in self._seconds.values() for second in seconds)
        expected = [mean(self._seconds.get(spec.label, [overall])) for spec in (self._running, *self._left)]
        now = time.monotonic()
        left_s = max(0.0, expected[0] - (now - self._began)) + sum(expected[1:])
        most_s = max(0.0, self._latest - now)
        left_s = min(left_s, most_s) if self._cuts else left_s
        left = f"{left_s // 60:.0f} min {left_s % 60:02.0f} s left"
        if not self._question or most_s <= left_s:
            return f"{left}, until {_clock(left_s)}"
        more = f"until {_clock(most_s)} at most" if most_s < math.inf else f"until {self._question}"
        return f"{left} in these blocks, then more {more}"

    def announces(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

"""Progress of a plan: the current run, how many are done, and the expected end; a live line on a terminal, else plain lines."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from statistics import mean

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from manyhands.plan import RunSpec
from manyhands.record import Record
from manyhands.watcher import Watcher


def _on_standard_error() -> Console:
    """Plain lines where there is no terminal, also in a notebook, whose kernel asks for the colours of one."""
    return Console(stderr=True, force_jupyter=False, force_terminal=None if sys.stderr.isatty() else False)


class Progress(Watcher):
    """Redraws only when `tick` is called, about once a second, so that the display hardly disturbs the measured run."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or _on_standard_error()

    def begins(self, runs: Sequence[RunSpec], already: int) -> None:
        self._left = list(runs)
        self._seconds: dict[str, list[float]] = {}
        self._total, self._done = len(runs) + already, already
        self._bar = Bar(
            TextColumn("{task.description}"),
            BarColumn(bar_width=24),
            MofNCompleteColumn(),
            TextColumn("{task.fields[expected]}"),
            console=self._console,
            auto_refresh=False,
            disable=not self._console.is_terminal,
        )
        self._task = self._bar.add_task("starting", total=self._total, completed=already, expected="")
        self._bar.start()
        if already:
            self.announces(f"{already} of {self._total} runs are done already")

    def adds(self, runs: Sequence[RunSpec]) -> None:
        self._left += runs
        self._total += len(runs)
        self._bar.update(self._task, total=self._total)

    def ends(self) -> None:
        self._bar.stop()

    def starts(self, specs: Sequence[RunSpec]) -> None:
        self._coming = list(specs)
        self._next()

    def _next(self) -> None:
        self._running, self._began = self._coming.pop(0), time.monotonic()
        self._left.remove(self._running)
        if self._bar.disable:
            self.announces(f"[{self._done + 1}/{self._total}] {self._name} ... {self.expected()}")
        self.tick()

    @property
    def _name(self) -> str:
        return f"{self._running.label}, launch {self._running.repeat + 1}"

    def tick(self) -> None:
        """Redraws the running time and the expected end."""
        spent = time.monotonic() - self._began
        self._bar.update(self._task, description=f"{self._name}: {spent:.0f} s", expected=self.expected(), refresh=True)

    def waits(self) -> None:
        self.announces("waiting for another measured run on this machine to end: two at once would disturb each other")

    def says(self, line: str) -> None:
        self.announces(f"  {line}")

    def ended(self, record: Record) -> None:
        self._done += 1
        if record.wall_s is not None:
            self._seconds.setdefault(self._running.label, []).append(record.wall_s)
        train_s = record.phases.get("train_s")
        outcome = f"ok, {record.wall_s or 0:.1f} s" + (f", train {train_s:.2f} s" if train_s else "")
        self.announces(
            f"[{self._done}/{self._total}] {self._name}: {outcome if record.ok else f'{record.status}: {record.reason}'}"
        )
        self._bar.update(self._task, completed=self._done, refresh=True)
        if self._coming:
            self._next()

    def expected(self) -> str:
        """When the plan should be done, from the mean of the runs so far; empty before the first has ended."""
        if not self._seconds:
            return ""
        overall = mean(second for seconds in self._seconds.values() for second in seconds)
        expected = [mean(self._seconds.get(spec.label, [overall])) for spec in (self._running, *self._left)]
        left_s = max(0.0, expected[0] - (time.monotonic() - self._began)) + sum(expected[1:])
        return f"{left_s // 60:.0f} min {left_s % 60:02.0f} s left, until {time.strftime('%H:%M:%S', time.localtime(time.time() + left_s))}"

    def announces(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

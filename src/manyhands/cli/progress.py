"""What is running, what is done, what is left and when it should end: a live line on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from collections.abc import Sequence
from statistics import mean
from types import TracebackType
from typing import Self

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, TextColumn
from rich.progress import Progress as Bar

from manyhands.plan import RunSpec
from manyhands.record import Record


class Progress:
    """Redraws only when told to, about once a second, so that the display costs next to nothing while a run is measured."""

    def __init__(self, runs: Sequence[RunSpec], already: int, console: Console | None = None) -> None:
        """`already`: runs of the plan that an earlier invocation has done."""
        self._console = console or Console(stderr=True)
        self._left = list(runs)
        self._seconds: dict[str, list[float]] = {}
        self._total, self._done = len(runs) + already, already
        self._started = time.monotonic()
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

    def __enter__(self) -> Self:
        self._bar.start()
        if self._done:
            self._say(f"{self._done} of {self._total} runs are there already")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        """Ends the live display."""
        self._bar.stop()

    def starts(self, spec: RunSpec) -> None:
        """A run begins."""
        self._running, self._began = spec, time.monotonic()
        if self._bar.disable:
            self._say(f"[{self._done + 1}/{self._total}] {spec.label}, launch {spec.repeat + 1} ... {self.expected()}")
        self.tick()

    def tick(self) -> None:
        """Redraws the running time and the expected end."""
        spent = time.monotonic() - self._began
        description = f"{self._running.label}, launch {self._running.repeat + 1}: {spent:.0f} s"
        self._bar.update(self._task, description=description, expected=self.expected(), refresh=True)

    def waits(self) -> None:
        """Another measured run on this machine goes first."""
        self._say("waiting for another measured run on this machine to end: two at once would disturb each other")

    def ended(self, record: Record) -> None:
        """A run is over."""
        spec = self._left.pop(0)
        self._done += 1
        if record.wall_s is not None:
            self._seconds.setdefault(spec.label, []).append(record.wall_s)
        if record.ok:
            train = record.phases.get("train_s")
            self._say(f"[{self._done}/{self._total}] {spec.label}: ok, {record.wall_s:.1f} s" + (f", train {train:.2f} s" if train else ""))
        else:
            self._say(f"[{self._done}/{self._total}] {spec.label}: {record.status}: {record.reason}")
        self._bar.update(self._task, completed=self._done, refresh=True)

    def expected(self) -> str:
        """When the plan should be done, from the mean of the runs so far; empty before the first has ended."""
        if not self._seconds:
            return ""
        overall = mean(second for seconds in self._seconds.values() for second in seconds)
        left_s = sum(mean(self._seconds.get(spec.label, [overall])) for spec in self._left)
        left_s = max(0.0, left_s - (time.monotonic() - self._began if self._left else 0.0))
        return f"{left_s // 60:.0f} min {left_s % 60:02.0f} s left, until {time.strftime('%H:%M:%S', time.localtime(time.time() + left_s))}"

    def _say(self, line: str) -> None:
        self._console.print(line, markup=False, highlight=False, soft_wrap=True)

"""A `Watcher` follows a plan while it is carried out: the progress bar is one, and so is anything else that wants to follow it."""

from __future__ import annotations

from collections.abc import Sequence

from manyhands.plan import RunSpec
from manyhands.record import Record


class Watcher:
    """Methods that a session calls; each does nothing here. They run between and during measured runs, so they must be quick."""

    def recalls(self, records: Sequence[Record]) -> None:
        """The plan goes on: an earlier invocation made these records. Called before it begins, and only when there are any."""

    def begins(self, runs: Sequence[RunSpec], already: int) -> None:
        """A plan begins with these runs; `already`: runs of the plan that an earlier invocation has made."""

    def aims(self, question: str, time_s: float | None, cuts: bool) -> None:
        """The plan does not end with its own runs alone; called right after it begins.

        `question`: blocks are added until this is known, `winner` or `5%`; empty when none are. `time_s`: no block begins that would
        end later, in seconds from now; None without a limit. `cuts`: True when that holds for the plan's own blocks too.
        """

    def adds(self, runs: Sequence[RunSpec]) -> None:
        """These runs join the plan: a block for what is still open, or disturbed launches that are repeated."""

    def starts(self, specs: Sequence[RunSpec]) -> None:
        """These runs start, one after the other: one run, or all runs of one started engine."""

    def tick(self) -> None:
        """About a second has passed in a run."""

    def waits(self) -> None:
        """The run waits for another measured run on this machine."""

    def says(self, line: str) -> None:
        """The run that is on reports a line."""

    def announces(self, line: str) -> None:
        """The plan reports a line, before or between its runs."""

    def ended(self, record: Record) -> None:
        """A run has ended, and the next of those that started with it is on."""

    def ends(self) -> None:
        """The plan has ended, or was interrupted."""


SILENT = Watcher()

"""A session in a process of its own: `python -m manyhands.apart FD PARENT` reads the job from standard input and writes events to FD.

So the process that asks for a session, such as the kernel of a notebook, is never the parent of what engines leave behind, and its
threads disturb no measured run. One event a line: the name of a method of `Watcher` and its arguments, or one of `Event`. After a
record the session waits for NEXT on standard input, so that nothing that is done with the record runs beside the next run. It ends
early when its standard input is closed instead, on SIGINT, and when the asking process dies.
"""

from __future__ import annotations

import json
import os
import signal
import sys
import traceback
from collections.abc import Sequence
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from manyhands.errors import EngineError, ManyhandsError
from manyhands.helping import help_node_zero
from manyhands.parent import end_with_parent
from manyhands.plan import RunSpec
from manyhands.planning.request import Request
from manyhands.record import Record
from manyhands.session import LocalSession, planned
from manyhands.watcher import Watcher

NEXT = b"n"


class Event(StrEnum):
    """Events that are no call of a watcher."""

    MADE = "made"
    """A record that the session gives; as JSON text."""
    KEPT = "kept"
    """All records of the session, at its end or when it was interrupted; a list of JSON texts."""
    ERROR = "error"
    """The class and the message of an error that the user can act on."""
    MISTAKE = "mistake"
    """The traceback of a mistake of ours."""


class Reporter(Watcher):
    """Writes every call as an event."""

    def __init__(self, events: IO[str]) -> None:
        self.events = events

    def send(self, name: str, value: Any = None) -> None:
        """Writes one event; does nothing when the asking process has ended."""
        try:
            self.events.write(json.dumps([name, value]) + "\n")
            self.events.flush()
        except BrokenPipeError:
            pass

    def recalls(self, records: Sequence[Record]) -> None:
        self.send("recalls", [[record.to_json() for record in records]])

    def begins(self, runs: Sequence[RunSpec], already: int) -> None:
        self.send("begins", [[spec.to_dict() for spec in runs], already])

    def aims(self, question: str, time_s: float | None, cuts: bool) -> None:
        self.send("aims", [question, time_s, cuts])

    def adds(self, runs: Sequence[RunSpec]) -> None:
        self.send("adds", [[spec.to_dict() for spec in runs]])

    def starts(self, specs: Sequence[RunSpec]) -> None:
        self.send("starts", [[spec.to_dict() for spec in specs]])

    def tick(self) -> None:
        self.send("tick", [])

    def waits(self) -> None:
        self.send("waits", [])

    def says(self, line: str) -> None:
        self.send("says", [line])

    def announces(self, line: str) -> None:
        self.send("announces", [line])

    def ended(self, record: Record) -> None:
        self.send("ended", [record.to_json()])

    def ends(self) -> None:
        self.send("ends", [])


def replay(name: str, values: Sequence[Any], watcher: Watcher) -> None:
    """Makes the call of a watcher that an event stands for."""
    if name in ("begins", "adds", "starts"):
        runs = [RunSpec.from_dict(spec) for spec in values[0]]
        getattr(watcher, name)(runs, *values[1:])
    elif name == "recalls":
        watcher.recalls([Record.from_json(text) for text in values[0]])
    elif name == "ended":
        watcher.ended(Record.from_json(values[0]))
    else:
        getattr(watcher, name)(*values)


def wait_for_turn() -> None:
    """Returns when the asking process is ready for the next run; raises KeyboardInterrupt when it wants none, or has ended."""
    if not os.read(0, len(NEXT)):
        raise KeyboardInterrupt


def carry_out(job: dict[str, Any], reporter: Reporter) -> None:
    """Carries out the request of the job; its records are events."""
    request, out = Request(**job["request"]), Path(job["out"])
    session = None
    try:
        with planned(request, reporter, out, job["resume"]) as plan:
            if plan.helps:
                if not help_node_zero(plan, out, reporter):
                    raise EngineError("a part of a run failed on this node; node 0 has the record with the reason")
                return
            session = LocalSession(plan, out, job["resume"], reporter)
            for record in session:
                reporter.send(Event.MADE, record.to_json())
                wait_for_turn()
    finally:
        reporter.send(Event.KEPT, [record.to_json() for record in session.records] if session else [])


def main(descriptor: int, parent: int) -> int:
    """Exit code 0; 130 when the session was interrupted. `parent`: the number of the asking process."""
    end_with_parent(parent)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    job = json.loads(sys.stdin.readline())
    with os.fdopen(descriptor, "w") as events:
        reporter = Reporter(events)
        try:
            carry_out(job, reporter)
        except ManyhandsError as error:
            reporter.send(Event.ERROR, [type(error).__name__, str(error)])
        except KeyboardInterrupt:
            return 130
        except Exception:
            reporter.send(Event.MISTAKE, traceback.format_exc())
    return 0


if __name__ == "__main__":
    raise SystemExit(main(int(sys.argv[1]), int(sys.argv[2])))

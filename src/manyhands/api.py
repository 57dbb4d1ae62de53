"""manyhands from Python: `bench` runs a plan and gives its results; a `Session` gives the records one by one as they come."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.analysis.verdicts.metrics import METRICS, chosen_metrics
from manyhands.analysis.verdicts.results import Limits
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.apart import NEXT, Event, replay
from manyhands.errors import EngineError, UsageError, by_name
from manyhands.pickled.code_file import names_of
from manyhands.planning.option_values import DURATION, NAMES, SHARE, WORD, Kind
from manyhands.planning.request import Request, value_of
from manyhands.record import Record
from manyhands.results import Results
from manyhands.session import default_file, planned
from manyhands.watcher import SILENT, Watcher

if TYPE_CHECKING:
    from manyhands.compared import Compared
    from manyhands.planning.plan import Plan


METRIC_NAMES = Kind(
    lambda text: chosen_metrics(NAMES.read(text)), lambda names: chosen_metrics(NAMES.check(names)), NAMES.description
)
"""The metrics that `compare` judges."""


Work = str | os.PathLike[str] | Callable[..., Any]
"""A workload: its name, the path of a script, `path/to/file.py:Name`, or a function or class itself."""
CODE = "code"
"""The folder, beside the file of the records, for functions and classes of notebooks and of running scripts."""


def bench(
    *workloads: Work | Request,
    out: str | Path | None = None,
    resume: bool = False,
    progress: bool | Watcher = True,
    **options: Any,
) -> Results:
    """Trains workloads on backends at several worker counts, each run in a fresh process, and returns the results.

    `workloads` and `options` are those of `manyhands run`, or one `Request`: `backend=["serial", "ddp"]` is `--backend serial,ddp`, and
    `args=["--lr", "0.1"]` goes to a script. Without any, the default plan runs. A workload may also be a function or class itself; one of
    a notebook cell is pickled into the folder `code` beside `out`. `out`: the file that every record is added to as soon as it is there
    (default: `results/TIME.jsonl`). `resume`: runs that `out` has already are not made again. `progress`: shows progress on standard
    error, or calls your own `Watcher`.

    A run that fails is a record with a reason. Raises UsageError or DataError for what is impossible, before anything is run.
    Ctrl-C ends the run that is on with all its processes; the records made so far stay in `out`.
    """
    return Session(*workloads, out=out, resume=resume, progress=progress, **options).run()


def compare(
    base: str,
    head: str | None = None,
    *,
    alpha: float | str = Budget.alpha,
    effect: float | str = Budget.effect,
    max_time: float | str = Limits.max_time_s,
    max_load: float | str | None = None,
    metrics: str | Sequence[str] = METRICS,
    progress: bool | Watcher = True,
    **options: Any,
) -> Compared:
    """Launches two commits of this repository in turn, and gives a verdict on each metric of each cell, as `manyhands compare` does.

    `base`, `head`: a commit, tag or branch; without `head` the working tree with its changes. `options` choose the cells:
    `workloads=["train.py"], backend="ddp", workers=2` (default: those of [tool.manyhands] in the working tree's pyproject.toml; one
    worker of `serial`; in the repository of manyhands its `lstm` and `cnn`). `alpha`: the
    share of verdicts that may be wrong because nothing changed. `effect`: the smallest difference that matters, such as 0.05 or
    "5%". `max_time`: seconds for one cell, or "5m". `max_load`: share of the cores that other programs may use. `metrics`: those to
    judge. `progress`: prints lines on standard error.

    Raises UsageError for what is impossible, and another ManyhandsError when a commit cannot be launched.
    """
    from manyhands.analysis.verdicts.error_rates import load
    from manyhands.commits.cells import cells_to_compare
    from manyhands.commits.compare import check_time, compare_commits, limits_of, measure_cells
    from manyhands.commits.rates_cache import rates_file
    from manyhands.compared import Compared
    from manyhands.machine import describe_machine

    metrics = value_of("--metrics", METRIC_NAMES, metrics)
    sure = (value_of("--alpha", SHARE, alpha), value_of("--effect", SHARE, effect))
    load_share = None if max_load is None else value_of("--max-load", SHARE, max_load)
    watcher = _watcher(progress)
    given = {name for name, value in options.items() if value is not None}
    cells = cells_to_compare(Request.of(**options), given, say=watcher.announces)
    seconds = value_of("--max-time", DURATION, max_time)
    check_time(seconds)
    limits = limits_of(*sure, seconds, load_share, metrics)
    verdicts = len(cells) * len(metrics)
    announce = watcher.announces
    found = compare_commits(base, head, measure_cells(cells, limits(verdicts), announce), limits, announce, verdicts)
    return Compared(found, load(rates_file(describe_machine())))


class Session:
    """A plan that is carried out in a process of its own. Iterate over it for the records of its runs as they come.

    The arguments are those of `bench`. Stop iterating (`break`) to end the session early.
    """

    def __init__(
        self,
        *workloads: Work | Request,
        out: str | Path | None = None,
        resume: bool = False,
        progress: bool | Watcher = True,
        **options: Any,
    ) -> None:
        """Raises UsageError for options that do not exist and for values that they do not take."""
        self.out = Path(value_of("--out", WORD, out)) if out is not None else default_file()
        folder = self.out.parent / CODE
        if "workloads" in options:
            options["workloads"] = names_of(options["workloads"], folder)
        self.request = Request.of(*names_of(workloads, folder), **options)
        self.resume = resume
        self.watcher = _watcher(progress)
        self._records: list[Record] = []

    def __repr__(self) -> str:
        asked = ", ".join(f"{name}={value!r}" for name, value in self.request.given().items())
        return f"<Session of {asked or 'the default plan'}; {len(self._records)} records so far, in {self.out}>"

    @property
    def plan(self) -> Plan:
        """The runs that the session would make and the cells that it leaves out; of a study, at its smallest scale.

        Runs nothing. Raises UsageError for what is impossible.
        """
        with planned(self.request, dry_run=True) as plan:
            return plan

    @property
    def results(self) -> Results:
        """The records so far."""
        return Results(self._records, self.out)

    def run(self) -> Results:
        """Carries the whole plan out and returns its results."""
        for _ in self:
            pass
        return self.results

    def __iter__(self) -> Iterator[Record]:
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-P", "-m", "manyhands.apart", str(writing), str(os.getpid())],
            stdin=subprocess.PIPE,
            pass_fds=[writing],
            process_group=0,  # Ctrl-C reaches this process only, which then ends the session
        )
        os.close(writing)
        assert process.stdin is not None
        self._records = []
        with os.fdopen(reading, encoding="utf-8") as events, process:
            job = {"request": self.request.given(), "out": str(self.out.resolve()), "resume": self.resume}
            with suppress(BrokenPipeError):
                process.stdin.write(json.dumps(job, default=list).encode() + b"\n")
                process.stdin.flush()
            try:
                for line in events:
                    if record := self._received(line):
                        yield record
                        with suppress(BrokenPipeError):
                            process.stdin.write(NEXT)
                            process.stdin.flush()
            except BaseException as error:
                interrupted = isinstance(error, KeyboardInterrupt)
                self._end(process, events, interrupted)
                if interrupted:
                    self.watcher.announces(
                        f"interrupted; {len(self._records)} records are kept in {self.out}: manyhands.read({str(self.out)!r})"
                    )
                raise
            process.stdin.close()
            if code := process.wait():
                raise EngineError(
                    f"the process of the session ended with {code} before its plan was done;"
                    f" {len(self._records)} records are in {self.out}: go on with resume=True"
                )

    def _received(self, line: str) -> Record | None:
        """Deals with one event; the record that it brings, if it brings one. Raises the error that it reports."""
        name, value = json.loads(line)
        if name == Event.MADE:
            self._records.append(Record.from_json(value))
            return self._records[-1]
        if name == Event.KEPT:
            self._records = [Record.from_json(text) for text in value] or self._records
        elif name == Event.ERROR:
            raise (by_name(value[0]) or EngineError)(value[1])
        elif name == Event.MISTAKE:
            raise RuntimeError(f"a mistake in manyhands:\n{value}")
        else:
            replay(name, value, self.watcher)
        return None

    def _end(self, process: subprocess.Popen[bytes], events: Iterable[str], interrupted: bool) -> None:
        """Ends the session's process with all that it started, and takes the records that it has kept.

        `interrupted`: a run is on; else the process waits for its turn, and sees that its input is closed.
        """
        assert process.stdin is not None
        if interrupted:
            process.send_signal(signal.SIGINT)
        with suppress(BrokenPipeError):
            process.stdin.close()
        try:
            for line in events:
                with suppress(json.JSONDecodeError):  # a line that was cut
                    self._received(line)
            process.wait()
        except KeyboardInterrupt:  # interrupted for the second time
            process.kill()
            raise


def _watcher(progress: bool | Watcher) -> Watcher:
    if isinstance(progress, Watcher):
        return progress
    if not isinstance(progress, bool):
        raise UsageError(f"progress {progress!r} is not True, False or a Watcher")
    if not progress:
        return SILENT
    from manyhands.progress import Progress

    return Progress()

"""`Cell`: a cell that a test launches, with the fixture `benchmark` of pytest-benchmark or by itself."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from statistics import median
from typing import Any

import pytest

from manyhands.analysis.summary import step_ms
from manyhands.analysis.yardstick import train_ratio
from manyhands.errors import ManyhandsError, UsageError
from manyhands.plan import RunSpec
from manyhands.planning.plan import Plan, check_plan
from manyhands.record import Record
from manyhands.rounds.kept import Kept, keep
from manyhands.rounds.turns import Chosen, Made, Turns, accepted
from manyhands.rounds.values import benchmarks_of
from manyhands.run import RunContext, measure

LOGS = "results/pytest-suite-logs"
"""Folder for the output of failed runs, below the folder that pytest was started in."""


class Cell:
    """A cell that a test launches: its `spec`, the number of `rounds`, the `records` of the launches so far, and what is `kept` of them."""

    def __init__(self, spec: RunSpec, rounds: int, config: pytest.Config, turns: Turns | None = None) -> None:
        self.spec, self.rounds = spec, rounds
        self.records: list[Record] = []
        self.kept: list[Kept] = []
        self._config = config
        self._turns = turns or Turns([])
        self._prepared = False

    def __repr__(self) -> str:
        return f"<Cell {cell_id(self.spec)}>"

    def launch(self, benchmark: Any) -> None:
        """Makes `rounds` launches, of which pytest-benchmark keeps two benchmarks by its fixture `benchmark`.

        For a network they are an epoch and a whole launch, each over the yardstick inside the launches; for an estimator the phase train
        and a whole launch. A launch lasts from the start of its process until everything it started has ended, without a wait for
        another measured run. All cells of the test are launched in turn, when the first of them gets here. `extra_info` of the first
        benchmark gets the medians and the records. The test fails with the reason of a launch that fails.
        """
        __tracebackhide__ = True
        benchmark.params = {**(benchmark.params or {}), **self._params()}
        launches = self._launches(in_turn=benchmark.enabled)
        with failing():
            benchmark.pedantic(lambda: self._add(next(launches)), setup=self._check, iterations=1, rounds=self.rounds)
        benchmark.extra_info |= summary(self.records)
        if benchmark.enabled:
            self.kept = keep(benchmark, benchmarks_of(self.spec, self.records))

    def run(self) -> Record:
        """Launches the cell once and returns the record; the test fails with the reason of a launch that fails."""
        __tracebackhide__ = True
        self.prepare()
        with failing():
            return self._add(next(self._launches(in_turn=False)))

    def prepare(self) -> None:
        """Checks the cell's data and makes embedded data that is missing, before any clock starts."""
        __tracebackhide__ = True
        with failing():
            self._check()

    def _check(self) -> None:
        """Does the work of `prepare`; raises manyhands' errors."""
        if self._prepared:
            return
        if refused_by_xdist(self._config):
            raise UsageError(
                "pytest-xdist runs tests beside each other, so launches would disturb each other;"
                " run pytest without -n, or only see if the launches work: --benchmark-disable"
            )
        check_plan(Plan([self.spec]))
        self._prepared = True

    def _launches(self, in_turn: bool) -> Iterator[Made]:
        """The launches of this cell. Those `in_turn` are made together with those of the other cells of its test."""

        def launch(spec: RunSpec) -> Record:
            if spec.repeat == 0:
                check_plan(Plan([spec]))
            return measure(spec, run_context(self._config), position=spec.repeat)

        if in_turn:
            yield from self._turns.take(Chosen(self.spec, self.rounds), launch, self._begins)
        while True:
            yield measure(self.spec, run_context(self._config), position=len(self.records))

    def _begins(self, launches: int, cells: int) -> None:
        """Writes a line, because the test of the first cell takes as long as the launches of all."""
        reporter = self._config.pluginmanager.get_plugin("terminalreporter")
        if reporter and cells > 1 and reporter.verbosity >= 0:
            reporter.ensure_newline()
            reporter.write_line(f"{launches} launches of {cells} cells, in turn")

    def _add(self, made: Made) -> Record:
        """Keeps the record of a launch; raises the error of one that failed, and skips the test when it could not run."""
        if isinstance(made, Record) and made.status == "skipped":
            pytest.skip(made.reason or made.status)
        record = accepted(made)
        self.records.append(record)
        return record

    def _params(self) -> dict[str, Any]:
        """The parameters that pytest-benchmark keeps and groups by, such as `--benchmark-group-by=param:backend`."""
        spec = self.spec
        return {"cell": cell_id(spec), "workload": spec.workload, "backend": spec.backend, "workers": spec.workers}


def cell_id(spec: RunSpec) -> str:
    """The id of a cell's test, which `-k` matches: workload, backend and workers, such as `cnn-serial-1`."""
    return f"{spec.workload.rpartition('/')[2]}-{spec.backend.rpartition('/')[2]}-{spec.workers}"


def refused_by_xdist(config: pytest.Config) -> bool:
    """True in a process of pytest-xdist, unless `--benchmark-disable` says that no time matters."""
    timed = config.getoption("benchmark_enable", False) or not config.getoption("benchmark_disable", False)
    return hasattr(config, "workerinput") and timed


CONTEXT: pytest.StashKey[RunContext] = pytest.StashKey()


def run_context(config: pytest.Config) -> RunContext:
    """The values that all records of this pytest session share."""
    if CONTEXT not in config.stash:
        config.stash[CONTEXT] = RunContext(log_folder=config.invocation_params.dir / LOGS)
    return config.stash[CONTEXT]


@contextmanager
def failing() -> Iterator[None]:
    """Makes an error of manyhands the one line with which the test fails."""
    __tracebackhide__ = True
    try:
        yield
    except ManyhandsError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def summary(records: list[Record]) -> dict[str, Any]:
    """Medians over the launches (times in seconds unless the name says otherwise), and every record whole.

    `train_ratio` is the time of an epoch over that of the yardstick inside the launch; None for what is no network. `train_s` is None for
    a script without marks.
    """
    trains = [record.phases["train_s"] or 0.0 for record in records if record.resolved.get("marks") is not False]
    steps = [found for record in records if (found := step_ms(record)) is not None]
    ratios = [found for record in records if (found := train_ratio(record)) is not None]
    peaks = [peak for record in records if (peak := record.resources["peak_pss_bytes"])]
    return {
        "train_ratio": median(ratios) if ratios else None,
        "train_s": median(trains) if trains else None,
        "step_ms": median(steps) if steps else None,
        "peak_pss_mb": median(peaks) / 1e6 if peaks else None,
        "quality": records[-1].quality,
        "records": [json.loads(record.to_json()) for record in records],
    }

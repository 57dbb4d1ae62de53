"""The pytest plug-in: the marker `cells` makes one test for each cell, and `cell.launch(benchmark)` times its launches.

    @pytest.mark.cells("cnn", backend=["serial", "ddp"], workers=[1, 2], samples=2048)
    def test_training_speed(cell, benchmark):
        cell.launch(benchmark)

The marker takes the arguments of `manyhands.Request.of`; the options `--mh-...` take the place of its values. pytest loads this file
in every session of an environment with manyhands. So it imports nothing else of manyhands until a test has the marker, and it changes
no other test.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from manyhands.plan import RunSpec
    from manyhands.planning.request import Request
    from manyhands.record import Record
    from manyhands.run import RunContext

OPTIONS = {
    "workloads": ("--mh-workloads", "A,B", "workloads"),
    "backend": ("--mh-backends", "A,B", "backends"),
    "workers": ("--mh-workers", "N,N", "worker counts"),
    "repeats": ("--mh-rounds", "N", "launches of each cell"),
    "samples": ("--mh-samples", "N", "training rows, 0 for all"),
    "epochs": ("--mh-epochs", "N", "passes over the training rows"),
    "threads": ("--mh-threads", "N", "threads per worker"),
    "batch_size": ("--mh-batch-size", "N", "rows per step"),
    "batch": ("--mh-batch", "MODE", "global or per-worker: the meaning of the batch size"),
    "data": ("--mh-data-dir", "PLACE", "folder or address of real data"),
    "timeout": ("--mh-timeout", "SECONDS", "longest time of one launch"),
}
"""Option of a request -> its spelling here, the name of its value, and its help."""
WHOLE_PLANS = ("study", "variant", "budget", "nodes", "node_rank", "reuse_engine")
"""Options of a request that a test, which launches one cell at a time, cannot carry out."""
MARKER = (
    "cells(*workloads, **options): one test for each cell that these arguments of manyhands.Request.of name;"
    " the test asks for the fixture 'cell'"
)
LOGS = "results/pytest-suite-logs"
"""Folder for the output of failed runs, below the folder that pytest was started in."""


@dataclass(frozen=True)
class Chosen:
    """The parameter of a test: the cell, and how often it is launched."""

    spec: RunSpec
    rounds: int


class Cell:
    """A cell that a test launches: its `spec`, the number of `rounds`, and the `records` of the launches so far."""

    def __init__(self, chosen: Chosen, config: pytest.Config) -> None:
        self.spec, self.rounds = chosen.spec, chosen.rounds
        self.records: list[Record] = []
        self._config = config
        self._prepared = False

    def __repr__(self) -> str:
        return f"<Cell {cell_id(self.spec)}>"

    def launch(self, benchmark: Any) -> None:
        """Times `rounds` launches with the fixture `benchmark` of pytest-benchmark; `extra_info` gets the medians and the records.

        A launch is timed from the start of its process until everything it started has ended. The test fails with the reason of a
        launch that fails.
        """
        __tracebackhide__ = True
        benchmark.group = benchmark.group or f"{self.spec.workload}: one launch"
        benchmark.params = {**(benchmark.params or {}), **self._params()}
        with failing():
            benchmark.pedantic(self._measure, setup=self._check, iterations=1, rounds=self.rounds)
        benchmark.extra_info |= summary(self.records)

    def run(self) -> Record:
        """Launches the cell once and returns the record; the test fails with the reason of a launch that fails."""
        __tracebackhide__ = True
        self.prepare()
        with failing():
            return self._measure()

    def prepare(self) -> None:
        """Checks the cell's data and makes embedded data that is missing, before any clock starts."""
        __tracebackhide__ = True
        with failing():
            self._check()

    def _check(self) -> None:
        """Does the work of `prepare`; raises manyhands' errors."""
        if self._prepared:
            return
        from manyhands.errors import UsageError
        from manyhands.planning.plan import Plan, check_plan

        if refused_by_xdist(self._config):
            raise UsageError(
                "pytest-xdist runs tests beside each other, so launches would disturb each other;"
                " run pytest without -n, or only see if the launches work: --benchmark-disable"
            )
        check_plan(Plan([self.spec]))
        self._prepared = True

    def _measure(self) -> Record:
        from manyhands.errors import EngineError
        from manyhands.run import measure

        record = measure(self.spec, run_context(self._config), position=len(self.records))
        if record.status == "skipped":
            pytest.skip(record.reason or record.status)
        if not record.ok:
            raise EngineError(record.reason or record.status)
        self.records.append(record)
        return record

    def _params(self) -> dict[str, Any]:
        """The parameters that pytest-benchmark keeps and groups by, such as `--benchmark-group-by=param:backend`."""
        spec = self.spec
        return {"cell": cell_id(spec), "workload": spec.workload, "backend": spec.backend, "workers": spec.workers}


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("manyhands", "tests with the marker 'cells' (each option takes the place of the marker's value)")
    for spelling, metavar, text in OPTIONS.values():
        group.addoption(spelling, metavar=metavar, help=text)


def pytest_configure(config: pytest.Config) -> None:
    config.addinivalue_line("markers", MARKER)
    overrides(config)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Gives a test with the marker one parameter for each cell of all its markers."""
    markers = [*metafunc.definition.iter_markers("cells")][::-1]
    known = metafunc._arg2fixturedefs
    if not markers or "cell" not in known or known["cell"][-1].func.__module__ != __name__:
        return
    if "benchmark" in metafunc.fixturenames and not known.get("benchmark"):
        raise pytest.Collector.CollectError(
            f"{metafunc.function.__name__} needs pytest-benchmark for its fixture 'benchmark': pip install pytest-benchmark"
        )
    chosen: dict[str, Chosen] = {}
    with reporting(metafunc.config):
        for marker in markers:
            request = asked(metafunc.config, *marker.args, **marker.kwargs)
            rounds = 1 if request.repeats is None else request.repeats
            chosen |= {spec.cell_key: Chosen(spec, rounds) for spec in cells(request)}
    own_limit = metafunc.config.pluginmanager.hasplugin("timeout") and not metafunc.definition.get_closest_marker("timeout")
    marks = [pytest.mark.timeout(0)] if own_limit else []  # a launch has a limit of its own, which ends its processes too
    params = [pytest.param(one, id=cell_id(one.spec), marks=marks) for one in chosen.values()]
    metafunc.parametrize("cell", params, indirect=True)


@pytest.fixture
def cell(request: pytest.FixtureRequest) -> Cell:
    """The cell of this test, one of those that its marker `cells` names; skips the test when the cell cannot run here."""
    if not hasattr(request, "param"):
        pytest.fail(
            f"{request.node.name} asks for 'cell' and has no cells; mark it, for example with"
            " @pytest.mark.cells('cnn', backend=['serial', 'ddp'], workers=[1, 2])",
            pytrace=False,
        )
    if reason := why_not(request.param.spec):
        pytest.skip(reason)
    return Cell(request.param, request.config)


def overrides(config: pytest.Config) -> dict[str, Any]:
    """The options of a request that are given as `--mh-...`; raises pytest.UsageError for values that they do not take."""
    given = {name: text for name, (spelling, *_) in OPTIONS.items() if (text := config.getoption(spelling))}
    if not given:
        return {}
    from manyhands.errors import UsageError
    from manyhands.planning.request import Request

    try:
        request = Request.of(**given)
    except UsageError as error:
        raise pytest.UsageError(spelled(str(error), given)) from None
    return given | ({"samples": None} if request.samples == 0 else {})


def spelled(message: str, given: dict[str, Any]) -> str:
    """The error message with the option that it begins with as it is spelled here, when it was given here."""
    from manyhands.planning.request import flag

    first, _, rest = message.partition(" ")
    spellings = {flag(name): OPTIONS[name][0] for name in given}
    return f"{spellings.get(first, first)} {rest}"


def asked(config: pytest.Config, *workloads: str, **options: Any) -> Request:
    """The request of a marker with these arguments, after the options `--mh-...`; raises manyhands' UsageError for wrong ones."""
    from manyhands.planning.request import Request

    over = overrides(config)
    return Request.of(*(() if "workloads" in over else workloads), **options | over)


def cells(request: Request) -> list[RunSpec]:
    """The cells of a request, without `serial` on several workers; raises manyhands' errors for what is impossible."""
    from manyhands.errors import UsageError
    from manyhands.plan import grid
    from manyhands.planning.cells import default_cells, named_cells
    from manyhands.planning.plan import Plan, check_plan, check_save
    from manyhands.planning.request import flag
    from manyhands.record import BASE_LINE
    from manyhands.run import refusal

    if whole := [flag(name) for name in WHOLE_PLANS if name in request.given()]:
        raise UsageError(f"{whole[0]} is for a whole plan, and a test launches one cell at a time; use 'manyhands run'")
    named = default_cells(request) if request.is_default else named_cells(request)
    kept = [spec for spec in named if spec.backend != BASE_LINE or spec.workers == 1]
    if not kept:
        check_plan(Plan((), [(spec, refusal(spec) or "") for spec in named]))
    if request.save and len(kept) > 1:
        check_save(Plan(kept))
    return grid(kept, 1 if request.repeats is None else request.repeats)[0]


def cell_id(spec: RunSpec) -> str:
    """The id of a cell's test, which `-k` matches: workload, backend and workers, such as `cnn-serial-1`."""
    return f"{spec.workload.rpartition('/')[2]}-{spec.backend.rpartition('/')[2]}-{spec.workers}"


def why_not(spec: RunSpec) -> str | None:
    """The reason why the cell is not run on this machine; None when it can run."""
    from manyhands.errors import UsageError
    from manyhands.machine import usable_cores
    from manyhands.plan import check_cores
    from manyhands.run import refusal

    if reason := refusal(spec):
        return reason
    try:
        check_cores([spec], usable_cores())
    except UsageError as error:
        return str(error)
    return None


def refused_by_xdist(config: pytest.Config) -> bool:
    """True in a process of pytest-xdist, unless `--benchmark-disable` says that no time matters."""
    timed = config.getoption("benchmark_enable", False) or not config.getoption("benchmark_disable", False)
    return hasattr(config, "workerinput") and timed


CONTEXT: pytest.StashKey[RunContext] = pytest.StashKey()


def run_context(config: pytest.Config) -> RunContext:
    """The values that all records of this pytest session share."""
    from manyhands.run import RunContext

    if CONTEXT not in config.stash:
        config.stash[CONTEXT] = RunContext(log_folder=config.invocation_params.dir / LOGS)
    return config.stash[CONTEXT]


@contextmanager
def reporting(config: pytest.Config) -> Iterator[None]:
    """Makes an error of manyhands one line of pytest's collection."""
    from manyhands.errors import ManyhandsError

    try:
        yield
    except ManyhandsError as error:
        raise pytest.Collector.CollectError(spelled(str(error), overrides(config))) from None


@contextmanager
def failing() -> Iterator[None]:
    """Makes an error of manyhands the one line with which the test fails."""
    from manyhands.errors import ManyhandsError

    __tracebackhide__ = True
    try:
        yield
    except ManyhandsError as error:
        raise pytest.fail.Exception(str(error), pytrace=False) from None


def summary(records: list[Record]) -> dict[str, Any]:
    """Medians over the launches (times in seconds unless the name says otherwise), and every record whole."""
    values = [json.loads(record.to_json()) for record in records]
    train_s = [value["phases"]["train_s"] for value in values]
    steps = [value["resolved"].get("steps_per_epoch", 0) * value["spec"]["epochs"] for value in values]
    peaks = [value["resources"]["peak_pss_bytes"] for value in values if value["resources"]["peak_pss_bytes"]]
    return {
        "train_s": median(train_s),
        "step_ms": median(1000 * s / n for s, n in zip(train_s, steps, strict=True)) if all(steps) else None,
        "peak_pss_mb": median(peaks) / 1e6 if peaks else None,
        "quality": values[-1]["quality"],
        "records": values,
    }

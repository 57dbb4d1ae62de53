"""The pytest plug-in: the marker `cells` makes one test for each cell, and `cell.launch(benchmark)` times its launches.

    @pytest.mark.cells("cnn", backend=["serial", "ddp"], workers=[1, 2], samples=2048)
    def test_training_speed(cell, benchmark):
        cell.launch(benchmark)

The marker takes the arguments of `manyhands.Request.of`, so it takes your own training too: `cells("mine.py:build", workers=2)` or
`cells("train.py", args=["--lr", "0.1"])`, with files found from the folder of the test upwards. The options `--mh-...` take the place
of its values, and [tool.manyhands] of the user's pyproject.toml gives what is left. pytest loads this file in every session of an
environment with manyhands. So it imports nothing else of manyhands until a test has the marker, and it changes no other test.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from manyhands.plan import RunSpec
    from manyhands.planning.request import Request
    from manyhands.pytest_cell import Cell
    from manyhands.rounds.turns import Chosen, Turns

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
OF_RUN = ("repeats", "order_seed", "no_base_line")
"""Options of a pyproject.toml that only `manyhands run` carries out, besides those of whole plans."""
MARKER = (
    "cells(*workloads, **options): one test for each cell that these arguments of manyhands.Request.of name;"
    " the test asks for the fixture 'cell'"
)

TURNS: pytest.StashKey[dict[str, Turns]] = pytest.StashKey()
"""The name of a test without its cell -> the launches of its cells."""
MADE: pytest.StashKey[list[Cell]] = pytest.StashKey()
"""The cells that tests of this session asked for."""
BASE_LINE: pytest.StashKey[set[str]] = pytest.StashKey()
"""The names of the benchmarks that pytest-benchmark compares with."""


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
    from manyhands.pytest_cell import cell_id
    from manyhands.rounds.turns import Chosen

    chosen: dict[str, Chosen] = {}
    with reporting(metafunc.config):
        for marker in markers:
            request = asked(metafunc.config, metafunc.definition.path, *marker.args, **marker.kwargs)
            found = [Chosen(spec, 1 if request.repeats is None else request.repeats) for spec in cells(request)]
            if "benchmark" in metafunc.fixturenames:
                found = [repeating(one, request) for one in found]
            chosen |= {one.spec.cell_key: one for one in found}
    own_limit = metafunc.config.pluginmanager.hasplugin("timeout") and not metafunc.definition.get_closest_marker("timeout")
    marks = [pytest.mark.timeout(0)] if own_limit else []  # a launch has a limit of its own, which ends its processes too
    params = [pytest.param(one, id=cell_id(one.spec), marks=marks) for one in chosen.values()]
    metafunc.parametrize("cell", params, indirect=True)


def repeating(chosen: Chosen, request: Request) -> Chosen:
    """The cell with so many launches and epochs that its values repeat, where the marker and the options give no number."""
    from manyhands.plugins import workload_class
    from manyhands.rounds.values import EPOCHS, LAUNCHES

    rounds = LAUNCHES if request.repeats is None else chosen.rounds
    in_epochs = request.epochs is None and chosen.spec.counts_epochs and workload_class(chosen.spec.workload).in_epochs
    return replace(chosen, rounds=rounds, spec=replace(chosen.spec, epochs=EPOCHS) if in_epochs else chosen.spec)


@pytest.fixture
def cell(request: pytest.FixtureRequest) -> Cell:
    """The cell of this test, one of those that its marker `cells` names; skips the test when the cell cannot run here."""
    if not hasattr(request, "param"):
        pytest.fail(
            f"{request.node.name} asks for 'cell' and has no cells; mark it, for example with"
            " @pytest.mark.cells('cnn', backend=['serial', 'ddp'], workers=[1, 2])",
            pytrace=False,
        )
    from manyhands.planning.plan import not_run_here
    from manyhands.pytest_cell import Cell

    if reason := not_run_here(request.param.spec):
        pytest.skip(reason)
    made = Cell(request.param.spec, request.param.rounds, request.config, turns_of(request))
    request.config.stash.setdefault(MADE, []).append(made)
    return made


def turns_of(request: pytest.FixtureRequest) -> Turns:
    """The launches of the cells of this test that are chosen in this session and can run here."""
    from manyhands.planning.plan import not_run_here
    from manyhands.rounds.turns import Turns

    known, name = request.config.stash.setdefault(TURNS, {}), shared_name(request.node)[0]
    if name not in known:
        tests = [shared_name(item) for item in request.session.items if not item.get_closest_marker("skip")]
        known[name] = Turns([one for other, one in tests if other == name and one and not not_run_here(one.spec)])
    return known[name]


def shared_name(item: pytest.Item) -> tuple[str, Chosen | None]:
    """The name that a test has in common with the same test of other cells, and its cell; None for a test without cells."""
    callspec = getattr(item, "callspec", None)
    params = dict(callspec.params) if callspec else {}
    chosen: Chosen | None = params.pop("cell", None)
    return f"{item.nodeid.partition('[')[0]} {params}", chosen


@pytest.hookimpl(optionalhook=True)
def pytest_benchmark_compare_machine_info(config: pytest.Config, compared_benchmark: dict[str, Any]) -> None:
    """Remembers the names of the benchmarks of a base line: pytest-benchmark calls this for each result that it compares with."""
    config.stash.setdefault(BASE_LINE, set()).update(one["fullname"] for one in compared_benchmark["benchmarks"])


@pytest.hookimpl(tryfirst=True)
def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Names the benchmarks of cells that the base line has with other settings or another yardstick, and so are not compared."""
    made, base_line = config.stash.get(MADE, []), config.stash.get(BASE_LINE, None)
    if made and base_line:
        from manyhands.rounds.kept import not_compared

        for line in not_compared([kept for cell in made for kept in cell.kept], base_line):
            terminalreporter.write_line(line, yellow=True)


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


def asked(config: pytest.Config, suite: Path, *workloads: Any, **options: Any) -> Request:
    """The request of a marker with these arguments, after the options `--mh-...` and before those of the user's pyproject.toml.

    `suite`: the file of the test. Raises manyhands' UsageError for wrong ones.
    """
    from manyhands.planning.project import with_project
    from manyhands.planning.request import OPTIONS, WHOLE_PLANS, Request

    over = overrides(config)
    named = () if "workloads" in over else workloads
    request = of_suite(Request.of(*named, **options | over), suite, {"workloads", "backend"} - set(over))
    if named and isinstance(named[0], Request):
        return request
    given = {name for name in OPTIONS if name in over or options.get(name) is not None}
    return with_project(request, given | ({"workloads"} if named else set()), without=(*WHOLE_PLANS, *OF_RUN))


def of_suite(request: Request, suite: Path, names: Iterable[str]) -> Request:
    """The request with absolute paths for the files that these options of it name, as seen from the file of the test.

    Raises manyhands' UsageError for a file that is not there.
    """
    from manyhands.suite_files import located

    found: dict[str, Any] = {name: tuple(located(one, suite) for one in getattr(request, name)) for name in names}
    return replace(request, **found)


def cells(request: Request) -> list[RunSpec]:
    """The cells of a request, without `serial` on several workers; raises manyhands' errors for what is impossible."""
    from manyhands.errors import UsageError
    from manyhands.plan import grid
    from manyhands.planning.cells import default_cells, named_cells
    from manyhands.planning.plan import Plan, check_plan, check_save
    from manyhands.planning.request import WHOLE_PLANS, flag
    from manyhands.record import BASE_LINE
    from manyhands.run import refusal

    if whole := [flag(name) for name in WHOLE_PLANS if name in request.given()]:
        raise UsageError(f"{whole[0]} is for a whole plan, and a test launches one cell at a time; use 'manyhands run'")
    named = default_cells(request) if request.is_default else named_cells(request)
    named = [spec for spec in named if spec.threads == request.threads]  # an id of a test does not name them
    kept = [spec for spec in named if spec.backend != BASE_LINE or spec.workers == 1]
    if not kept:
        check_plan(Plan((), [(spec, refusal(spec) or "") for spec in named]))
    if request.save and len(kept) > 1:
        check_save(Plan(kept))
    return grid(kept, 1 if request.repeats is None else request.repeats)[0]


@contextmanager
def reporting(config: pytest.Config) -> Iterator[None]:
    """Makes an error of manyhands one line of pytest's collection."""
    from manyhands.errors import ManyhandsError

    try:
        yield
    except ManyhandsError as error:
        raise pytest.Collector.CollectError(spelled(str(error), overrides(config))) from None

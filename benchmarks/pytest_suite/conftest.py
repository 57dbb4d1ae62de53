"""The options of the suite (`--mh-...`), and the cells that they choose: all there are unless fewer are named."""

from __future__ import annotations

from dataclasses import replace
from itertools import product
from pathlib import Path

import pytest

from manyhands.data.folder import data_dir
from manyhands.errors import ManyhandsError
from manyhands.plan import BATCH_MODES, RunSpec
from manyhands.plugins import backend_classes, workload_class, workload_classes
from manyhands.run import Surroundings


def pytest_addoption(parser: pytest.Parser) -> None:
    group = parser.getgroup("manyhands", "what the manyhands suite trains, where and how often")
    group.addoption("--mh-workloads", default="", metavar="A,B", help="workloads (default: all)")
    group.addoption("--mh-backends", default="", metavar="A,B", help="backends (default: all)")
    group.addoption("--mh-workers", default="1,2", metavar="N,N", help="worker counts (default: 1,2)")
    group.addoption("--mh-rounds", type=int, default=1, metavar="N", help="launches of each cell (default: 1)")
    group.addoption("--mh-samples", type=int, default=2048, metavar="N", help="training rows used, 0 for all (default: 2048)")
    group.addoption("--mh-epochs", type=int, default=1, metavar="N", help="epochs (default: 1)")
    group.addoption("--mh-threads", type=int, default=1, metavar="N", help="threads of each worker (default: 1)")
    group.addoption("--mh-batch-size", type=int, metavar="N", help="rows of a batch (default: the workload's own)")
    group.addoption("--mh-batch", choices=BATCH_MODES, default=BATCH_MODES[0], help="what the batch size counts for")
    group.addoption("--mh-data-dir", metavar="FOLDER", help="real data (default: MANYHANDS_DATA, else the embedded data)")
    group.addoption("--mh-timeout", type=float, default=600, metavar="S", help="seconds for one launch (default: 600)")


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    try:
        if "cell" in metafunc.fixturenames:
            cells = chosen_cells(metafunc.config)
            metafunc.parametrize("cell", [pytest.param(cell, id=cell_id(cell)) for cell in cells])
        if "engine_cell" in metafunc.fixturenames:
            cells = [cell for cell in chosen_cells(metafunc.config) if cell.backend != "serial" or not is_network(cell)]
            metafunc.parametrize("engine_cell", [pytest.param(cell, id=cell_id(cell)) for cell in cells])
        if "step_cell" in metafunc.fixturenames:
            cells = [cell for cell in chosen_cells(metafunc.config, ["serial"], [1]) if is_network(cell)]
            metafunc.parametrize("step_cell", [pytest.param(replace(cell, threads=1), id=cell.workload) for cell in cells])
    except ManyhandsError as error:
        raise pytest.UsageError(str(error)) from None


def chosen_cells(config: pytest.Config, backends: list[str] | None = None, workers: list[int] | None = None) -> list[RunSpec]:
    """The cells that the options name; raises UsageError for what does not exist."""
    folder = data_dir(config.getoption("mh_data_dir"))
    workloads = _names(config.getoption("mh_workloads")) or list(workload_classes())
    backends = backends or _names(config.getoption("mh_backends")) or list(backend_classes())
    workers = workers or [int(count) for count in _names(config.getoption("mh_workers"))]
    return [
        RunSpec(
            workload=workload,
            backend=backend,
            workers=count,
            threads=config.getoption("mh_threads"),
            epochs=config.getoption("mh_epochs"),
            samples=config.getoption("mh_samples") or None,
            batch_size=config.getoption("mh_batch_size") or workload_class(workload).batch_size,
            batch=workload_class(workload).batch_mode(config.getoption("mh_batch")),
            data_dir=str(folder.resolve()) if folder else None,
            timeout_s=config.getoption("mh_timeout"),
        )
        for workload, backend, count in product(workloads, backends, workers)
    ]


def is_network(cell: RunSpec) -> bool:
    """Whether the epoch loop trains it."""
    return workload_class(cell.workload).kind == "network"


def cell_id(cell: RunSpec) -> str:
    """What `-k` matches: workload, backend and workers, such as `cnn-serial-1`."""
    return f"{cell.workload.rpartition('/')[2]}-{cell.backend.rpartition('/')[2]}-{cell.workers}"


def _names(text: str) -> list[str]:
    return [name.strip() for name in text.split(",") if name.strip()]


@pytest.fixture(scope="session")
def rounds(pytestconfig: pytest.Config) -> int:
    """Launches of each cell."""
    return int(pytestconfig.getoption("mh_rounds"))


@pytest.fixture(scope="session")
def surroundings() -> Surroundings:
    """What all records of this session share."""
    return Surroundings(log_folder=Path("results/pytest-suite-logs"))

"""The options of `manyhands run` -> the cells of its plan, before repeats and order."""

from __future__ import annotations

import argparse
import os
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from manyhands.backends.base import kinds
from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec, check_cores
from manyhands.planning.places import data_place, save_place
from manyhands.plugins import backend_class, backend_classes, workload_class
from manyhands.record import BASE_LINE
from manyhands.user_files import absolute

if TYPE_CHECKING:
    from manyhands.workloads.workload import Workload

DEFAULT_WORKLOADS = ("lstm", "cnn")
DEFAULT_BACKENDS = (BASE_LINE, "ddp")
EVERYWHERE = "cnn"
"""The workload that the default plan shows once on every engine that is installed."""
DEFAULT_SAMPLES = 4096
DEFAULT_REPEATS = 2
"""Rows and launches of the default plan: enough to see it work, few enough for three minutes on two cores."""
REPEATS = 3
COMMON = (
    "threads",
    "scaling",
    "seed",
    "device",
    "score_epochs",
    "address",
    "nodes",
    "node_rank",
    "oversubscribe",
    "memory_limit",
    "reader",
    "shard_data",
)
"""Options that are the same for every cell."""


def chosen_cells(options: argparse.Namespace) -> list[RunSpec]:
    """Every cell that the options ask for, or the default plan; raises UsageError for impossible options."""
    if is_default_plan(options):
        return default_cells(options)
    names = [absolute(name) for name in options.workloads or DEFAULT_WORKLOADS]
    cores = usable_cores()
    check_settings(dict(options.set), [workload_class(name) for name in names])
    cells = [
        cell(options, name, backend, count)
        for name in names
        for backend in map(absolute, options.backend or default_backends(name))
        for count in options.workers or default_workers(options, backend, cores, workload_class(name).fewest_workers)
    ]
    check_cores([cell for cell in cells if cell.backend != BASE_LINE or cell.workers == 1], cores)
    return cells + threaded_base_lines(cells, cores)


def is_default_plan(options: argparse.Namespace) -> bool:
    """True when no workload, no backend and no worker count is given."""
    return not (options.workloads or options.backend or options.workers)


def default_cells(options: argparse.Namespace) -> list[RunSpec]:
    """Two networks on `serial` and `ddp`, and one of them once on every other engine that is installed."""
    from manyhands.run import refusal

    check_settings(dict(options.set), [workload_class(name) for name in DEFAULT_WORKLOADS])
    small = argparse.Namespace(**vars(options) | {"samples": options.samples or DEFAULT_SAMPLES})
    cores = usable_cores()
    most = 2 if 2 * options.threads <= cores else 1
    cells = [
        cell(small, name, backend, 1 if backend == BASE_LINE else most)
        for name in DEFAULT_WORKLOADS
        for backend in DEFAULT_BACKENDS
    ]
    engines = [name for name, backend in backend_classes().items() if backend.in_default_plan and name not in DEFAULT_BACKENDS]
    others = [cell(small, EVERYWHERE, backend, most) for backend in engines]
    check_cores(cells, cores)
    return cells + [other for other in others if not refusal(other)]


def cell(options: argparse.Namespace, workload_name: str, backend: str, workers: int) -> RunSpec:
    """One cell, with the workload's defaults for what the options leave open."""
    workload, offered = workload_class(workload_name), backend_class(backend)
    settings = workload.accepts(dict(options.set))
    workload.from_settings(settings)
    folder, remote = data_place(options)
    common: dict[str, Any] = {name: getattr(options, name) for name in COMMON} | nodes_of(options, backend)
    return RunSpec(
        workload=workload_name,
        backend=backend,
        workers=workers,
        epochs=workload.epochs if options.epochs is None else options.epochs,
        samples=options.samples,
        batch=workload.batch_mode(options.batch),
        batch_size=workload.batch_size if options.batch_size is None else options.batch_size,
        data_dir=folder,
        data=remote,
        save=save_place(options.save),
        settings=settings,
        prepare=options.prepare if options.prepare in offered.prepares else "plain",
        reuse_engine=options.reuse_engine and offered.reusable,
        timeout_s=options.timeout,
        **common,
    )


def nodes_of(options: argparse.Namespace, backend: str) -> dict[str, Any]:
    """Nodes, node rank and address of a cell: from the options, else from SLURM for backends that can span nodes.

    The base line always runs on one machine.
    """
    if backend == BASE_LINE:
        return {"nodes": 1, "node_rank": 0}
    return asdict(options.step) if options.step and backend_class(backend).spans_nodes else {}


def default_backends(workload: str) -> list[str]:
    """Backends when none is given: those of the default plan that offer the workload's kind, or all of them."""
    kind = workload_class(workload).kind
    return [name for name in DEFAULT_BACKENDS if kind in kinds(backend_class(name))] or list(DEFAULT_BACKENDS)


def default_workers(options: argparse.Namespace, backend: str, cores: int, fewest: int = 1) -> list[int]:
    """Worker counts when none is given: the engine's own variable, else 1 and 2 as far as the cores go.

    With several nodes, as many workers as their cores hold. `fewest`: the workload needs at least so many.
    """
    if own := backend_class(backend).default_workers(os.environ):
        return [own]
    nodes = nodes_of(options, backend).get("nodes", options.nodes)
    if nodes > 1:
        return [nodes * max(1, cores // options.threads)]
    return [count for count in (1, 2) if fewest <= count and count * options.threads <= cores] or [fewest]


def threaded_base_lines(cells: list[RunSpec], cores: int) -> list[RunSpec]:
    """`serial` with all cores as threads, for every workload that the plan also runs with several workers."""
    base = [cell for cell in cells if cell.backend == BASE_LINE and cell.workers == 1 and cell.threads < cores]
    spread = {cell.workload for cell in cells if cell.workers > 1 and cell.backend != BASE_LINE}
    return [replace(cell, threads=cores) for cell in base if cell.workload in spread and cell.device == "cpu"]


def check_settings(settings: dict[str, str], workloads: list[type[Workload]]) -> None:
    """Raises UsageError for a setting that none of the workloads has."""
    for name in settings:
        if not any(workload.accepts({name: settings[name]}) for workload in workloads):
            known = sorted({setting.name for workload in workloads for setting in fields(workload)})
            raise UsageError(f"--set {name}={settings[name]}: no such setting; known: {', '.join(known)}; see 'manyhands list'")

"""The options of `manyhands run` -> the cells of its plan, before repeats and order."""

from __future__ import annotations

import argparse
from dataclasses import replace
from typing import TYPE_CHECKING

from manyhands.data.folder import data_dir
from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec, check_cores
from manyhands.plugins import absolute, backend_class, workload_class

if TYPE_CHECKING:
    from manyhands.workloads.base import Workload

DEFAULT_WORKLOADS = ("lstm", "rnn", "cnn", "mlp")
DEFAULT_BACKENDS = ("serial", "ddp")
DEFAULT_SAMPLES = 4096
"""Rows of the default plan: enough steps to time, few enough for three minutes on two cores."""
BASE_LINE = "serial"
COMMON = ("threads", "batch", "scaling", "seed", "device", "score_epochs", "address", "nodes", "node_rank", "oversubscribe")
"""Options that every cell takes as they are."""


def chosen_cells(options: argparse.Namespace) -> list[RunSpec]:
    """Every cell that the options ask for; raises UsageError for what cannot be meant."""
    default_plan = not options.workloads
    names = [absolute(name) for name in options.workloads or DEFAULT_WORKLOADS]
    backends = [absolute(name) for name in options.backend or DEFAULT_BACKENDS]
    cores = usable_cores()
    workers = options.workers or [count for count in (1, 2) if count * options.threads <= cores]
    for backend in backends:
        backend_class(backend)
    folder = data_dir(options.data_dir)
    settings = dict(options.set)
    _check_settings(settings, [workload_class(name) for name in names])
    common = {name: getattr(options, name) for name in COMMON}
    common |= {"timeout_s": options.timeout, "data_dir": str(folder.resolve()) if folder else None}
    cells = []
    for name in names:
        workload = workload_class(name)
        own = workload.accepts(settings)
        workload.from_settings(own)
        common |= {
            "epochs": workload.epochs if options.epochs is None else options.epochs,
            "batch_size": workload.batch_size if options.batch_size is None else options.batch_size,
            "samples": DEFAULT_SAMPLES if default_plan and options.samples is None else options.samples,
        }
        for backend in backends:
            reuse = options.reuse_engine and backend_class(backend).reusable
            cells += [
                RunSpec(workload=name, backend=backend, workers=count, settings=own, reuse_engine=reuse, **common)
                for count in workers
            ]
    check_cores([cell for cell in cells if cell.backend != BASE_LINE or cell.workers == 1], cores)
    return cells + _threaded_base_lines(cells, cores)


def _threaded_base_lines(cells: list[RunSpec], cores: int) -> list[RunSpec]:
    """`serial` with all cores as threads, to stand beside the base line wherever a plan spreads work over several workers."""
    base = [cell for cell in cells if cell.backend == BASE_LINE and cell.workers == 1 and cell.threads < cores]
    spread = {cell.workload for cell in cells if cell.workers > 1 and cell.backend != BASE_LINE}
    return [replace(cell, threads=cores) for cell in base if cell.workload in spread and cell.device == "cpu"]


def _check_settings(settings: dict[str, str], workloads: list[type[Workload]]) -> None:
    for name in settings:
        if not any(workload.accepts({name: settings[name]}) for workload in workloads):
            known = sorted({setting for workload in workloads for setting in workload.__dataclass_fields__})
            raise UsageError(f"--set {name}={settings[name]}: no such setting; known: {', '.join(known)}; see 'manyhands list'")

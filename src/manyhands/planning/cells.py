"""A request -> the cells of its plan, before repeats and order."""

from __future__ import annotations

import os
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, fields, replace
from typing import TYPE_CHECKING, Any

from manyhands.backends.base import kinds
from manyhands.backends.sync.by_name import placed, strategy
from manyhands.errors import UsageError
from manyhands.machine import usable_cores
from manyhands.plan import RunSpec, check_cores
from manyhands.planning.places import data_place, save_place
from manyhands.planning.request import OPTIONS, Request
from manyhands.plugins import backend_class, backend_classes, workload_class
from manyhands.record import BASE_LINE, EVERY_STEP, LIMIT
from manyhands.slurm import Step
from manyhands.user_files import absolute, is_script
from manyhands.workloads.kinds.script import ScriptWorkload

if TYPE_CHECKING:
    from manyhands.workloads.workload import Workload

DEFAULT_WORKLOADS = ("lstm", "cnn")
DEFAULT_BACKENDS = (BASE_LINE, "ddp")
EVERYWHERE = "cnn"
"""The workload that the default plan shows once on every engine that is installed."""
DEFAULT_SAMPLES, DEFAULT_EPOCHS = 4096, 2
"""Rows and epochs of the default plan: about a second of `train` in a launch of two to five seconds. Two launches of every cell take 139 s
on two cores, of which Ray and Spark take 76 (docs/results/default-run.md). The other network on every engine too would make them about 240 s."""


def chosen_cells(request: Request, step: Step | None = None) -> list[RunSpec]:
    """Every cell that is asked for, or the default plan; raises UsageError for what is impossible.

    `step`: the SLURM job step that this process is part of.
    """
    if request.is_default:
        return with_strategies(request, default_cells(request, step))
    cells = with_strategies(request, with_serial_on_one_worker(named_cells(request, step)))
    cores = usable_cores()
    check_cores([cell for cell in cells if cell.backend != BASE_LINE or cell.workers == 1], cores)
    return added_base_lines(request, cells, step) + cells + threaded_base_lines(cells, cores)


def named_cells(request: Request, step: Step | None = None) -> list[RunSpec]:
    """Every workload on every backend at every worker count, with the defaults for those that are not named."""
    names = [absolute(name) for name in request.workloads or DEFAULT_WORKLOADS]
    cores = usable_cores()
    check_settings(request.set, [workload_class(name) for name in names])
    check_arguments(request.args, names)
    return [
        replace(cell(request, name, backend, count, step), loader_workers=loader_workers)
        for name in names
        for backend in map(absolute, request.backend or default_backends(name))
        for count in request.workers or default_workers(request, step, backend, cores, workload_class(name).fewest_workers)
        for loader_workers in request.loader_workers or (None,)
    ]


def default_cells(request: Request, step: Step | None = None) -> list[RunSpec]:
    """Two networks on `serial`, with one thread and with a thread for every core, and on `ddp`; one of them also on every other engine that is installed."""
    from manyhands.run import refusal

    check_settings(request.set, [workload_class(name) for name in DEFAULT_WORKLOADS])
    check_arguments(request.args, DEFAULT_WORKLOADS)
    small = replace(
        request,
        samples=request.samples or DEFAULT_SAMPLES,
        epochs=request.epochs or (DEFAULT_EPOCHS if counts_epochs(request) else None),
    )
    cores = usable_cores()
    most = 2 if 2 * request.threads <= cores else 1
    cells = [
        cell(small, name, backend, 1 if backend == BASE_LINE else most, step)
        for name in DEFAULT_WORKLOADS
        for backend in DEFAULT_BACKENDS
    ]
    engines = [name for name, backend in backend_classes().items() if backend.in_default_plan and name not in DEFAULT_BACKENDS]
    others = [cell(small, EVERYWHERE, backend, most, step) for backend in engines]
    check_cores(cells, cores)
    return cells + threaded_base_lines(cells, cores) + [other for other in others if not refusal(other)]


def default_note(cells: Sequence[RunSpec]) -> str:
    """The line about the engines that the default plan shows on one of its networks alone; empty when there are none."""
    others = dict.fromkeys(cell.backend for cell in cells if cell.backend not in DEFAULT_BACKENDS)
    if not others:
        return ""
    rest = next(name for name in DEFAULT_WORKLOADS if name != EVERYWHERE)
    one = next(cell for cell in cells if cell.backend in others)
    return (
        f"{', '.join(others)}: on {EVERYWHERE} alone, because two launches of both networks on every engine take four minutes on two cores, not"
        f" three; for {rest}: manyhands run {rest} --backend {','.join(others)} --workers {one.workers} --samples {one.samples}"
        f" --epochs {one.epochs}"
    )


def cell(request: Request, workload_name: str, backend: str, workers: int, step: Step | None = None) -> RunSpec:
    """One cell, with the workload's defaults for what the request leaves open."""
    workload, offered = workload_class(workload_name), backend_class(backend)
    settings = workload.accepts(request.set) | ({"arguments": request.args} if request.args else {})
    made = workload.from_settings(settings)
    if isinstance(made, ScriptWorkload):
        settings = {"arguments": list(made.arguments)} if made.arguments else {}
    folder, remote = data_place(request.data)
    asked = {f.name: getattr(request, f.name) for f in fields(RunSpec) if f.name in OPTIONS}
    return RunSpec(
        **asked
        | {
            "workload": workload_name,
            "backend": backend,
            "workers": workers,
            "epochs": (workload.epochs if counts_epochs(request) else 1) if request.epochs is None else request.epochs,
            "loader_workers": next(iter(request.loader_workers), None),
            "sync": EVERY_STEP,
            "score_epochs": request.score_epochs or request.target is not None,
            "batch": workload.batch_mode(request.batch),
            "batch_size": workload.batch_size if request.batch_size is None else request.batch_size,
            "data_dir": folder,
            "data": remote,
            "reader": request.s3_library,
            "save": save_place(request.save),
            "settings": settings,
            "prepare": request.windows_by if request.windows_by in offered.prepares else "plain",
            "reuse_engine": request.reuse_engine and offered.reusable,
            "timeout_s": request.timeout,
        }
        | nodes_of(step, backend)
    )


def counts_epochs(request: Request) -> bool:
    """True when neither steps nor seconds are asked for."""
    return request.steps is None and request.max_seconds is None


def nodes_of(step: Step | None, backend: str) -> dict[str, Any]:
    """Nodes, node rank and address of a cell where they are not those of the request: from SLURM for backends that can span nodes.

    The base line always runs on one machine.
    """
    if backend == BASE_LINE:
        return {"nodes": 1, "node_rank": 0}
    return asdict(step) if step and backend_class(backend).spans_nodes else {}


def default_backends(workload: str) -> list[str]:
    """Backends when none is given: those of the default plan that offer the workload's kind, or all of them."""
    kind = workload_class(workload).kind
    return [name for name in DEFAULT_BACKENDS if kind in kinds(backend_class(name))] or list(DEFAULT_BACKENDS)


def default_workers(request: Request, step: Step | None, backend: str, cores: int, fewest: int = 1) -> list[int]:
    """Worker counts when none is given: the engine's own variable, else 1 and 2 as far as the cores go.

    With several nodes, as many workers as their cores hold. `fewest`: the workload needs at least so many.
    """
    if own := backend_class(backend).default_workers(os.environ):
        return [own]
    nodes = nodes_of(step, backend).get("nodes", request.nodes)
    if nodes > 1:
        return [nodes * max(1, cores // request.threads)]
    return [count for count in (1, 2) if fewest <= count and count * request.threads <= cores] or [fewest]


def with_strategies(request: Request, cells: list[RunSpec]) -> list[RunSpec]:
    """The cells, those of several workers once for every strategy, and with `--limit` once without any exchange where they train a network.

    Raises UsageError for a strategy that does not exist, for a value that it does not take, and when no cell has several workers.
    """
    asked = [placed(text) for text in request.sync]
    for text in asked:
        strategy(text)
    if (asked or request.limit) and all(cell.workers == 1 for cell in cells):
        option = f"--sync {','.join(asked)}" if asked else "--limit"
        raise UsageError(f"{option} is about what several workers exchange, and every cell here has one; add --workers 2")
    found = []
    for cell in cells:
        several = cell.workers > 1
        found += [replace(cell, sync=text) for text in (asked if several else ()) or [EVERY_STEP]]
        if several and request.limit and workload_class(cell.workload).in_epochs:
            found.append(replace(cell, sync=LIMIT))
    return found


def with_serial_on_one_worker(cells: list[RunSpec]) -> list[RunSpec]:
    """The cells with `serial` once, on one worker, however many workers were asked for; unchanged when no cell can run."""
    if all(cell.backend == BASE_LINE and cell.workers > 1 for cell in cells):
        return cells  # the plan refuses them and names the reason
    single = [replace(cell, workers=1) if cell.backend == BASE_LINE else cell for cell in cells]
    return list({cell.cell_key: cell for cell in single}.values())


def added_base_lines(request: Request, cells: list[RunSpec], step: Step | None) -> list[RunSpec]:
    """`serial` with one worker for every workload that runs on other backends alone, so that each of them has a speed-up.

    None with `--no-base-line`, for a workload that no named cell can run or that `serial` does not offer, with `--save`, which takes
    the model of one cell, beside a running engine, whose workers may be on other machines than this one, and on several nodes,
    which would wait for the one that it runs on.
    """
    from manyhands.run import refusal

    elsewhere = request.address is not None or request.nodes > 1 or step is not None
    if request.no_base_line or request.save is not None or elsewhere:
        return []
    has_one = {cell.workload for cell in cells if cell.backend == BASE_LINE}
    names = dict.fromkeys(cell.workload for cell in cells if cell.workload not in has_one and not refusal(cell))
    offered = kinds(backend_class(BASE_LINE))
    return [cell(request, name, BASE_LINE, 1) for name in names if workload_class(name).kind in offered]


def threaded_base_lines(cells: list[RunSpec], cores: int) -> list[RunSpec]:
    """`serial` with all cores as threads, for every workload that the plan also runs with several workers."""
    base = [cell for cell in cells if cell.backend == BASE_LINE and cell.workers == 1 and cell.threads < cores]
    spread = {cell.workload for cell in cells if cell.workers > 1 and cell.backend != BASE_LINE}
    return [replace(cell, threads=cores) for cell in base if cell.workload in spread and cell.device == "cpu"]


def check_arguments(arguments: Sequence[str], workloads: Sequence[str]) -> None:
    """Raises UsageError when arguments of a script are given and one of the workloads is no script."""
    others = [name for name in workloads if not is_script(name)]
    if arguments and others:
        raise UsageError(
            f"'-- {shlex.join(arguments)}' is for a script, and {', '.join(others)} is none: give path/to/train.py,"
            " or --set NAME=VALUE for a setting of a workload"
        )


def check_settings(settings: Mapping[str, Any], workloads: list[type[Workload]]) -> None:
    """Raises UsageError for a setting that none of the workloads has."""
    for name in settings:
        if not any(workload.accepts({name: settings[name]}) for workload in workloads):
            known = sorted({setting for workload in workloads for setting in workload.defaults()})
            raise UsageError(f"--set {name}={settings[name]}: no such setting; known: {', '.join(known)}; see 'manyhands list'")

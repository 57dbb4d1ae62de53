"""`manyhands list`: the workloads, the backends, which of them go together, and the settings of a workload."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from manyhands.report.columns import Column

if TYPE_CHECKING:
    from manyhands.backends.base import Backend
    from manyhands.workloads.workload import Workload

YES, NOT_OFFERED = "yes", "-"
GAP = 1
"""Spaces between two backends, of which ten stand beside each other in 80 columns."""


def add_parser(commands: Any) -> None:
    """Adds the command and its options."""
    parser = commands.add_parser("list", help="show workloads, backends and which go together")
    parser.add_argument("name", nargs="?", metavar="WORKLOAD", help="show the settings of this workload")
    parser.set_defaults(call=show)


def show(options: argparse.Namespace) -> int:
    """Prints the tables, or the settings of one workload."""
    from manyhands.plugins import workload_class

    if options.name:
        show_workload(workload_class(options.name))
    else:
        show_all()
    return 0


def show_all() -> None:
    """The workloads, the backends, the strategies, and the support table with each reason for an empty cell once under it."""
    from manyhands.backends.sync.by_name import strategy_classes
    from manyhands.plugins import backend_classes, workload_classes
    from manyhands.report.terminal import print_line, print_table, terminal

    workloads, backends, console = workload_classes(), backend_classes(), terminal()
    kind = max(len(workload.kind) for workload in workloads.values())
    described = {name: f"{workload.kind:<{kind}}  {workload.summary}" for name, workload in workloads.items()}
    backend_texts = {name: backend.summary for name, backend in backends.items()}
    strategies = {one.name + (f"={one.takes}" if one.takes else ""): one.summary for one in strategy_classes().values()}
    sections = (("workloads", described, kind + 2), ("backends", backend_texts, 0), ("strategies of --sync", strategies, 0))
    for title, texts, more in sections:
        room = max(map(len, texts)) + 2
        print_line(console, title, "bold")
        for name, text in texts.items():
            print_line(console, f"{name:<{room}}{text}", indent=" " * (room + more))
        console.print()
    print_line(console, "which go together", "bold")
    columns, reasons = support(workloads, backends)
    print_table(console, [Column(("workload",), tuple(workloads), is_number=False)], [columns], GAP)
    console.print()
    if any(NOT_OFFERED in column.texts for column in columns):
        print_line(console, f"{NOT_OFFERED}  the backend offers no workload of this kind", indent="   ")
    for number, reason in enumerate(reasons, start=1):
        print_line(console, f"{number}  {reason}", indent="   ")
    print_line(console, "settings of a workload: manyhands list WORKLOAD")


def support(workloads: Mapping[str, type[Workload]], backends: Mapping[str, type[Backend]]) -> tuple[list[Column], list[str]]:
    """A column for each backend with a text for each workload, and the reasons that the numbers among the texts stand for, from 1."""
    from manyhands.backends.base import kinds
    from manyhands.plan import RunSpec
    from manyhands.run import refusal

    reasons: dict[str, int] = {}

    def text(name: str, backend_name: str) -> str:
        workload, backend = workloads[name], backends[backend_name]
        if workload.kind not in (*kinds(backend), *backend.lacks):
            return NOT_OFFERED
        reason = refusal(RunSpec(workload=name, backend=backend_name, workers=workload.fewest_workers))
        return str(reasons.setdefault(reason, len(reasons) + 1)) if reason else YES

    columns = [
        Column(_heading(backend), tuple(text(name, backend) for name in workloads), is_number=False) for backend in backends
    ]
    return columns, list(reasons)


def _heading(name: str) -> tuple[str, ...]:
    """The name on two lines when it has a hyphen."""
    first, hyphen, rest = name.partition("-")
    return (f"{first}{hyphen}", rest) if rest else (name,)


def show_workload(workload: type[Workload]) -> None:
    """Name, data, defaults and settings of one workload."""
    print(f"{workload.name}: {workload.summary} (kind {workload.kind}, data set {workload.data})")
    if workload.kind == "script":
        print("the script takes its own arguments: manyhands run path/to/train.py -- --lr 0.1")
        return
    if workload.batch_size is None:
        print(f"defaults: {workload.epochs} epochs, batches as the function has them")
    else:
        print(f"defaults: {workload.epochs} epochs, batches of {workload.batch_size}")
    print("settings, to be changed with --set NAME=VALUE:")
    for name, value in workload.defaults().items():
        print(f"  {name}={','.join(value) if isinstance(value, tuple) else value}")

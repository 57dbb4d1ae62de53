"""`manyhands list`: the workloads, the backends, which of them go together, and the settings of a workload."""

from __future__ import annotations

import argparse
from dataclasses import fields
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from manyhands.workloads.workload import Workload


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
    """The support table, derived from what the backends offer, with the reason for every empty cell under it."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    from manyhands.backends.base import kinds
    from manyhands.plan import RunSpec
    from manyhands.plugins import backend_classes, workload_classes
    from manyhands.run import refusal

    workloads, backends = workload_classes(), backend_classes()
    table = Table(title="workload x backend", title_justify="left", caption_justify="left")
    table.add_column("workload")
    table.add_column("kind")
    table.add_column("what it is")
    for name in backends:
        table.add_column(name, justify="center")
    reasons: dict[str, list[str]] = {}
    for name, workload in workloads.items():
        cells = []
        for backend_name in backends:
            reason = refusal(RunSpec(workload=name, backend=backend_name, workers=workload.fewest_workers))
            cells.append("-" if reason else "yes")
            if reason:
                reasons.setdefault(reason, []).append(f"{name} on {backend_name}")
        table.add_row(name, workload.kind, workload.summary, *cells)
    console = Console()
    console.print(table)
    for name, backend in backends.items():
        console.print(
            f"[bold]{name}[/bold]  {escape(backend.summary)}; offers {', '.join(kinds(backend)) or 'nothing'}", highlight=False
        )
    for reason, cells in reasons.items():
        console.print(f"-  {', '.join(cells)}: {reason}", markup=False, highlight=False)
    console.print("settings of a workload: manyhands list WORKLOAD", highlight=False)


def show_workload(workload: type[Workload]) -> None:
    """Name, data, defaults and settings of one workload."""
    print(f"{workload.name}: {workload.summary} (kind {workload.kind}, data set {workload.data})")
    print(f"defaults: {workload.epochs} epochs, batches of {workload.batch_size}")
    print("settings, to be changed with --set NAME=VALUE:")
    for setting in fields(workload):
        value = setting.default
        print(f"  {setting.name}={','.join(value) if isinstance(value, tuple) else value}")

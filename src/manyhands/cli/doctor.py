"""`manyhands doctor`: shows which engines, devices and data work on this machine, and why the others do not."""

from __future__ import annotations

import argparse
from importlib.util import find_spec
from typing import Any

from manyhands.errors import ManyhandsError


def add_parser(commands: Any) -> None:
    """Adds the command."""
    parser = commands.add_parser("doctor", help="show what works on this machine and why the rest does not")
    parser.add_argument(
        "--data", "--data-dir", dest="data", metavar="DIR", help="folder of real data to check (default: MANYHANDS_DATA)"
    )
    parser.set_defaults(call=show)


def show(options: argparse.Namespace) -> int:
    """Prints one line for each thing looked at; exit code 0, because a missing engine is no error."""
    from rich.console import Console

    console = Console()
    for what, works, words in findings(options.data):
        mark = "[green]ok[/green]" if works else "[yellow]no[/yellow]"
        console.print(f"{mark}  {what:<14} ", end="", highlight=False)
        console.print(words, markup=False, highlight=False, soft_wrap=True)
    return 0


def findings(data_dir: str | None) -> list[tuple[str, bool, str]]:
    """(what was looked at, whether it works, what was found or how to get it)."""
    return [*_machine(), *_gpu(), *_backends(), *_data(data_dir)]


def _machine() -> list[tuple[str, bool, str]]:
    from manyhands.machine import describe_machine, few_open_files, installed_versions

    machine, versions = describe_machine(), installed_versions()
    few = few_open_files()
    return [
        (
            "machine",
            True,
            f"{machine['cpu_model']}, {machine['cores']} usable of {machine['cores_total']} cores, {machine['os']}",
        ),
        ("memory", True, f"{machine['memory_bytes'] / 2**30:.1f} GiB"),
        ("memory layout", *_memory_layout()),
        *([("open files", False, few)] if few else []),
        ("python", True, f"{machine['python']}; " + ", ".join(f"{name} {number}" for name, number in versions.items())),
    ]


def _memory_layout() -> tuple[bool, str]:
    from manyhands.measure.memory_layout import addresses_refused, huge_pages_missing

    problems = [reason for reason in (huge_pages_missing(), addresses_refused()) if reason]
    if problems:
        return False, "; ".join(problems) + "; runs with --memory-layout go on without it, and their records say so"
    return True, "the system's by default; huge pages and fixed addresses can be set for every run (--memory-layout)"


def _gpu() -> list[tuple[str, bool, str]]:
    if find_spec("torch") is None:
        return [("gpu", False, "torch is not installed: pip install 'manyhands[torch]'")]
    import torch

    if not torch.cuda.is_available():
        return [("gpu", False, "torch sees no GPU: runs use --device cpu")]
    names = [torch.cuda.get_device_name(number) for number in range(torch.cuda.device_count())]
    return [("gpu", True, ", ".join(names))]


def _backends() -> list[tuple[str, bool, str]]:
    from manyhands.plan import RunSpec
    from manyhands.plugins import backend_classes, workload_classes
    from manyhands.run import refusal

    found = []
    for name, backend in backend_classes().items():
        reasons = {refusal(RunSpec(workload=workload, backend=name)) for workload in workload_classes()}
        problems = sorted(reason for reason in reasons if reason)
        found.append((name, None in reasons, backend.summary if None in reasons else "; ".join(problems)))
    return found


def _data(given: str | None) -> list[tuple[str, bool, str]]:
    from manyhands.data.catalog import check_sets, known_files
    from manyhands.data.folder import data_dir

    try:
        folder = data_dir(given)
    except ManyhandsError as error:
        return [("data", False, str(error))]
    if folder is None:
        return [("data", True, "embedded data; name a folder of real data with --data or MANYHANDS_DATA")]
    problems = check_sets(known_files(folder), folder)
    return [("data", not problems, "; ".join(problems) or f"{folder}: complete")]

"""The report of a script's process at its end: times, processor and memory, exit code, marks, and the code that it ran.

Needs only the standard library: importing more would cost a short script a percent of its time. Loaded by `stub.py`.
"""

from __future__ import annotations

import hashlib
import os
import resource
import sys
from contextlib import suppress
from pathlib import Path
from time import perf_counter
from typing import Any

INSTALLED = ("site-packages", "dist-packages")
"""Folders of libraries, which the record names by their versions."""


def report(run: Any) -> dict[str, Any]:
    """The report as plain values; `run`: the `Run` of `stub.py`."""
    used, peak, waiting, gpu = resource.getrusage(resource.RUSAGE_SELF), peaks(), run.waiting, uses_gpu()
    return {
        "rank": run.rank,
        "host": run.job["host"],
        "clock": run.job["clock"],
        "pid": run.pid,
        "threads": threads(),
        "started": run.launched,
        "grouped": run.grouped is not None,
        "marks": run.marks.report() if run.marks else None,
        "ended": perf_counter(),
        "exit_code": run.exit_code,
        "error": run.error,
        "cpu_user_s": used.ru_utime,
        "cpu_system_s": used.ru_stime,
        "wrapped": waiting is not None,
        "waited_s": None if gpu or not waiting else waiting.seconds,
        "on_cpu": not gpu,
        "code": code_beside(run.job["script"], run.job["root"]),
        **peak,
    }


def peaks() -> dict[str, int | None]:
    """`peak_rss_bytes`, and `peak_pss_bytes`: the same without what other processes share of the current pages. See `measure.memory`."""
    values = {}
    for file in ("/proc/self/status", "/proc/self/smaps_rollup"):
        with suppress(OSError):
            for line in Path(file).read_text().splitlines():
                name, _, value = line.partition(":")
                if value.endswith("kB"):
                    values[name] = int(value.split()[0]) * 1024
    peak = values.get("VmHWM")
    if peak is None or "Rss" not in values or "Pss" not in values:
        return {"peak_rss_bytes": peak, "peak_pss_bytes": None}
    return {"peak_rss_bytes": peak, "peak_pss_bytes": max(values["Pss"], peak - (values["Rss"] - values["Pss"]))}


def uses_gpu() -> bool:
    """True when torch works on a GPU, which goes on working after a call returns, so that parts of a step cannot be timed."""
    torch = sys.modules.get("torch")
    return torch is not None and bool(torch.cuda.is_initialized())


def threads() -> dict[str, int]:
    """The threads that torch and each OpenMP or BLAS pool report, as `measure.threads` reads them."""
    found = {}
    if torch := sys.modules.get("torch"):
        found["torch"] = torch.get_num_threads()
    with suppress(Exception):  # a script may run where threadpoolctl is missing
        from threadpoolctl import threadpool_info

        for pool in threadpool_info():
            name = pool["internal_api"]
            found[name] = max(found.get(name, 0), pool["num_threads"])
    return found


def code_beside(script: str, root: str) -> dict[str, str]:
    """A user's file and the modules below the folder `root` that this process imported: path below that folder -> sha256 of the file."""
    path = Path(os.path.realpath(script))
    files = {str(path), *modules_below(root).values()}
    start = f"{os.path.realpath(root)}{os.sep}"
    return {file.removeprefix(start): sha256(Path(file)) for file in sorted(files) if os.path.isfile(file)}


def modules_below(root: str) -> dict[str, str]:
    """The modules of this process whose files are below a folder, without libraries: name -> file."""
    start, library = f"{os.path.realpath(root)}{os.sep}", f"{os.path.dirname(os.__file__)}{os.sep}"
    files = {name: getattr(module, "__dict__", {}).get("__file__") for name, module in list(sys.modules.items())}
    return {
        name: file
        for name, file in files.items()
        if isinstance(file, str)
        and name.partition(".")[0] != "manyhands"
        and file.startswith(start)
        and not file.startswith(library)
        and not any(folder in file for folder in INSTALLED)
    }


def sha256(path: Path) -> str:
    """The hash of a file's bytes."""
    return hashlib.sha256(path.read_bytes()).hexdigest()

"""The machine, the library versions and the commit that a record holds, and the number of usable cores."""

from __future__ import annotations

import math
import os
import platform
import resource
import socket
import subprocess
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from manyhands.errors import Unavailable

LIBRARIES = (
    "manyhands",
    "numpy",
    "scikit-learn",
    "torch",
    "lightning",
    "ray",
    "pyspark",
    "dask",
    "distributed",
    "dask-ml",
    "xgboost",
    "joblib",
    "boto3",
    "obstore",
    "s3torchconnector",
)


def usable_cores() -> int:
    """Cores this process may use: the affinity mask, cut down by the cgroup's CPU quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = cgroup_quota(Path("/sys/fs/cgroup"), Path("/proc/self/cgroup"))
    return max(1, min(cores, math.floor(quota))) if quota else cores


def cgroup_quota(root: Path, membership: Path) -> float | None:
    """CPU quota in cores of this process's cgroup or the tightest of its parents (v2 and v1); None when there is none."""
    try:
        lines = membership.read_text().splitlines()
    except OSError:
        return None
    quotas = []
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if controllers and "cpu" not in controllers.split(","):
            continue
        base = root / controllers if controllers else root
        folder = base / path.lstrip("/")
        for place in (folder, *folder.parents):
            quotas += _quota_of(place)
            if place == base:
                break
    return min(quotas, default=None)


def _quota_of(folder: Path) -> list[float]:
    try:
        if (folder / "cpu.max").exists():
            limit, period = (folder / "cpu.max").read_text().split()
            return [] if limit == "max" else [int(limit) / int(period)]
        if (folder / "cpu.cfs_quota_us").exists():
            limit, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
            return [] if int(limit) < 0 else [int(limit) / int(period)]
    except (OSError, ValueError):
        return []
    return []


OPEN_FILES = 1024
"""Files that a process may open on a Linux as it comes; Java ends with an obscure error at 128."""


def few_open_files() -> str | None:
    """The problem when this process and its children may open fewer files than usual, and what to do; None when they may open enough."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft == resource.RLIM_INFINITY or soft >= OPEN_FILES:
        return None
    how = (
        f"ulimit -n {OPEN_FILES}" if hard == resource.RLIM_INFINITY or hard >= OPEN_FILES else "raise the hard limit too, as root"
    )
    return f"a process may open only {soft} files here (ulimit -n), and engines need up to {OPEN_FILES}: {how}"


def host_name() -> str:
    """The name that SLURM gives this host inside a job, else the host's own name."""
    return os.environ.get("SLURMD_NODENAME") or socket.gethostname()


def placed(text: str, host: str) -> str:
    """The text with the host added, unless it names a host already."""
    return text if "(on " in text else f"{text} (on {host})"


def clock_name() -> str:
    """Name of the monotonic clock of this process; times of two processes may be subtracted only when it is the same."""
    boot = Path("/proc/sys/kernel/random/boot_id")
    return f"{host_name()} {boot.read_text().strip() if boot.exists() else ''}"


def describe_machine() -> dict[str, Any]:
    """Host, processor, usable cores, memory in bytes, system and Python: what makes two records comparable."""
    import psutil

    return {
        "host": host_name(),
        "cpu_model": _cpu_model(),
        "cores": usable_cores(),
        "cores_total": os.cpu_count(),
        "memory_bytes": psutil.virtual_memory().total,
        "os": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
    }


def _cpu_model() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.lower().startswith("model name"):
                return line.split(":", 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def installed_versions(names: Iterable[str] = LIBRARIES) -> dict[str, str]:
    """Versions of those of `names` that are installed, without importing them."""
    found = {}
    for name in names:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def require_libraries(name: str, libraries: Iterable[str], extra: str) -> None:
    """Raises Unavailable with the install command when one of `libraries` cannot be imported; imports none of them."""
    missing = [library for library in libraries if find_spec(library) is None]
    if missing:
        package = f"'manyhands[{extra}]'" if extra else "manyhands"
        raise Unavailable(f"{name} needs {' and '.join(missing)}: pip install {package}")


def describe_code(folder: Path | None = None) -> dict[str, Any]:
    """Commit of the checkout that manyhands runs from and whether it has uncommitted changes; empty when it is none."""
    return commit_of(Path(__file__).resolve(), folder)


def commit_of(file: Path, folder: Path | None = None) -> dict[str, Any]:
    """`commit` of the git repository that has the file, and `dirty`: it has uncommitted changes; empty when none has the file.

    `folder`: a folder of the repository; None is that of the file.
    """
    folder = folder or file.parent
    commit = _git(folder, "rev-parse", "HEAD")
    if commit is None or _git(folder, "ls-files", "--error-unmatch", str(file)) is None:
        return {}
    return {"commit": commit, "dirty": bool(_git(folder, "status", "--porcelain", "--untracked-files=no"))}


def _git(folder: Path, *arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", "-C", str(folder), *arguments], capture_output=True, text=True, check=False, timeout=20)
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None

"""Thread counts of a worker: set for every numeric library, then read back, because engines change them in different ways."""

from __future__ import annotations

import sys
from collections.abc import MutableMapping
from typing import Any

VARIABLES = ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS", "NUMEXPR_NUM_THREADS", "VECLIB_MAXIMUM_THREADS")


def thread_variables(threads: int) -> dict[str, str]:
    """The environment that makes the numeric libraries of a new process use `threads` threads."""
    return dict.fromkeys(VARIABLES, str(threads))


def set_threads(threads: int, environ: MutableMapping[str, str]) -> None:
    """Makes this process use `threads` threads, overriding inherited settings: environment, thread pools, and torch if loaded."""
    from threadpoolctl import threadpool_limits

    environ.update(thread_variables(threads))
    threadpool_limits(limits=threads)
    if (torch := sys.modules.get("torch")) is not None:
        torch.set_num_threads(threads)


def read_threads() -> dict[str, Any]:
    """The threads that each loaded library reports: `torch`, and each OpenMP or BLAS pool by name."""
    from threadpoolctl import threadpool_info

    found: dict[str, Any] = {}
    if (torch := sys.modules.get("torch")) is not None:
        found["torch"] = torch.get_num_threads()
    for pool in threadpool_info():
        name = pool["internal_api"]
        found[name] = max(found.get(name, 0), pool["num_threads"])
    return found

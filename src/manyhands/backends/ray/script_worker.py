"""A script on Ray Train: each worker runs it in a process of its own, which forms the process group itself.

Ray's worker imports this file, and no torch: only the script needs it.
"""

from __future__ import annotations

from typing import Any

import ray.train

from manyhands.backends.scripts.worker_process import work


def run_script(given: dict[str, Any]) -> None:
    """Runs the script of one worker. `given`: the arguments of `work`, without the rank."""
    work(given["spec"], given["folder"], ray.train.get_context().get_world_rank(), given["meeting"])

"""A script on Ray Train: each worker runs it in a process of its own, which forms the process group itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import ray.train
from ray.train.backend import Backend
from ray.train.torch import TorchConfig

from manyhands.backends.scripts.worker_process import work


@dataclass
class NoGroup(TorchConfig):
    """TorchTrainer without a process group in Ray's own processes."""

    @property
    def backend_cls(self) -> type[Backend]:
        return Backend


def run_script(given: dict[str, Any]) -> None:
    """Runs the script of one worker. `given`: the arguments of `work`, without the rank."""
    work(given["spec"], given["folder"], ray.train.get_context().get_world_rank(), given["meeting"])

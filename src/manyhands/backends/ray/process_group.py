"""Ray Train's torch process group, with a store that listens on one address of its machine only.

Ray's own process group lets torch choose, and torch listens on every interface.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
import ray.util
import torch.distributed as dist
from ray.train.backend import Backend
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend
from torch._C._distributed_c10d import TCPStore

from manyhands.backends.ranks.bound_store import listen, port_of, serve


def free_address() -> tuple[str, int]:
    """The address of this worker's machine in the cluster, and a port that is free there."""
    host: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    with listen(host) as listener:
        return host, port_of(listener)


def join_group(host: str, port: int, rank: int, workers: int, kind: str, timeout_s: float) -> None:
    """Forms the process group; rank 0 serves the store. `kind`: `gloo` or `nccl`."""
    timeout = timedelta(seconds=timeout_s)
    serves = rank == 0
    store = serve(listen(host, port), host, workers, timeout_s) if serves else TCPStore(host, port, workers, False, timeout)
    dist.init_process_group(kind, store=store, rank=rank, world_size=workers, timeout=timeout)


class GroupBackend(_TorchBackend):
    """Starts the process group with `join_group`; Ray ends it."""

    def on_start(self, worker_group: Any, backend_config: Any) -> None:
        host, port = worker_group.execute_single(0, free_address)
        workers = len(worker_group)
        ray.get(
            [
                worker_group.execute_single_async(
                    rank, join_group, host, port, rank, workers, backend_config.backend, backend_config.timeout_s
                )
                for rank in range(workers)
            ]
        )


@dataclass
class GroupConfig(TorchConfig):
    """TorchConfig whose store listens on one address. It has TorchConfig's fields: `backend`, `timeout_s`."""

    @property
    def backend_cls(self) -> type[GroupBackend]:
        return GroupBackend


@dataclass
class NoGroup(TorchConfig):
    """TorchTrainer without a process group in Ray's own processes."""

    @property
    def backend_cls(self) -> type[Backend]:
        return Backend

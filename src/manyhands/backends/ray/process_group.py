"""Ray Train's torch process group, with a store that listens on the address of its machine alone.

Ray's own lets torch choose, and torch listens on every interface.
"""

from __future__ import annotations

import socket
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import ray
import ray.util
import torch.distributed as dist
from ray.train.torch import TorchConfig
from ray.train.torch.config import _TorchBackend
from torch._C._distributed_c10d import TCPStore


def free_address() -> tuple[str, int]:
    """The address of this worker's machine in the cluster, and a port that is free there."""
    host: str = ray.util.get_node_ip_address()  # type: ignore[no-untyped-call]
    with socket.create_server((host, 0), family=_family(host)) as listener:
        return host, listener.getsockname()[1]


def join_group(host: str, port: int, rank: int, workers: int, kind: str, timeout_s: float) -> None:
    """Forms the process group; the store is served by rank 0. `kind`: `gloo` or `nccl`."""
    timeout = timedelta(seconds=timeout_s)
    if rank == 0:
        listener = socket.create_server((host, port), family=_family(host), backlog=workers).detach()
        store = TCPStore(host, port, workers, True, timeout, wait_for_workers=False, master_listen_fd=listener)
    else:
        store = TCPStore(host, port, workers, False, timeout)
    dist.init_process_group(kind, store=store, rank=rank, world_size=workers, timeout=timeout)


def _family(host: str) -> socket.AddressFamily:
    return socket.AF_INET6 if ":" in host else socket.AF_INET


class GroupBackend(_TorchBackend):
    """Starts the process group in our way, and ends it in Ray's."""

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
    """TorchConfig with the store on one address. Fields as there: `backend`, `timeout_s`."""

    @property
    def backend_cls(self) -> type[GroupBackend]:
        return GroupBackend

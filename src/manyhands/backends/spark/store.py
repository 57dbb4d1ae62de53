"""A rendezvous for the torchrun that TorchDistributor starts in each task, whose store listens on one address alone.

torch's own rendezvous listen on every interface; here the first task binds to the address that Spark knows it by.
"""

from __future__ import annotations

import os
import socket

from torch._C._distributed_c10d import TCPStore
from torch.distributed.elastic.rendezvous import RendezvousInfo, RendezvousParameters
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous
from torch.distributed.elastic.rendezvous.utils import parse_rendezvous_endpoint

from manyhands.backends.spark.rendezvous import NAME

TIMEOUT_S = 600
"""For all tasks to have come, as in torch's own static rendezvous; Spark starts them at the same moment."""


class TaskRendezvous(StaticTCPRendezvous):
    """torch's static rendezvous, whose store on the first task is given a socket that is already bound."""

    def get_backend(self) -> str:
        return NAME

    def next_rendezvous(self) -> RendezvousInfo:
        if self.rank == 0 and self._store is None:
            self._store = bound_store(self.master_addr, self.master_port, self.world_size)
        return super().next_rendezvous()


def task_rendezvous(parameters: RendezvousParameters) -> TaskRendezvous:
    """The rendezvous of this task, whose number TorchDistributor sets: torchrun tells --node_rank to none but its own."""
    host, port = parse_rendezvous_endpoint(parameters.endpoint, -1)
    return TaskRendezvous(host, port, int(os.environ["NODE_RANK"]), parameters.max_nodes, parameters.run_id, TIMEOUT_S)


def bound_store(host: str, port: int, world_size: int) -> TCPStore:
    """A store served from this process on that address alone."""
    family, kind, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(address)
        listener.listen()
        return TCPStore(host, port, world_size, True, wait_for_workers=False, master_listen_fd=listener.detach())

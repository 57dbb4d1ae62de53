"""The rendezvous of the torchrun that TorchDistributor starts in each task; its store listens on one address only.

torch's own rendezvous listens on every interface. Here the first task listens on the address by which Spark knows the task.
"""

from __future__ import annotations

import os

from torch.distributed.elastic.rendezvous import RendezvousInfo, RendezvousParameters
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous
from torch.distributed.elastic.rendezvous.utils import parse_rendezvous_endpoint

from manyhands.backends.ranks.bound_store import listen, serve

TIMEOUT_S = 600
"""Longest wait for all tasks, as in torch's own static rendezvous; Spark starts the tasks at the same moment."""


class TaskRendezvous(StaticTCPRendezvous):
    """torch's static rendezvous; the store in the first task uses a socket that is bound already."""

    backend = ""
    """The name by which torchrun chose this rendezvous."""

    def get_backend(self) -> str:
        return self.backend

    def next_rendezvous(self) -> RendezvousInfo:
        if self.rank == 0 and self._store is None:
            self._store = serve(listen(self.master_addr, self.master_port), self.master_addr, self.world_size)
        return super().next_rendezvous()


def task_rendezvous(parameters: RendezvousParameters) -> TaskRendezvous:
    """The rendezvous of this task.

    The task's number is in NODE_RANK, which TorchDistributor sets; torchrun passes --node_rank only to its own rendezvous.
    """
    host, port = parse_rendezvous_endpoint(parameters.endpoint, -1)
    made = TaskRendezvous(host, port, int(os.environ["NODE_RANK"]), parameters.max_nodes, parameters.run_id, TIMEOUT_S)
    made.backend = parameters.backend
    return made

"""A rendezvous for the torchrun that TorchDistributor starts in each task, whose store listens on one address alone.

torch's own rendezvous listen on every interface; here the first task binds to the address that Spark knows it by.
"""

from __future__ import annotations

import os

from torch.distributed.elastic.rendezvous import RendezvousInfo, RendezvousParameters
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous
from torch.distributed.elastic.rendezvous.utils import parse_rendezvous_endpoint

from manyhands.backends.ranks.bound_store import listen, serve

TIMEOUT_S = 600
"""For all tasks to have come, as in torch's own static rendezvous; Spark starts them at the same moment."""


class TaskRendezvous(StaticTCPRendezvous):
    """torch's static rendezvous, whose store on the first task is given a socket that is already bound."""

    backend = ""
    """The name that torchrun asked for it by."""

    def get_backend(self) -> str:
        return self.backend

    def next_rendezvous(self) -> RendezvousInfo:
        if self.rank == 0 and self._store is None:
            self._store = serve(listen(self.master_addr, self.master_port), self.master_addr, self.world_size)
        return super().next_rendezvous()


def task_rendezvous(parameters: RendezvousParameters) -> TaskRendezvous:
    """The rendezvous of this task, whose number TorchDistributor sets: torchrun tells --node_rank to none but its own."""
    host, port = parse_rendezvous_endpoint(parameters.endpoint, -1)
    made = TaskRendezvous(host, port, int(os.environ["NODE_RANK"]), parameters.max_nodes, parameters.run_id, TIMEOUT_S)
    made.backend = parameters.backend
    return made

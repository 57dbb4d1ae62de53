"""A rendezvous for torchrun's agent on one machine; its store listens on loopback only.

torch's own rendezvous backends listen on every interface; a store can be given a socket that is already bound instead.
"""

from __future__ import annotations

from torch._C._distributed_c10d import PrefixStore
from torch.distributed.elastic.rendezvous import RendezvousParameters, rendezvous_handler_registry
from torch.distributed.elastic.rendezvous.api import RendezvousInfo, RendezvousStoreInfo
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous

from manyhands.backends.ranks.bound_store import HOST, listen, port_of, serve

NAME = "manyhands-loopback"


class LoopbackRendezvous(StaticTCPRendezvous):
    """The static rendezvous of a single node, on a loopback port that the system chooses."""

    backend = NAME
    """The name under which torchrun asked for it."""

    def get_backend(self) -> str:
        return self.backend

    def next_rendezvous(self) -> RendezvousInfo:
        if self._store is None:
            listener = listen(HOST)
            self.master_port = port_of(listener)
            self._store = serve(listener, HOST, self.world_size)
        store = PrefixStore(self.run_id, self._store)
        return RendezvousInfo(store, 0, 1, RendezvousStoreInfo(HOST, self.master_port))


def register_loopback() -> str:
    """Makes the rendezvous known to torch and returns its name."""
    if NAME not in rendezvous_handler_registry._registry:
        rendezvous_handler_registry.register(NAME, create)
    return NAME


def create(parameters: RendezvousParameters) -> LoopbackRendezvous:
    """The rendezvous that torchrun's parameters ask for."""
    timeout = int(parameters.config.get("timeout", 600))
    made = LoopbackRendezvous(HOST, 0, 0, parameters.max_nodes, parameters.run_id, timeout)
    made.backend = parameters.backend
    return made

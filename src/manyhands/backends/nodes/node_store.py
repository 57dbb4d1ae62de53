"""Where the nodes of a run over several machines meet: at a store that node 0 serves at `--address`, and on that address alone.

Nodes make run after run, each at its own pace. So one that comes asks which run the store is for, and comes again later when
it is still the one before.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import time
from dataclasses import replace
from datetime import timedelta

from torch._C._distributed_c10d import PrefixStore, TCPStore
from torch.distributed import DistError
from torch.distributed.elastic.rendezvous import RendezvousParameters, rendezvous_handler_registry
from torch.distributed.elastic.rendezvous.api import RendezvousInfo, RendezvousStoreInfo
from torch.distributed.elastic.rendezvous.static_tcp_rendezvous import StaticTCPRendezvous

from manyhands.backends.nodes.options import meeting_point, no_meeting
from manyhands.backends.ranks import bound_store
from manyhands.backends.ranks.bound_store import listen
from manyhands.errors import EngineError, UsageError
from manyhands.machine import host_name
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

NAME = "manyhands-nodes"
JOIN_S = 300.0
"""Longest wait for the other nodes: people start them by hand, one after the other."""
LOOK_S = 0.2
TRY_S = 5
"""For a store that is there to answer."""
NOBODY = "nobody answers there"
OTHER_RUN = "node 0 makes another run, so its command is another one"


def meet(spec: RunSpec) -> TCPStore:
    """The store of this run, once all nodes are at it.

    Raises UsageError on node 0 when the address is not its own, EngineError naming who did not come.
    """
    deadline = now() + min(JOIN_S, spec.timeout_s / 2)
    if spec.node_rank == 0:
        store = serve(spec)
        store.set("run", run_name(spec))
    else:
        store = _reach(spec, deadline)
    store.set(f"node-{spec.node_rank}", host_name())
    nodes = range(spec.nodes)
    while not store.check([f"node-{node}" for node in nodes]):
        if now() > deadline:
            raise EngineError(absent(spec, [node for node in nodes if not store.check([f"node-{node}"])]))
        time.sleep(LOOK_S)
    return store


def absent(spec: RunSpec, nodes: list[int]) -> str:
    """That these nodes did not come, in words."""
    away = ", ".join(map(str, nodes))
    return f"node {away} of {spec.nodes} did not come to {spec.address} in time; start the same command there, with its own --node-rank"


def at(spec: RunSpec) -> tuple[str, int]:
    """Host and port of the store; raises UsageError when the address is none."""
    if point := meeting_point(spec.address or ""):
        return point
    raise UsageError(str(no_meeting(spec)))


def serve(spec: RunSpec) -> TCPStore:
    """An empty store at the address; raises UsageError when the address is not this machine's, or no other one can reach it."""
    host, port = at(spec)
    try:
        found = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        if _is_loopback(found) and host not in ("localhost", found):
            raise UsageError(
                f"--address {spec.address}: on this machine {host} means {found}, where no other machine reaches it; give this"
                " machine's address on the network, on every node"
            )
        listener = listen(host, port)
    except OSError as error:
        raise UsageError(
            f"node 0 cannot listen at {spec.address} ({error.strerror or error}); give an address of this machine,"
            f" {host_name()}, and a free port"
        ) from None
    return bound_store.serve(listener, host, None, spec.timeout_s)


def connect(spec: RunSpec, patience_s: float = TRY_S) -> TCPStore:
    """The store that node 0 serves at this time, whatever for; raises OSError or DistError when there is none."""
    host, port = at(spec)
    socket.create_connection((host, port), timeout=TRY_S).close()  # torch itself would tell each vain try at length
    return TCPStore(host, port, None, False, timedelta(seconds=patience_s), wait_for_workers=False)


def _reach(spec: RunSpec, deadline: float) -> TCPStore:
    seen = NOBODY
    while now() < deadline:
        try:
            store = connect(spec)
            if read_key(store, "run") == run_name(spec):
                store.set_timeout(timedelta(seconds=spec.timeout_s))
                return store
            seen = OTHER_RUN
        except (OSError, DistError) as error:
            seen = no_answer(error) or seen
        time.sleep(LOOK_S)
    raise missed(spec, seen)


def no_answer(error: Exception) -> str:
    """Why `connect` has failed, in words; empty when the error says nothing that a reader could use."""
    return f"no answer: {error.strerror}" if isinstance(error, OSError) and error.strerror else ""


def missed(spec: RunSpec, seen: str) -> EngineError:
    """The error of a node that looked for node 0 in vain; `seen`: what it found last."""
    return EngineError(f"node {spec.node_rank} did not meet node 0 at {spec.address} in time: {seen}")


def read_key(store: TCPStore, key: str) -> str | None:
    """What stands in the store under the key; None when nothing does."""
    return store.get(key).decode() if store.check([key]) else None


def run_name(spec: RunSpec) -> str:
    """The same on all nodes of a run, and on no node of another one of the same plan."""
    return hashlib.sha256(repr(replace(spec, node_rank=0)).encode()).hexdigest()


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


class NodeRendezvous(StaticTCPRendezvous):
    """torchrun's static rendezvous at our store."""

    def __init__(self, spec: RunSpec, run_id: str) -> None:
        host, port = at(spec)
        super().__init__(host, port, spec.node_rank, spec.nodes, run_id, int(spec.timeout_s))
        self.spec = spec

    def get_backend(self) -> str:
        return NAME

    def next_rendezvous(self) -> RendezvousInfo:
        self._store = self._store or meet(self.spec)
        store = PrefixStore(self.run_id, self._store)
        return RendezvousInfo(store, self.rank, self.world_size, RendezvousStoreInfo(self.master_addr, self.master_port))


def register_nodes(spec: RunSpec) -> str:
    """Makes the rendezvous of this run known to torch, and returns its name."""

    def create(parameters: RendezvousParameters) -> NodeRendezvous:
        return NodeRendezvous(spec, parameters.run_id)

    rendezvous_handler_registry._registry.pop(NAME, None)
    rendezvous_handler_registry.register(NAME, create)
    return NAME

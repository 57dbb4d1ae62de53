"""The store through which the nodes of a run exchange messages. Node 0 serves it at `--address`, and on that address alone.

Each node makes its runs at its own pace, so a node that connects reads which run the store is for. When that is still the
previous run, the node tries again later.
"""

from __future__ import annotations

import hashlib
import ipaddress
import socket
import time
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
"""Longest wait for the other nodes: people may start them by hand, one after the other."""
LOOK_S = 0.2
"""Time between two looks at the store."""
TRY_S = 5
"""Longest wait for the answer of a store."""
NO_NODE = "no node answers there"
OTHER_RUN = "node 0 makes another run, so its command differs from this one"


def meet(spec: RunSpec) -> TCPStore:
    """The store of this run, once every node has connected to it.

    Raises UsageError on node 0 when the address is not its own, EngineError that names the nodes that did not connect.
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
            raise EngineError(absent_message(spec, [node for node in nodes if not store.check([f"node-{node}"])]))
        time.sleep(LOOK_S)
    return store


def absent_message(spec: RunSpec, nodes: list[int]) -> str:
    """The error message when these nodes did not connect in time."""
    missing = ", ".join(map(str, nodes))
    return (
        f"node {missing} of {spec.nodes} did not connect to {spec.address} in time; start the same command there, with its own"
        " --node-rank"
    )


def host_and_port(spec: RunSpec) -> tuple[str, int]:
    """Host and port of the store; raises UsageError when `--address` is not HOST:PORT."""
    if point := meeting_point(spec.address or ""):
        return point
    raise UsageError(str(no_meeting(spec)))


def serve(spec: RunSpec) -> TCPStore:
    """An empty store at the address. Raises UsageError when this machine does not have the address or others cannot reach it."""
    host, port = host_and_port(spec)
    try:
        found = str(socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0][4][0])
        if _is_loopback(found) and host not in ("localhost", found):
            raise UsageError(
                f"--address {spec.address}: on this machine {host} means {found}, which no other machine can reach;"
                " give every node this machine's address on the network"
            )
        listener = listen(host, port)
    except OSError as error:
        raise UsageError(
            f"node 0 cannot listen at {spec.address} ({error.strerror or error}); give an address of this machine,"
            f" {host_name()}, and a free port"
        ) from None
    return bound_store.serve(listener, host, None, spec.timeout_s)


def connect(spec: RunSpec, timeout_s: float = TRY_S) -> TCPStore:
    """The store that node 0 serves now, for whichever run; raises OSError or DistError when no store answers."""
    host, port = host_and_port(spec)
    socket.create_connection((host, port), timeout=TRY_S).close()  # torch itself would log every failed attempt at length
    return TCPStore(host, port, None, False, timedelta(seconds=timeout_s), wait_for_workers=False)


def _reach(spec: RunSpec, deadline: float) -> TCPStore:
    seen = NO_NODE
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
    raise not_found(spec, seen)


def no_answer(error: Exception) -> str:
    """The reason why `connect` failed; empty when the error holds none that a reader could use."""
    return f"no answer: {error.strerror}" if isinstance(error, OSError) and error.strerror else ""


def not_found(spec: RunSpec, seen: str) -> EngineError:
    """The error of a node that did not find node 0; `seen`: the result of its last attempt."""
    return EngineError(f"node {spec.node_rank} did not find node 0 at {spec.address} in time: {seen}")


def read_key(store: TCPStore, key: str) -> str | None:
    """The value of the key in the store; None when the store does not have the key."""
    return store.get(key).decode() if store.check([key]) else None


def run_name(spec: RunSpec) -> str:
    """A name that all nodes of a run derive alike, and that no other run of the plan has."""
    return hashlib.sha256(f"{spec.cell_key}, repeat {spec.repeat}".encode()).hexdigest()


def _is_loopback(address: str) -> bool:
    return ipaddress.ip_address(address.partition("%")[0]).is_loopback


class NodeRendezvous(StaticTCPRendezvous):
    """torchrun's static rendezvous, with the store of the nodes."""

    def __init__(self, spec: RunSpec, run_id: str) -> None:
        host, port = host_and_port(spec)
        super().__init__(host, port, spec.node_rank, spec.nodes, run_id, int(spec.timeout_s))
        self.spec = spec

    def get_backend(self) -> str:
        return NAME

    def next_rendezvous(self) -> RendezvousInfo:
        self._store = self._store or meet(self.spec)
        store = PrefixStore(self.run_id, self._store)
        return RendezvousInfo(store, self.rank, self.world_size, RendezvousStoreInfo(self.master_addr, self.master_port))


def register_nodes(spec: RunSpec) -> str:
    """Registers the rendezvous of this run with torch, and returns its name."""

    def create(parameters: RendezvousParameters) -> NodeRendezvous:
        return NodeRendezvous(spec, parameters.run_id)

    rendezvous_handler_registry._registry.pop(NAME, None)
    rendezvous_handler_registry.register(NAME, create)
    return NAME

"""The store at which the processes of a script form their group, served by the driver, as torchrun's agent serves its own.

A store that torch opens itself in rank 0 listens on every interface; this one listens on loopback.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from manyhands.backends.ranks.bound_store import HOST, listen, port_of, serve
from manyhands.measure.garbage import imports_without_collection
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec


@contextmanager
def meeting(spec: RunSpec) -> Iterator[dict[str, str]]:
    """Serves the store inside; gives the variables by which every worker's script finds it, as torchrun sets them."""
    with imports_without_collection():
        import torch  # noqa: F401 - here, with the collector off

    listener = listen(HOST)
    port = port_of(listener)
    store = serve(listener, HOST, spec.workers, spec.timeout_s)
    yield thread_variables(spec.threads) | {
        "MASTER_ADDR": HOST,
        "MASTER_PORT": str(port),
        "TORCHELASTIC_USE_AGENT_STORE": "True",
        "TORCHELASTIC_RESTART_COUNT": "0",
        "GLOO_SOCKET_IFNAME": "lo",
    }
    del store

"""torch's store, bound to one address; a store that torch binds itself listens on every interface.

Importing this file does not import torch: a Dask worker opens its listener before any worker has torch.
"""

from __future__ import annotations

import socket
from datetime import timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch._C._distributed_c10d import TCPStore

HOST = "127.0.0.1"
"""Address of the store for workers of one machine."""
TORCHS_OWN_S = 300.0
"""torch's default timeout."""


def listen(host: str, port: int = 0) -> socket.socket:
    """A socket that listens at that address only; with port 0 the system chooses a free port. Raises OSError."""
    family, _, _, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    return socket.create_server(address[:2], family=family)


def port_of(listener: socket.socket) -> int:
    """The port that the socket listens on."""
    port: int = listener.getsockname()[1]
    return port


def serve(listener: socket.socket, host: str, workers: int | None, timeout_s: float = TORCHS_OWN_S) -> TCPStore:
    """A store served from this process on `listener`, which the store takes over. `host`: the name by which workers reach this machine.

    `workers`: None when their number is not known; `timeout_s`: how long a worker waits for a key.
    """
    from torch._C._distributed_c10d import TCPStore

    port, timeout = port_of(listener), timedelta(seconds=timeout_s)
    return TCPStore(host, port, workers, True, timeout, wait_for_workers=False, master_listen_fd=listener.detach())

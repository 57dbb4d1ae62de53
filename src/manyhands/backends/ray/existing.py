"""Joins a Ray cluster that runs already: finds it, checks that it answers, connects, and leaves it running at the end."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from manyhands.backends.nodes.interface import own_address_towards
from manyhands.backends.ray.environment import LOOPBACK
from manyhands.backends.ray.failure import first_sentence
from manyhands.environment import restored
from manyhands.errors import Unavailable, UsageError

DOCUMENTATION_HOST = "192.0.2.1"
"""An address reserved for documentation (RFC 5737): it selects the default route; no packet is sent."""
PROBE_S = 5.0
"""Longest wait for the port of a cluster to answer."""
NOT_STARTED = "Starting Ray client server failed"
TOKEN = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
HOW = "start one with 'ray start --head', or leave --address out"


@contextmanager
def join(address: str) -> Iterator[None]:
    """Connects to the cluster at `address` (`auto`, `HOST:PORT` or `ray://HOST:PORT`), and leaves it running at the end.

    Raises Unavailable when no cluster answers or the cluster refuses the token of this process.
    """
    with ExitStack() as stack:
        stack.enter_context(restored())
        if found := _recorded_address() if address == "auto" else address:
            _probe(found)
        import ray

        stack.callback(ray.shutdown)
        try:
            _init(address)
        except ray.exceptions.AuthenticationError as error:
            raise _needs_token(address) from error
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            if "InvalidAuthToken" in f"{error} {error.__cause__}":
                raise _needs_token(address) from error
            # A cluster that refuses the token does not answer Ray Client, whose error does not mention tokens.
            maybe = f"; if the cluster needs a token, {TOKEN}" if address.startswith("ray://") else ""
            raise Unavailable(f"no Ray cluster answers at {address}: {first_sentence(error)}; {HOW}{maybe}") from error
        yield


def _init(address: str) -> None:
    """Connects to the cluster; tries once more when the cluster failed to start a server for this client, as happens at random.

    Ray starts that server by a fork, and gRPC's fork handlers sometimes end the new process at once. GRPC_ENABLE_FORK_SUPPORT=0
    on the cluster's head turns these handlers off.
    """
    import ray

    try:
        ray.init(address=address, logging_level=logging.ERROR)
    except ConnectionAbortedError as error:
        if NOT_STARTED not in str(error):
            raise
        ray.shutdown()
        ray.init(address=address, logging_level=logging.ERROR)


def _needs_token(address: str) -> Unavailable:
    return Unavailable(f"the Ray cluster at {address} needs its token: {TOKEN}")


def _recorded_address() -> str | None:
    """The address for `auto`; None when no address is recorded, and Ray must search the processes of this machine."""
    if given := os.environ.get("RAY_ADDRESS"):
        return given
    file = Path(os.environ["RAY_TMPDIR"], "ray", "ray_current_cluster")
    return file.read_text().strip() if file.exists() else None


def _probe(address: str) -> None:
    """Raises Unavailable when the port does not answer; makes Ray use loopback when the cluster listens on loopback only."""
    host, port = split_address(address)
    if address.startswith("ray://") and find_spec("grpc") is None:
        raise Unavailable("--address ray:// needs grpcio: pip install 'manyhands[ray]'")
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except OSError as error:
        raise Unavailable(f"no Ray cluster answers at {address}: {error.strerror or error}; {HOW}") from None
    if host in ("localhost", "127.0.0.1") and not _answers_on_network(port):
        os.environ.update(LOOPBACK)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `ray://HOST:PORT`; raises UsageError for anything else."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.scheme in ("", "ray") and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise UsageError(f"--address {address} is not an address of a Ray cluster; use auto, HOST:PORT or ray://HOST:PORT")


def _answers_on_network(port: int) -> bool:
    """True when the port answers at this machine's address on the network, which Ray uses in place of a loopback address."""
    try:
        socket.create_connection((own_address_towards(DOCUMENTATION_HOST), port), timeout=PROBE_S).close()
    except OSError:
        return False
    return True

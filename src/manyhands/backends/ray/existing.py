"""A Ray cluster that runs already: found, asked whether it answers, joined, and left running."""

from __future__ import annotations

import logging
import os
import socket
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

from manyhands.backends.ray.environment import LOOPBACK
from manyhands.backends.ray.failure import first_sentence
from manyhands.environment import restored
from manyhands.errors import Unavailable, UsageError

PROBE_S = 5.0
"""Seconds that the port of a cluster has to answer in."""
NOT_STARTED = "Starting Ray client server failed"
TOKEN = "set RAY_AUTH_MODE=token, and RAY_AUTH_TOKEN or RAY_AUTH_TOKEN_PATH"
HOW = "start one with 'ray start --head', or leave --address out"


@contextmanager
def joined(address: str) -> Iterator[None]:
    """The cluster at `address` (`auto`, `HOST:PORT` or `ray://HOST:PORT`), left running at the end.

    Raises Unavailable when there is none or it does not let this process in.
    """
    with ExitStack() as stack:
        stack.enter_context(restored())
        if found := _recorded() if address == "auto" else address:
            _probe(found)
        import ray

        stack.callback(ray.shutdown)
        try:
            _init(address)
        except ray.exceptions.AuthenticationError as error:
            raise _locked(address) from error
        except (OSError, RuntimeError, ValueError, ray.exceptions.RayError) as error:
            if "InvalidAuthToken" in f"{error} {error.__cause__}":
                raise _locked(address) from error
            # Ray Client waits in vain where it is not let in, and says only that.
            maybe = f", and its token if it wants one: {TOKEN}" if address.startswith("ray://") else ""
            raise Unavailable(f"no Ray cluster answers at {address}: {first_sentence(error)}; {HOW}{maybe}") from error
        yield


def _init(address: str) -> None:
    """Connects; a second time where the cluster did not manage to start a server for this client, as happens by chance.

    Ray starts it by a fork, which gRPC's own handlers let die at once now and then; GRPC_ENABLE_FORK_SUPPORT=0 on the cluster's
    head keeps them out of it.
    """
    import ray

    try:
        ray.init(address=address, logging_level=logging.ERROR)
    except ConnectionAbortedError as error:
        if NOT_STARTED not in str(error):
            raise
        ray.shutdown()
        ray.init(address=address, logging_level=logging.ERROR)


def _locked(address: str) -> Unavailable:
    return Unavailable(f"the Ray cluster at {address} wants its token: {TOKEN}")


def _recorded() -> str | None:
    """The address that `auto` stands for; None when Ray has to look for one among the processes."""
    if given := os.environ.get("RAY_ADDRESS"):
        return given
    file = Path(os.environ["RAY_TMPDIR"], "ray", "ray_current_cluster")
    return file.read_text().strip() if file.exists() else None


def _probe(address: str) -> None:
    """Raises Unavailable when the port does not answer; sees to it that Ray looks on loopback for a cluster that is only there."""
    host, port = split_address(address)
    if address.startswith("ray://") and find_spec("grpc") is None:
        raise Unavailable("--address ray:// needs grpcio: pip install 'manyhands[ray]'")
    try:
        socket.create_connection((host, port), timeout=PROBE_S).close()
    except OSError as error:
        raise Unavailable(f"no Ray cluster answers at {address}: {error.strerror or error}; {HOW}") from None
    if host in ("localhost", "127.0.0.1") and not _answers_outside(port):
        os.environ.update(LOOPBACK)


def split_address(address: str) -> tuple[str, int]:
    """Host and port of `HOST:PORT` or `ray://HOST:PORT`; raises UsageError for anything else."""
    try:
        parts = urlsplit(address if "://" in address else f"//{address}")
        if parts.scheme in ("", "ray") and parts.hostname and parts.port and not parts.path:
            return parts.hostname, parts.port
    except ValueError:
        pass
    raise UsageError(f"--address {address} is no Ray cluster; use auto, HOST:PORT or ray://HOST:PORT")


def _answers_outside(port: int) -> bool:
    """Whether the port answers at this machine's address on the network too, where Ray looks when it is told loopback."""
    try:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as route:
            route.connect(("192.0.2.1", 9))  # an address for documentation: chooses the route, sends nothing
            own = route.getsockname()[0]
        socket.create_connection((own, port), timeout=PROBE_S).close()
    except OSError:
        return False
    return True

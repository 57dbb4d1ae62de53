"""A Ray cluster on loopback for this run alone, which writes only below the run's own folder."""

from __future__ import annotations

import contextlib
import logging
import os
import secrets
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from manyhands.backends.ray.environment import variables
from manyhands.backends.ray.failure import first_sentence, process_ended
from manyhands.backends.ray.lookout import lookout
from manyhands.environment import restored
from manyhands.errors import EngineError
from manyhands.plan import RunSpec
from manyhands.user_cache import VARIABLE

OBJECT_STORE_BYTES = 100 * 2**20
"""Only the spec and the reports pass through Ray's object store; its default is 30 % of the memory."""
SOCKET_PATH = 107
"""Longest path of a Unix socket on Linux."""
LONGEST_SOCKET = len("/session_2000-01-01_00-00-00_000000_4194304/sockets/plasma_store")


@contextmanager
def local_cluster(spec: RunSpec, folder: Path) -> Iterator[None]:
    """Starts a cluster with a CPU for each thread, and stops it at the end; all its files are below `folder`.

    Raises EngineError when Ray does not start.
    """
    with ExitStack() as stack:
        stack.enter_context(restored())
        for name in [name for name in os.environ if name.startswith("RAY_")]:
            del os.environ[name]
        os.environ.update(variables(None))
        if cache := os.environ.get(VARIABLE):  # for the workers a relative path would be another folder
            os.environ[VARIABLE] = os.path.abspath(os.path.expanduser(cache))
        (folder / "token").write_text(secrets.token_hex(32))
        (folder / "token").chmod(0o600)
        os.environ["RAY_AUTH_TOKEN_PATH"] = str(folder / "token")
        short = stack.enter_context(short_path(folder))
        import ray

        stack.callback(ray.shutdown)
        # Ray puts the current folder first on its workers' path, where a file could hide a library, so change to an empty folder.
        (folder / "empty").mkdir()
        with contextlib.chdir(folder / "empty"):
            try:
                ray.init(
                    address="local",
                    num_cpus=spec.workers * spec.threads,
                    num_gpus=0 if spec.device == "cpu" else None,
                    object_store_memory=OBJECT_STORE_BYTES,
                    include_dashboard=False,
                    logging_level=logging.ERROR,
                    _node_ip_address="127.0.0.1",
                    _temp_dir=short,
                )
            except Exception as error:  # Ray raises plain ones too
                raise process_ended(folder) or EngineError(f"ray did not start: {first_sentence(error)}") from error
        close_to_others(folder)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)  # Ray's handler may crash while it stops the cluster, which the guard does
        try:
            with lookout(folder):
                yield
        except Exception as error:
            if ended := process_ended(folder):
                raise ended from error
            raise


def close_to_others(folder: Path) -> None:
    """Takes the rights of other users from all folders below `folder`: Ray gives them every right to its own."""
    for inside, _, _ in os.walk(folder):
        os.chmod(inside, 0o700)


@contextmanager
def short_path(folder: Path) -> Iterator[str]:
    """A path of `folder` that is short enough for Ray's sockets (`SOCKET_PATH`): its own path, or a name in /proc."""
    if len(str(folder)) + LONGEST_SOCKET <= SOCKET_PATH:
        yield str(folder)
        return
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        yield f"/proc/{os.getpid()}/fd/{descriptor}"
    finally:
        os.close(descriptor)

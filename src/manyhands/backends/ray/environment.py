"""The environment variables that a run with Ray needs before Ray is imported."""

from __future__ import annotations

import os
import tempfile

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""Makes Ray use 127.0.0.1 as its own address and listen there only, which is its default on Windows and macOS."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
PLAIN_FOLDER = {"RAY_CHDIR_TO_TRIAL_DIR": "0"}
"""Keeps Ray from making a working folder for each run in the session folder of the cluster, where it would stay."""
SAME_PRIORITY = {"RAY_worker_niceness": "0"}
"""By default Ray's workers run with niceness 15, below every other program, while those of other engines do not."""
NEVER_TAKEN = {"RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0"}
"""Keeps Ray Train from starting a process that looks for machines that a cloud takes back; a cluster of this machine alone has none."""
FEW_TRIES = {"RAY_gcs_server_port_wait_time_s": "1", "RAY_py_gcs_connect_timeout_s": "5"}
"""By default Ray tries 20 times, for up to half a minute each, to reach a cluster; with these it tries once, in about 15 s."""


def variables(address: str | None) -> dict[str, str]:
    """The variables for a cluster of this run alone when `address` is None, else for the existing cluster there."""
    if address is None:
        own = {"RAY_AUTH_MODE": "token", "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
        return LOOPBACK | QUIET | PLAIN_FOLDER | SAME_PRIORITY | NEVER_TAKEN | own
    # Ray keeps the address of a cluster in a file of the temporary folder, but a run has a temporary folder of its own.
    return QUIET | PLAIN_FOLDER | FEW_TRIES | {"RAY_TMPDIR": os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()}

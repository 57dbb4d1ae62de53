"""The environment variables that a run with Ray needs, all set before Ray is imported."""

from __future__ import annotations

import os
import tempfile

LOOPBACK = {"RAY_ENABLE_WINDOWS_OR_OSX_CLUSTER": "0"}
"""What makes Ray take 127.0.0.1 for its own address and listen there alone, as it does by itself on Windows and macOS."""
QUIET = {"RAY_USAGE_STATS_ENABLED": "0"}
PLAIN_FOLDER = {"RAY_CHDIR_TO_TRIAL_DIR": "0"}
"""No working folder for each run in the cluster's session folder, where it would be left."""
FEW_TRIES = {"RAY_gcs_server_port_wait_time_s": "1", "RAY_py_gcs_connect_timeout_s": "5"}
"""Ray tries 20 times, each up to half a minute, to talk to what is no cluster: once, and about 15 s in all."""


def variables(address: str | None) -> dict[str, str]:
    """What the run's process needs in its environment before Ray is imported."""
    if address is None:
        return (
            LOOPBACK | QUIET | PLAIN_FOLDER | {"RAY_AUTH_MODE": "token", "GLOO_SOCKET_IFNAME": "lo", "NCCL_SOCKET_IFNAME": "lo"}
        )
    # Ray writes down the address of a cluster in the temporary folder, which is another one inside a run.
    return QUIET | PLAIN_FOLDER | FEW_TRIES | {"RAY_TMPDIR": os.environ.get("RAY_TMPDIR") or tempfile.gettempdir()}

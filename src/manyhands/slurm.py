"""The SLURM job step of a process: the number of its nodes, the number of this node, and the address where they meet."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass

from manyhands.errors import UsageError

BY_HAND = "give --nodes, --address HOST:PORT and, in srun bash -c '...', --node-rank $SLURM_NODEID instead"
ANSWER_S = 60
FIRST_PORT, PORTS = 12000, 20000
"""Below the ports that Linux gives to outgoing connections."""


@dataclass(frozen=True)
class Step:
    """A job step of several nodes, as the process on one of them sees it."""

    nodes: int
    node_rank: int
    address: str
    """`host:port` of the step's first node, the same on all of them."""


def current_step(environ: Mapping[str, str]) -> Step | None:
    """The step that `srun` has started this process in; None outside of one, and in one of a single node.

    Raises UsageError when `srun` has started several processes on a node: manyhands starts the workers of a node itself.
    """
    if "SLURM_STEP_ID" not in environ or "SLURM_NODEID" not in environ:
        return None
    nodes, tasks = int(environ.get("SLURM_STEP_NUM_NODES", "1")), int(environ.get("SLURM_STEP_NUM_TASKS", "1"))
    if tasks != nodes:
        raise UsageError(
            f"srun has started {tasks} tasks on {nodes} nodes, and manyhands starts the workers of a node itself;"
            f" use srun --nodes={nodes} --ntasks-per-node=1 and give the number of workers with --workers"
        )
    if nodes == 1:
        return None
    port = FIRST_PORT + (int(environ["SLURM_JOB_ID"]) * 7 + int(environ["SLURM_STEP_ID"])) % PORTS
    return Step(nodes, int(environ["SLURM_NODEID"]), f"{first_host(environ['SLURM_STEP_NODELIST'])}:{port}")


def first_host(nodes: str) -> str:
    """The address of the first of `n[1-2]`, as SLURM itself reaches it; raises UsageError when SLURM names none."""
    names = scontrol("show", "hostnames", nodes).split()
    if not names:
        raise UsageError(f"scontrol show hostnames {nodes} names no node; {BY_HAND}")
    found = re.search(r"\bNodeAddr=(\S+)", scontrol("show", "node", names[0], "--oneliner"))
    return found[1] if found else names[0]


def scontrol(*words: str) -> str:
    """The output of SLURM's own tool; raises UsageError when it fails."""
    if shutil.which("scontrol") is None:
        raise UsageError(f"this is a SLURM job without 'scontrol' on its PATH; {BY_HAND}")
    try:
        done = subprocess.run(["scontrol", *words], capture_output=True, text=True, check=False, timeout=ANSWER_S)
    except subprocess.TimeoutExpired:
        raise UsageError(f"scontrol {' '.join(words)} did not answer in {ANSWER_S} s; {BY_HAND}") from None
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no message"])[-1]
        raise UsageError(f"scontrol {' '.join(words)} failed: {reason}; {BY_HAND}")
    return done.stdout

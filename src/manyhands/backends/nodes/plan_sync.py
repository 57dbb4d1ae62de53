"""Makes all nodes of a plan start the same run: node 0 announces each run, and the other nodes join it.

The commands agree on a run before they start its own process, so no phase of a run contains the wait for another machine.
A node that is one run behind, or that skips runs because of `--resume`, stays in step. A node that cannot make a run reports
the reason to node 0.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Sequence

from torch._C._distributed_c10d import TCPStore
from torch.distributed import DistError

from manyhands.backends.nodes.node_store import (
    JOIN_S,
    LOOK_S,
    NO_NODE,
    OTHER_RUN,
    absent_message,
    connect,
    no_answer,
    not_found,
    read_key,
    run_name,
    serve,
)
from manyhands.errors import EngineError, UsageError
from manyhands.machine import host_name
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

AGAIN_S = 60.0
"""Longest wait for a node after the first run: much longer than the time to end one run and start the next.

Node 0 may also make runs of one node in between; the other nodes then wait for as long as such a run may take.
"""
NOTICE_S = 2.0
"""A wait longer than this prints a line."""
CONFIRM_S = 5.0
"""Longest wait until the other nodes confirm that they start the run."""


class PlanLeader:
    """Node 0: announces each run of its plan to the other nodes."""

    def __init__(self, runs: Sequence[RunSpec], notify: Callable[[str], None]) -> None:
        """`notify` prints a line for the user."""
        self.left = sum(spec.nodes > 1 for spec in runs)
        self.notify = notify
        self.longest_s = JOIN_S
        self.absent: str | None = None
        """The error message about the nodes that did not connect; node 0 does not wait for them again."""

    def __call__(self, spec: RunSpec) -> None:
        """Returns when every node is ready for the run; at once for a run of one node.

        Raises EngineError when a node did not connect or cannot make the run, with its reason; UsageError when this machine does
        not have the address.
        """
        if spec.nodes == 1:
            return
        self.left -= 1
        if self.absent:
            raise EngineError(f"not run, because an earlier run failed: {self.absent}")
        store = serve(spec)
        store.set("left", str(self.left))
        store.set("next", run_name(spec))
        self._wait(store, spec)
        store.set("go", "")
        deadline = now() + CONFIRM_S
        while not store.check([f"started-{node}" for node in range(1, spec.nodes)]) and now() < deadline:
            time.sleep(LOOK_S / 4)
        self.longest_s = AGAIN_S

    def _wait(self, store: TCPStore, spec: RunSpec) -> None:
        others = range(1, spec.nodes)
        began, notified = now(), False
        while not store.check([f"ready-{node}" for node in others]):
            if reason := read_key(store, "refused"):
                raise EngineError(reason)
            waited = now() - began
            if waited > wait_seconds(self.longest_s, spec):
                self.absent = absent_message(spec, [node for node in others if not store.check([f"ready-{node}"])])
                raise EngineError(self.absent)
            if waited > NOTICE_S and not notified:
                self.notify(f"waiting for the other nodes at {spec.address}")
                notified = True
            time.sleep(LOOK_S)


class PlanFollower:
    """Any other node: joins the runs that node 0 announces."""

    def __init__(self, runs: Sequence[RunSpec], refused: Sequence[tuple[RunSpec, str]], between_s: float = 0.0) -> None:
        """`refused`: runs that this node cannot make, with the reasons. `between_s`: longest time between two runs of node 0."""
        self.runs = {run_name(spec): spec for spec in runs}
        self.refused = {run_name(spec): f"{reason} (on {host_name()})" for spec, reason in refused}
        """Names of the runs that this node cannot make -> the reason."""
        self.any_run = next(iter([*runs, *(spec for spec, _ in refused)]))
        self.between_s = between_s
        self.left: int | None = None
        """The number of runs that node 0 has left; None until it has announced one."""

    def next(self) -> RunSpec | None:
        """The run that node 0 makes next, once every node is ready for it; None when node 0 has no more runs.

        Raises EngineError when node 0 cannot be found or has another plan; UsageError when another machine has this node's rank.
        """
        if self.left == 0:
            return None
        spec = self.any_run
        deadline = self._deadline()
        seen = NO_NODE
        while now() < deadline:
            try:
                store = connect(spec)
                name = read_key(store, "next")
                if name in self.runs:
                    if self._joins(store, deadline):
                        return self.runs.pop(name)
                elif name in self.refused:
                    self.left = int(read_key(store, "left") or 0)
                    store.set("refused", self.refused.pop(name))
                    deadline = self._deadline()
                    if self.left == 0:
                        return None
                elif name:
                    seen = OTHER_RUN
            except (OSError, DistError) as error:
                if self.left == 0:  # a node refused the last run, so node 0 has ended
                    return None
                seen = no_answer(error) or seen
            time.sleep(LOOK_S)
        raise not_found(spec, seen)

    def _deadline(self) -> float:
        longest_s = JOIN_S if self.left is None else AGAIN_S
        return now() + self.between_s + wait_seconds(longest_s, self.any_run)

    def _joins(self, store: TCPStore, deadline: float) -> bool:
        rank = self.any_run.node_rank
        own = f"{host_name()}, process {os.getpid()}"
        other = store.compare_set(f"ready-{rank}", "", own).decode()
        if other != own:
            raise UsageError(f"--node-rank {rank} is taken by {other}; give each machine its own, 0 to {self.any_run.nodes - 1}")
        self.left = int(read_key(store, "left") or 0)
        while not store.check(["go"]):
            if now() > deadline:
                return False
            time.sleep(LOOK_S / 4)
        store.set(f"started-{rank}", "")
        return True


def wait_seconds(longest_s: float, spec: RunSpec) -> float:
    """Seconds to wait for a node of the run: `longest_s`, and at most half of the run's time limit."""
    return min(longest_s, spec.timeout_s / 2)

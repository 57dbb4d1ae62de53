"""Which run the nodes of a plan make next: node 0 says it, the others follow.

The commands agree on it before a run's own process is started. So nobody's wait for another machine is in a phase, a node that
is one run behind or has `--resume` to skip some stays in step, and one that cannot take part says why.
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
    NOBODY,
    OTHER_RUN,
    absent,
    connect,
    missed,
    no_answer,
    read_key,
    run_name,
    serve,
)
from manyhands.errors import EngineError, UsageError
from manyhands.machine import host_name
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

AGAIN_S = 60.0
"""Longest wait for a node after the first run: much longer than ending one run and starting another takes.

Node 0 may also make runs of one node in between; then the others wait for as long as one of these may take.
"""
TELL_S = 2.0
"""Waiting shorter than this is not worth a line."""
PART_S = 5.0
"""For the others to notice that all have come."""


class PlanLeader:
    """Node 0: calls the others to each run of its plan."""

    def __init__(self, runs: Sequence[RunSpec], say: Callable[[str], None]) -> None:
        self.left = sum(spec.nodes > 1 for spec in runs)
        self.say = say
        self.patience_s = JOIN_S
        self.away: str | None = None
        """Who did not come, and is not waited for again."""

    def __call__(self, spec: RunSpec) -> None:
        """Returns when every node is ready for the run; at once for a run of one node.

        Raises EngineError that names who did not come or says what a node has against it, UsageError for an address that is not
        this machine's.
        """
        if spec.nodes == 1:
            return
        self.left -= 1
        if self.away:
            raise EngineError(f"not made, because of an earlier run: {self.away}")
        store = serve(spec)
        store.set("left", str(self.left))
        store.set("next", run_name(spec))
        self._wait(store, spec)
        store.set("go", "")
        deadline = now() + PART_S
        while not store.check([f"gone-{node}" for node in range(1, spec.nodes)]) and now() < deadline:
            time.sleep(LOOK_S / 4)
        self.patience_s = AGAIN_S

    def _wait(self, store: TCPStore, spec: RunSpec) -> None:
        others = range(1, spec.nodes)
        began, told = now(), False
        while not store.check([f"ready-{node}" for node in others]):
            if against := read_key(store, "against"):
                raise EngineError(against)
            waited = now() - began
            if waited > wait_seconds(self.patience_s, spec):
                away = absent(spec, [node for node in others if not store.check([f"ready-{node}"])])
                self.away = away
                raise EngineError(away)
            if waited > TELL_S and not told:
                self.say(f"waiting for the other nodes at {spec.address}")
                told = True
            time.sleep(LOOK_S)


class PlanFollower:
    """Another node: comes when node 0 calls."""

    def __init__(self, runs: Sequence[RunSpec], refused: Sequence[tuple[RunSpec, str]], between_s: float = 0.0) -> None:
        """`between_s`: how long node 0 may be at something else between two runs."""
        self.runs = {run_name(spec): spec for spec in runs}
        self.refused = {run_name(spec): f"{reason} (on {host_name()})" for spec, reason in refused}
        """Runs that cannot be made here, and why."""
        self.one = next(iter([*runs, *(spec for spec, _ in refused)]))
        self.between_s = between_s
        self.left: int | None = None
        """Runs that node 0 has before it; None until it has called."""

    def next(self) -> RunSpec | None:
        """The run that node 0 makes next, once every node is ready for it; None when there is none any more.

        Raises EngineError when node 0 cannot be found, or has another plan; UsageError when another machine is this node already.
        """
        if self.left == 0:
            return None
        spec = self.one
        deadline = self._deadline()
        seen = NOBODY
        while now() < deadline:
            try:
                store = connect(spec)
                name = read_key(store, "next")
                if name in self.runs:
                    if self._joins(store, deadline):
                        return self.runs.pop(name)
                elif name in self.refused:
                    self.left = int(read_key(store, "left") or 0)
                    store.set("against", self.refused.pop(name))
                    deadline = self._deadline()
                    if self.left == 0:
                        return None
                elif name:
                    seen = OTHER_RUN
            except (OSError, DistError) as error:
                if self.left == 0:  # the last one was called off
                    return None
                seen = no_answer(error) or seen
            time.sleep(LOOK_S)
        raise missed(spec, seen)

    def _deadline(self) -> float:
        longest_s = JOIN_S if self.left is None else AGAIN_S
        return now() + self.between_s + wait_seconds(longest_s, self.one)

    def _joins(self, store: TCPStore, deadline: float) -> bool:
        rank = self.one.node_rank
        me = f"{host_name()}, process {os.getpid()}"
        other = store.compare_set(f"ready-{rank}", "", me).decode()
        if other != me:
            raise UsageError(f"--node-rank {rank} is taken by {other}; give each machine its own, 0 to {self.one.nodes - 1}")
        self.left = int(read_key(store, "left") or 0)
        while not store.check(["go"]):
            if now() > deadline:
                return False
            time.sleep(LOOK_S / 4)
        store.set(f"gone-{rank}", "")
        return True


def wait_seconds(longest_s: float, spec: RunSpec) -> float:
    """Seconds to wait for a node of the run."""
    return min(longest_s, spec.timeout_s / 2)

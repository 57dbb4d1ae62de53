"""Finds the worker that failed first in a run over several hosts.

No host is notified when another host goes away: the connections to it stay open without data. So each worker increments a
counter in the nodes' store every second, and writes its error there when it fails. Torch's elastic agents know only the workers
of their own host. A run on one host starts no heartbeat.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from contextlib import suppress
from types import TracebackType
from typing import Any, Self, TypeVar

from manyhands.errors import EngineError, ManyhandsError, by_name
from manyhands.machine import host_name, placed
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

BEAT_S = 1.0
"""Time between two beats of a worker."""
LOST_S = 15.0
"""A worker without a beat for this long counts as lost; a worker on a busy host needs much less time for a beat."""
ENDED = 1 << 32
"""Added to the counter of a worker that ended without an error: it is not lost although its beats stop."""
START_S = 120.0
"""Longest wait for a worker's first beat: the worker starts Python and imports the libraries of its backend before it."""
CONSEQUENCE = re.compile(
    r"gloo/transport/tcp/(?!device)|closed by peer|reset by peer|broken pipe|likely closed|connectFullMesh failed"
    r"|nccl(Remote|System)Error|lost worker 0",
    re.IGNORECASE,
)
"""Error messages of a worker whose peer is gone. (An error of gloo's `device` is a wrong network interface instead.)"""

Result = TypeVar("Result")


def across_hosts(spec: RunSpec, rank: int, give_up: Callable[[Exception], None], work: Callable[[], Result]) -> Result:
    """The result of `work`. Call this in every worker before it joins the process group: a peer may be gone by then.

    Raises the error of the worker that failed first, on any host, or an error that names the lost worker. When that happens
    while `work` is blocked in a collective, another thread calls `give_up` with the error; `give_up` must end the process.
    """
    if spec.nodes == 1:
        return work()
    with Heartbeat(spec, rank, give_up) as heartbeat:
        try:
            return work()
        except Exception as error:
            raise heartbeat.cause(error) from error


class Heartbeat:
    """The beats of one worker. Rank 0 also checks the beats of the other workers."""

    def __init__(self, spec: RunSpec, rank: int, give_up: Callable[[Exception], None]) -> None:
        from manyhands.backends.nodes.node_store import connect

        self.backend, self.rank, self.give_up = spec.backend, rank, give_up
        self.others = [other for other in range(spec.workers) if other != rank]
        # Two connections of its own: the main thread may block the connection of the process group for a long time.
        self.store, self.messages = (own_part(connect(spec, spec.timeout_s)) for _ in range(2))
        self.messages.set(f"host-{rank}", host_name())
        self.answered_at = now()
        """The time of the store's last answer."""
        self.silent_since: dict[int, float] = {}
        """Rank of a worker whose beats have stopped -> the time of its last beat."""
        self.counts: dict[int, int] = {}
        """Rank -> the last value of its counter."""
        self.failed = threading.Event()
        self.done = threading.Event()
        self.threads = [threading.Thread(target=target, daemon=True) for target in (self._beat, self._watch)]

    def __enter__(self) -> Self:
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self.done.set()
        for thread in self.threads:
            thread.join(2 * BEAT_S)
        if not kind:
            with suppress(RuntimeError):  # rank 0 serves the store, and may have ended before
                self.messages.add(f"beat-{self.rank}", ENDED)

    def cause(self, error: Exception) -> Exception:
        """The error that caused this worker's `error`. This may take until a silent worker counts as lost."""
        self.failed.set()
        consequence = is_consequence(str(error))
        deadline = now() + LOST_S + 3 * BEAT_S
        try:
            text = placed(str(error), host_name()) if isinstance(error, ManyhandsError) else str(error)
            leave_message(self.messages, type(error).__name__, text, self.rank)
            while consequence and now() < deadline:
                if found := self._first():
                    self.messages.set("first", f"{type(found).__name__} {found}")
                    return found
                if self.messages.check(["first"]):
                    kind, _, text = self.messages.get("first").decode().partition(" ")
                    return as_raised(kind, text)
                self.done.wait(BEAT_S / 4)
        except RuntimeError:
            return self.rank_zero_ended()
        return error

    def lost_ranks(self) -> list[int]:
        """Ranks of the lost workers, the one that has been silent for longest first."""
        late = {
            rank: since
            for rank, since in dict(self.silent_since).items()
            if now() - since > (LOST_S if self.counts.get(rank) else START_S)
        }
        return sorted(late, key=lambda rank: late[rank])

    def lost_worker(self, rank: int) -> EngineError:
        """The error that names a lost worker and its host."""
        if not self.messages.check([f"host-{rank}"]):
            return EngineError(f"{self.backend} worker {rank} is lost: it did not start within {START_S:g} s")
        host = self.messages.get(f"host-{rank}").decode()
        return EngineError(f"{self.backend} worker {rank} is lost: it sent no heartbeat for {LOST_S:g} s (on {host})")

    def store_is_silent(self) -> EngineError:
        """The error of a worker that cannot reach the store, which is on the host of rank 0, any more."""
        return EngineError(f"{self.backend} worker {self.rank} lost worker 0: no answer for {LOST_S:g} s (on {host_name()})")

    def rank_zero_ended(self) -> EngineError:
        """The error of a worker when the store is closed: worker 0, which serves it, has ended for another reason."""
        return EngineError(
            f"{self.backend} worker {self.rank} lost worker 0, which has ended; the reason is in the record of node 0"
            f" (on {host_name()})"
        )

    def _first(self) -> Exception | None:
        """The first failure that rank 0 knows of; None while it knows of none, and on the other ranks."""
        if self.rank:
            return None
        numbers = range(1, self.messages.add("failures", 0) + 1)
        written = [f"failure-{number}" for number in numbers if self.messages.check([f"failure-{number}"])]
        failures = [json.loads(self.messages.get(key)) for key in written]
        if cause := next((one for one in failures if not is_consequence(one["text"])), None):
            if by_name(cause["kind"]):
                return as_raised(cause["kind"], cause["text"])
            text = (cause["text"].strip().splitlines() or [""])[0]
            return EngineError(placed(f"{self.backend} worker {cause['rank']} failed: {cause['kind']}: {text}", cause["host"]))
        silent = [rank for rank in self.lost_ranks() if rank not in {one["rank"] for one in failures}]
        return self.lost_worker(silent[0]) if silent else None

    def _beat(self) -> None:
        while not self.done.wait(BEAT_S):
            with suppress(RuntimeError):
                self.store.add(f"beat-{self.rank}", 1)
                for other in self.others if self.rank == 0 else ():
                    self._check_beat(other)
                self.answered_at = now()

    def _check_beat(self, other: int) -> None:
        count = self.store.add(f"beat-{other}", 0)
        if count != self.counts.get(other) or count >= ENDED:
            self.counts[other] = count
            self.silent_since.pop(other, None)
        else:
            self.silent_since.setdefault(other, self.answered_at)

    def _watch(self) -> None:
        """A thread of its own, because the thread of the beats is blocked when the host of the store is gone."""
        while not self.done.wait(BEAT_S) and not self.failed.is_set():
            with suppress(RuntimeError):
                if found := self._first():
                    self.give_up(found)
            if self.rank and now() - self.answered_at > LOST_S:
                self.give_up(self.store_is_silent())


def across_nodes(error: ManyhandsError, spec: RunSpec) -> ManyhandsError:
    """`error`, which ended the workers of this node, with the name of this host added.

    A killed worker cannot report its own end, so this also writes the error to the store for rank 0, if that still runs.
    An error that is only a consequence of another one is not written.
    """
    if spec.nodes == 1:
        return error
    from manyhands.backends.nodes.node_store import connect, read_key, run_name

    error = type(error)(placed(str(error), host_name()))
    if spec.node_rank and not is_consequence(str(error)):
        with suppress(RuntimeError, OSError):
            store = connect(spec)
            if read_key(store, "run") == run_name(spec):  # node 0 may be at another run by now
                leave_message(own_part(store), type(error).__name__, str(error))
    return error


def own_part(store: Any) -> Any:
    """The part of the nodes' store that only manyhands uses; torch uses the rest."""
    from torch._C._distributed_c10d import PrefixStore

    return PrefixStore("manyhands", store)


def leave_message(store: Any, kind: str, text: str, rank: int | None = None) -> None:
    """Writes the error of a worker to manyhands' part of the store; errors are numbered in the order in which workers fail."""
    number = store.add("failures", 1)
    store.set(f"failure-{number}", json.dumps({"rank": rank, "host": host_name(), "kind": kind, "text": text}))


def as_raised(kind: str, text: str) -> ManyhandsError:
    """An error of class `kind`, or EngineError when manyhands has no such class."""
    return (by_name(kind) or EngineError)(text)


def is_consequence(text: str) -> bool:
    """True when a worker with this error message failed because another worker was gone."""
    return bool(CONSEQUENCE.search(text))

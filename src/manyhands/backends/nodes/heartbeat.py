"""Which worker went first, in a run over several hosts. Nothing tells a host that another one is gone: its connections just
stay silent. So each worker counts up a number in the nodes' store every second, and leaves its last words there.

Torch's elastic agents know only the workers of their own host. A run on one host needs none of this, and does none of it.
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
LOST_S = 15.0
"""Silence after which a worker counts as gone: much longer than a worker of a busy host needs for a beat."""
ENDED = 1 << 32
"""Added to the number of a worker that has left in order, so that its silence means nothing."""
START_S = 120.0
"""Time for a worker's first beat: it starts Python and imports what its backend needs."""
CONSEQUENCE = re.compile(
    r"gloo/transport/tcp/(?!device)|closed by peer|reset by peer|broken pipe|likely closed|connectFullMesh failed"
    r"|nccl(Remote|System)Error|lost worker 0",
    re.IGNORECASE,
)
"""What a worker says when another one is gone. (Gloo's own `device` has a wrong network interface instead.)"""
NOT_NODE_ZERO = "this is not node 0, which writes the record of this run"

Result = TypeVar("Result")


def across_hosts(spec: RunSpec, rank: int, give_up: Callable[[Exception], None], work: Callable[[], Result]) -> Result:
    """What `work` returns; call it in every worker, before it joins the process group: others may be gone by then.

    Raises the error of the worker that failed first, on whatever host, or one that names the worker that went silent.
    `give_up` is called from another thread when that happens while `work` is blocked in a collective; it ends the process.
    """
    if spec.nodes == 1:
        return work()
    with Heartbeat(spec, rank, give_up) as heartbeat:
        try:
            return work()
        except Exception as error:
            raise heartbeat.cause(error) from error


class Heartbeat:
    """The beat of one worker; on rank 0 also the ear for those of the others."""

    def __init__(self, spec: RunSpec, rank: int, give_up: Callable[[Exception], None]) -> None:
        from manyhands.backends.nodes.node_store import connect

        self.backend, self.rank, self.give_up = spec.backend, rank, give_up
        self.others = [other for other in range(spec.workers) if other != rank]
        # Connections of its own: on that of the group the main thread may wait for a long time.
        self.store, self.words = (own_part(connect(spec, spec.timeout_s)) for _ in range(2))
        self.words.set(f"host-{rank}", host_name())
        self.heard = now()
        """When the store has last answered."""
        self.silent: dict[int, float] = {}
        """Workers -> since when they have not been heard from."""
        self.counts: dict[int, int] = {}
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
            with suppress(RuntimeError):  # the store goes with rank 0, which may have left before
                self.words.add(f"beat-{self.rank}", ENDED)

    def cause(self, error: Exception) -> Exception:
        """Why this worker's `error` came about. It may take until a silent worker counts as gone."""
        self.failed.set()
        followed = is_consequence(str(error))
        deadline = now() + LOST_S + 3 * BEAT_S
        try:
            text = placed(str(error), host_name()) if isinstance(error, ManyhandsError) else str(error)
            leave_message(self.words, type(error).__name__, text, self.rank)
            while followed and now() < deadline:
                if found := self._first():
                    self.words.set("first", f"{type(found).__name__} {found}")
                    return found
                if self.words.check(["first"]):
                    kind, _, text = self.words.get("first").decode().partition(" ")
                    return as_raised(kind, text)
                self.done.wait(BEAT_S / 4)
        except RuntimeError:
            return self.left_behind()
        return error

    def gone(self) -> list[int]:
        """The workers that have been silent for too long, the longest first."""
        late = {
            rank: since
            for rank, since in dict(self.silent).items()
            if now() - since > (LOST_S if self.counts.get(rank) else START_S)
        }
        return sorted(late, key=lambda rank: late[rank])

    def lost(self, rank: int) -> EngineError:
        """The error that names a worker which went silent."""
        if not self.words.check([f"host-{rank}"]):
            return EngineError(f"{self.backend} worker {rank} is lost: it has not begun its work within {START_S:g} s")
        host = self.words.get(f"host-{rank}").decode()
        return EngineError(f"{self.backend} worker {rank} is lost: nothing was heard from it for {LOST_S:g} s (on {host})")

    def alone(self) -> EngineError:
        """The error of a worker that reaches the store no more, which is on the host of rank 0."""
        return EngineError(f"{self.backend} worker {self.rank} lost worker 0: no answer for {LOST_S:g} s (on {host_name()})")

    def left_behind(self) -> EngineError:
        """The error of a worker whose store is closed: worker 0 has ended, for a reason of its own."""
        return EngineError(
            f"{self.backend} worker {self.rank} lost worker 0, which has ended; node 0 says why (on {host_name()})"
        )

    def _first(self) -> Exception | None:
        """What failed first, as far as rank 0 knows by now; None on the others."""
        if self.rank:
            return None
        places = range(1, self.words.add("last-words", 0) + 1)
        written = [f"last-words-{place}" for place in places if self.words.check([f"last-words-{place}"])]
        said = [json.loads(self.words.get(key)) for key in written]
        if own := next((one for one in said if not is_consequence(one["text"])), None):
            if by_name(own["kind"]):
                return as_raised(own["kind"], own["text"])
            text = (own["text"].strip().splitlines() or [""])[0]
            return EngineError(placed(f"{self.backend} worker {own['rank']} failed: {own['kind']}: {text}", own["host"]))
        silent = [rank for rank in self.gone() if rank not in {one["rank"] for one in said}]
        return self.lost(silent[0]) if silent else None

    def _beat(self) -> None:
        while not self.done.wait(BEAT_S):
            with suppress(RuntimeError):
                self.store.add(f"beat-{self.rank}", 1)
                for other in self.others if self.rank == 0 else ():
                    self._listen(other)
                self.heard = now()

    def _listen(self, other: int) -> None:
        count = self.store.add(f"beat-{other}", 0)
        if count != self.counts.get(other) or count >= ENDED:
            self.counts[other] = count
            self.silent.pop(other, None)
        else:
            self.silent.setdefault(other, self.heard)

    def _watch(self) -> None:
        """Apart from the beat, which itself is blocked when the host of the store is gone."""
        while not self.done.wait(BEAT_S) and not self.failed.is_set():
            with suppress(RuntimeError):
                if found := self._first():
                    self.give_up(found)
            if self.rank and now() - self.heard > LOST_S:
                self.give_up(self.alone())


def across_nodes(error: ManyhandsError, spec: RunSpec) -> ManyhandsError:
    """The error that ended the workers of this node, with its host; rank 0 of another node is told, as far as it is there still.

    That is for a worker that could not say it itself, being killed. What only followed is not told.
    """
    if spec.nodes == 1:
        return error
    from manyhands.backends.nodes.node_store import connect, read_key, run_name

    error = type(error)(placed(str(error), host_name()))
    if spec.node_rank and not is_consequence(str(error)):
        with suppress(RuntimeError, OSError):
            store = connect(spec)
            if read_key(store, "run") == run_name(spec):  # it may be at another run by now
                leave_message(own_part(store), type(error).__name__, str(error))
    return error


def own_part(store: Any) -> Any:
    """The part of the nodes' store that is ours."""
    from torch._C._distributed_c10d import PrefixStore

    return PrefixStore("manyhands", store)


def leave_message(store: Any, kind: str, text: str, rank: int | None = None) -> None:
    """Leaves last words in our part of the store, in the order in which workers end."""
    place = store.add("last-words", 1)
    store.set(f"last-words-{place}", json.dumps({"rank": rank, "host": host_name(), "kind": kind, "text": text}))


def as_raised(kind: str, text: str) -> ManyhandsError:
    """The error as it was raised, where it is one of ours."""
    return (by_name(kind) or EngineError)(text)


def is_consequence(text: str) -> bool:
    """Whether a worker with this error failed because another one had gone."""
    return bool(CONSEQUENCE.search(text))

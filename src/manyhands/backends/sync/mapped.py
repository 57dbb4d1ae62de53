"""Memory that all workers of one host map. It has no name in any folder, so nothing of it is left when they end, however they end.

Worker 0 makes it (memfd_create), and the others open it as a file of that process. It is part of the machine's memory, and no part of
/dev/shm, whose size does not matter.
"""

from __future__ import annotations

import json
import mmap
import os
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from manyhands.errors import EngineError, UsageError
from manyhands.machine import host_name


@dataclass(frozen=True)
class Mapped:
    """The memory, and the processes that map it, in order of rank."""

    memory: mmap.mmap
    processes: tuple[int, ...]

    def check(self, rank: int) -> None:
        """Raises EngineError when the process of a worker has ended."""
        try:
            os.kill(self.processes[rank], 0)
        except ProcessLookupError:
            raise EngineError(f"worker {rank} (pid {self.processes[rank]}) has ended") from None


def mapped_by_all(rank: int, workers: int, size: int) -> Mapped:
    """New memory, filled with zeros, that every worker maps; call it in all of them. Raises UsageError where they cannot share memory."""
    from torch.distributed.distributed_c10d import _get_default_store

    store = _get_default_store()
    name = f"manyhands-mapped-{store.add(f'manyhands-mapped-by-{rank}', 1)}"  # all workers count alike

    def say(key: str, value: object) -> None:
        store.set(f"{name}-{key}", json.dumps(value))

    def hear(key: str) -> object:
        return json.loads(store.get(f"{name}-{key}"))

    say(f"at-{rank}", [_space(), host_name(), os.getpid()])
    places = [hear(f"at-{other}") for other in range(workers)]
    hosts = {str(place[1]) for place in places}  # type: ignore[index]
    if len({str(place[0]) for place in places}) > 1:  # type: ignore[index]
        raise UsageError(
            f"--sync shared-memory: the workers are on several machines or in several containers ({', '.join(sorted(hosts))});"
            " use another strategy"
        )
    processes = tuple(int(place[2]) for place in places)  # type: ignore[index]
    mapped, problem = _tried(lambda: _made(size, lambda number: say("file", number))) if rank == 0 else (None, "")
    if rank == 0 and problem:
        say("file", None)
    if rank:
        number = hear("file")
        mapped, problem = _tried(lambda: _opened(processes[0], number, size)) if number is not None else (None, "")
    say(f"done-{rank}", problem)
    problems = [str(found) for other in range(workers) if (found := hear(f"done-{other}"))]
    if mapped is not None:
        memory, file = mapped
        os.close(file)
    if problems or mapped is None:
        raise UsageError(
            f"--sync shared-memory: {size / 1e6:.0f} MB of memory cannot be shared: {problems[0]}; use another strategy"
        )
    return Mapped(memory, processes)


def _space() -> list[str]:
    """The kernel and the namespace in which process numbers mean the same."""
    return [Path("/proc/sys/kernel/random/boot_id").read_text().strip(), os.readlink("/proc/self/ns/pid")]


def _made(size: int, say: Callable[[int], None]) -> tuple[mmap.mmap, int]:
    file = os.memfd_create("manyhands")
    os.posix_fallocate(file, 0, size)  # else a machine without room would end a worker in the middle of a step
    memory = mmap.mmap(file, size)
    say(file)
    return memory, file


def _opened(process: int, number: object, size: int) -> tuple[mmap.mmap, int]:
    file = os.open(f"/proc/{process}/fd/{number}", os.O_RDWR)
    return mmap.mmap(file, size), file


def _tried(call: Callable[[], tuple[mmap.mmap, int]]) -> tuple[tuple[mmap.mmap, int] | None, str]:
    """The memory, or the reason why there is none."""
    try:
        return call(), ""
    except OSError as error:
        return None, error.strerror or type(error).__name__

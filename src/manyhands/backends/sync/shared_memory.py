"""`shared-memory`: the workers of one host average their gradients in memory that all of them map, instead of through sockets.

Each copies its gradients into a slot of its own, counts up, waits until all have counted, and sums the slots in order of rank, so all get
the same sum. There are two slots for each, used in turn: a worker that has counted for a step has read the slots of the step before.
"""

from __future__ import annotations

import os
from itertools import count
from threading import Lock
from time import sleep
from typing import TYPE_CHECKING, Any, ClassVar

from manyhands.backends.sync.mapped import Mapped, mapped_by_all
from manyhands.backends.sync.strategy import Site, Strategy
from manyhands.errors import EngineError, UsageError
from manyhands.measure.phases import now
from manyhands.plan import RunSpec

if TYPE_CHECKING:
    import torch
    from torch.nn.parallel import DistributedDataParallel

LINE = 64
"""Bytes of a line of the cache: two workers never write to one, and each gradient begins on one."""
SLOTS = 2
LOOKS = 100_000
"""Looks at a counter between two checks that the other workers live: about every tenth of a second."""
LEFT = -1
"""The count of a worker that has left, because it failed or was done."""
GRACE_S = 0.5
"""Wait before the error that another worker has left, so that the error of that one is the first."""
FENCE = Lock()
"""Taking it keeps a processor from moving reads and writes across it, as that of ARM may."""


class SharedMemory(Strategy):
    """One exchange after the backward pass, without a system call for each message."""

    name: ClassVar[str] = "shared-memory"
    summary: ClassVar[str] = "averages gradients after the backward pass in memory that all workers of one host map"
    exact: ClassVar[bool] = True
    wraps: ClassVar[bool] = False
    ran: ClassVar[str | None] = "mapped memory"

    def refuse(self, spec: RunSpec) -> str | None:
        if spec.nodes > 1:
            return "--sync shared-memory is for workers on one machine, not for --nodes; use another strategy"
        if spec.device != "cpu":
            return "--sync shared-memory is for gradients in the memory of processors; use --device cpu, or another strategy"
        return None

    def begin(self, site: Site, wrapped: DistributedDataParallel | None) -> torch.optim.Optimizer | None:
        import torch

        super().begin(site, wrapped)
        kinds = {weight.dtype for weight in site.weights}
        if len(kinds) != 1:
            raise UsageError(f"--sync shared-memory: {site.label} has weights of several types; use another strategy")
        kind = kinds.pop()
        places, size = _places(site.weights)
        counters = LINE * site.workers
        memory = mapped_by_all(site.rank, site.workers, counters + SLOTS * site.workers * size)

        def flat(place: int) -> torch.Tensor:
            return torch.frombuffer(memory.memory, dtype=kind, count=size // site.weights[0].element_size(), offset=place)

        def parts(whole: torch.Tensor) -> list[torch.Tensor]:
            return [whole[place : place + one.numel()].view_as(one) for place, one in zip(places, site.weights, strict=True)]

        self.memory: Mapped | None = memory
        self.counters: Any = torch.frombuffer(memory.memory, dtype=torch.int64, count=counters // 8, offset=0).numpy()[
            :: LINE // 8
        ]
        slots = [[flat(counters + (turn * site.workers + rank) * size) for rank in range(site.workers)] for turn in range(SLOTS)]
        self.slots = [(turn, parts(turn[site.rank])) for turn in slots]
        self.mean = torch.zeros_like(slots[0][0])
        self.gradients = parts(self.mean)
        self.steps = count(1)
        return None

    def exchange(self) -> None:
        import torch

        weights, step = self.site.weights, next(self.steps)
        slots, own = self.slots[step % SLOTS]
        with self.spending(), torch.no_grad():
            torch._foreach_copy_(own, [_gradient(weight) for weight in weights])
        with FENCE:
            self.counters[self.site.rank] = step
        began = now()
        self.wait(step)
        self.waited_s += now() - began
        with self.spending(), torch.no_grad():
            torch.add(slots[0], slots[1], out=self.mean)
            for slot in slots[2:]:
                self.mean.add_(slot)
            self.mean.div_(self.site.workers)
            for weight, gradient in zip(weights, self.gradients, strict=True):
                weight.grad = gradient

    def wait(self, step: int) -> None:
        """Returns when all workers have counted up to the step; raises EngineError when one has ended, left or takes too long."""
        assert self.memory is not None
        deadline = now() + self.site.spec.timeout_s
        for rank in range(self.site.workers):
            looks = 0
            while self.counters[rank] < step:
                os.sched_yield()
                looks += 1
                if looks % LOOKS == 0:
                    self.memory.check(rank)
                    if self.counters[rank] == LEFT:
                        sleep(GRACE_S)
                        raise EngineError(f"worker {rank} has stopped before the others")
                    if now() > deadline:
                        raise EngineError(f"worker {rank} did not give its gradients within {self.site.spec.timeout_s:g} s")
        with FENCE:
            pass

    def sent_bytes(self, steps: int) -> float:
        return float(steps * self.site.weight_bytes)

    def close(self) -> None:
        self.counters[self.site.rank] = LEFT  # its process may live on, as that of a worker of Dask does
        for weight in self.site.weights:
            weight.grad = None
        self.slots, self.gradients, self.counters, self.memory = [], [], None, None


def _places(weights: list[torch.nn.Parameter]) -> tuple[list[int], int]:
    """The place of each gradient in a slot, counted in numbers, and the bytes of a slot; each begins on a line of the cache."""
    places, bytes_so_far = [], 0
    for weight in weights:
        places.append(bytes_so_far // weight.element_size())
        bytes_so_far += -(-weight.numel() * weight.element_size() // LINE) * LINE
    return places, bytes_so_far


def _gradient(weight: torch.nn.Parameter) -> torch.Tensor:
    """The gradient of a weight; zeros for one that a step did not use."""
    import torch

    return torch.zeros_like(weight) if weight.grad is None else weight.grad

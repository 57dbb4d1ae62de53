"""Everything that the warm-up changes, kept before it and put back after it."""

from __future__ import annotations

import copy
import random
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from manyhands.backends.ranks.work import Work

if TYPE_CHECKING:
    import torch

State = tuple[Callable[[], Any], Callable[[Any], Any]]
"""The calls that read and write the state of a random generator."""
DEEPEST, LONGEST = 5, 100
"""The search for generators in a dataset ends at this depth, and leaves out lists that are longer: those hold rows."""


@dataclass(frozen=True)
class Kept:
    """State of weights, buffers, optimizer, schedule, and of the random generators that the data has for itself."""

    weights: dict[str, Any]
    buffers: list[tuple[torch.Tensor, torch.Tensor]]
    """Buffers that are no part of the weights, with their values."""
    optimizer: dict[str, Any]
    schedule: dict[str, Any] | None
    generators: list[Callable[[], None]]
    """Each puts one generator back."""

    @classmethod
    def before(cls, work: Work, optimizer: torch.optim.Optimizer) -> Kept:
        """The state now. `optimizer`: as the rank has wrapped it."""
        weights = work.bare.state_dict()
        saved = {value.data_ptr() for value in weights.values() if hasattr(value, "data_ptr")}
        return cls(
            copy.deepcopy(weights),
            [(buffer, buffer.clone()) for buffer in work.bare.buffers() if buffer.data_ptr() not in saved],
            copy.deepcopy(optimizer.state_dict()),
            copy.deepcopy(work.scheduler.state_dict()) if work.scheduler is not None else None,
            [back_to_now(state) for state in generators(work.data_state)],
        )

    def put_back(self, work: Work, optimizer: torch.optim.Optimizer) -> None:
        """Makes everything what it was."""
        work.bare.load_state_dict(self.weights)
        for buffer, value in self.buffers:
            buffer.copy_(value)
        optimizer.zero_grad()
        optimizer.load_state_dict(self.optimizer)
        if work.scheduler is not None and self.schedule is not None:
            work.scheduler.load_state_dict(self.schedule)
        for back in self.generators:
            back()


def seed_everything(seed: int) -> None:
    """Seeds the generators of Python, NumPy and torch."""
    import torch

    random.seed(seed)
    np.random.seed(seed % 2**32)  # users' code draws from this one
    torch.manual_seed(seed)


def generators(value: Any, depth: int = 0, seen: set[int] | None = None) -> Iterator[State]:
    """The states of the random generators that an object and its parts have for themselves."""
    seen = set() if seen is None else seen
    if depth > DEEPEST or id(value) in seen or isinstance(value, str | bytes | int | float | np.ndarray | type | None):
        return
    seen.add(id(value))
    if (state := _state(value)) is not None:
        yield state
        return
    parts = vars(value) if hasattr(value, "__dict__") else value
    if isinstance(parts, Mapping):
        parts = list(parts.values())
    if isinstance(parts, list | tuple) and len(parts) <= LONGEST:
        for one in parts:
            yield from generators(one, depth + 1, seen)


def back_to_now(state: State) -> Callable[[], None]:
    """A call that gives a generator the state that it has now."""
    read, write = state
    before = copy.deepcopy(read())
    return lambda: write(copy.deepcopy(before))


def _state(value: Any) -> State | None:
    """The calls that read and write the state of a generator; None for anything else."""
    import torch

    if isinstance(value, torch.Generator):
        return value.get_state, value.set_state
    if isinstance(value, random.Random):
        return value.getstate, value.setstate
    if isinstance(value, np.random.RandomState):
        return value.get_state, value.set_state
    if isinstance(value, np.random.Generator):
        bits = value.bit_generator
        return (lambda: bits.state), (lambda state: setattr(bits, "state", state))
    return None

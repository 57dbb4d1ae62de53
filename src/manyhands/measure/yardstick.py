"""Small fixed programs that every worker times before and after every epoch, outside `train`: how fast its process was just then.

Two launches of one program differ because their memory lies differently and because other things share the caches and memory of the
machine in those seconds. A fixed program in the same process, a moment earlier or later, meets the same conditions, so the ratio of
an epoch to it differs less from launch to launch than the epoch does.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from manyhands.measure.phases import now

Program = Callable[[], None]


class Yardstick:
    """The programs of one process, and the seconds that each took at every moment they were timed."""

    def __init__(self, names: Sequence[str]) -> None:
        """Makes the programs and runs each twice, so that its memory is there. Threads must be set before."""
        self.programs = {name: PROGRAMS[name]() for name in names}
        self.seconds: dict[str, list[float]] = {name: [] for name in names}
        for program in self.programs.values():
            program()
            program()

    @property
    def identity(self) -> str:
        """The names of the programs and their version: times of two versions are never compared."""
        return f"{' '.join(self.programs)} {version()}"

    def measure(self) -> None:
        """Times every program once, one after the other."""
        for name, program in self.programs.items():
            began = now()
            program()
            self.seconds[name].append(now() - began)


def version() -> str:
    """The version of the programs: the hash of this file."""
    return hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]


def network() -> Program:
    """Three steps of a small convolutional network on 32 images of 28 x 28 in torch: about 5 ms."""
    import torch
    from torch import nn

    own = torch.Generator().manual_seed(0)
    with torch.random.fork_rng(devices=()):
        torch.manual_seed(0)
        model = nn.Sequential(
            *(nn.Conv2d(1, 8, 3), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten()),
            *(nn.Linear(8 * 13 * 13, 32), nn.ReLU(), nn.Linear(32, 10)),
        )
    x, y = torch.randn(32, 1, 28, 28, generator=own), torch.arange(32) % 10
    loss = nn.CrossEntropyLoss()

    def steps() -> None:
        for _ in range(3):
            model.zero_grad()
            loss(model(x), y).backward()

    return steps


def matrix() -> Program:
    """Four products of matrices of 384 x 384 numbers of 32 bits in NumPy: about 4 ms."""
    import numpy as np

    left = np.random.default_rng(0).random((384, 384), dtype=np.float32)
    out = np.empty_like(left)

    def products() -> None:
        for _ in range(4):
            np.matmul(left, left, out=out)

    return products


def memory() -> Program:
    """Two copies of 32 MiB: about 5 ms."""
    import numpy as np

    source = np.ones(2**23, dtype=np.float32)
    copy = np.empty_like(source)

    def copies() -> None:
        for _ in range(2):
            np.copyto(copy, source)

    return copies


PROGRAMS: Mapping[str, Callable[[], Program]] = {"network": network, "matrix": matrix, "memory": memory}

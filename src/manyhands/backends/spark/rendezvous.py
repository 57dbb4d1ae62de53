"""The entry point by which torchrun finds the rendezvous of `spark`: group `torchrun.handlers`, variable PET_RDZV_BACKEND.

Every import of torch's rendezvous loads this file, so the file imports nothing heavy.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch.distributed.elastic.rendezvous import RendezvousHandler, RendezvousParameters

NAME = "manyhands-spark"
ON_DRIVER = "127.0.0.1:0"


def creator() -> Callable[[RendezvousParameters], RendezvousHandler]:
    """The function that makes the rendezvous; the entry point names this function."""
    return create


def create(parameters: RendezvousParameters) -> RendezvousHandler:
    """The rendezvous of one task; in local mode that of the driver, whose port is not chosen in advance."""
    if parameters.endpoint == ON_DRIVER:
        from manyhands.backends.ranks.loopback import create as loopback_rendezvous

        return loopback_rendezvous(parameters)
    from manyhands.backends.spark.task_rendezvous import task_rendezvous

    return task_rendezvous(parameters)

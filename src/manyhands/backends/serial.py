"""`serial`: one worker in this process, the base line. Its threads are set by `--threads`, one unless asked otherwise."""

from __future__ import annotations

from typing import ClassVar

from manyhands.backends.base import Backend, Fit
from manyhands.plan import RunSpec


class Serial(Backend):
    """No engine at all."""

    name: ClassVar[str] = "serial"
    summary: ClassVar[str] = "one process, no engine: the base line"
    libraries: ClassVar[tuple[str, ...]] = ()

    @classmethod
    def refuse(cls, spec: RunSpec) -> str | None:
        return None if spec.workers == 1 else "serial is one worker by definition; use --threads to give it more cores"

    def fit_network(self, spec: RunSpec) -> Fit:
        """Trains in this process."""
        from manyhands.backends._fit import network_fit
        from manyhands.backends._network_loop import check_device, train
        from manyhands.backends._rank import Rank

        return network_fit([train(Rank(check_device(spec)), spec)], spec)

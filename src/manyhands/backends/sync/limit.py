"""`limit`: no exchange at all. The time that no strategy can beat on this machine; never a result, because every worker has a model of its own."""

from __future__ import annotations

from typing import ClassVar

from manyhands.backends.sync.strategy import Strategy


class Limit(Strategy):
    """The strategy of the cells that `--limit` adds."""

    name: ClassVar[str] = "limit"
    summary: ClassVar[str] = "exchanges nothing: the time that no strategy can beat, never a result (see --limit)"
    wraps: ClassVar[bool] = False
    exchanges: ClassVar[bool] = False
    ran: ClassVar[str | None] = "no exchange"

    def sent_bytes(self, steps: int) -> float:
        return 0.0

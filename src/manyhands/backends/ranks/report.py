"""One rank's report on a run: about the worker itself, and about the run as a whole."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Self

from manyhands.measure.worker_report import WorkerReport

OF_THE_RUN = ("history", "init_sha256", "resolved", "quality", "data", "code")
"""Fields of a report about the run as a whole."""


@dataclass(frozen=True)
class RankReport:
    """The result of one rank. Between processes it is one flat dictionary of plain values."""

    worker: WorkerReport
    resolved: Mapping[str, Any]
    """The settings that were really used: strategy, device, world size, ..."""
    quality: Mapping[str, Any] = field(default_factory=dict)
    """Scores on the held-out rows; empty on all ranks but 0, which alone scores."""
    history: Sequence[Mapping[str, Any]] = ()
    """For each epoch: `epoch`, `loss_sum` over `rows` of this rank, `elapsed_s` of `train`, and scores where asked for."""
    data: Mapping[str, Any] = field(default_factory=dict)
    """The rows that were trained and scored on; empty where another rank describes them."""
    init_sha256: str | None = None
    """Hash of the initial weights; None when there are none."""
    code: Mapping[str, str] = field(default_factory=dict)
    """The user's files that this rank ran: path below the folder of the first -> sha256; empty when the code is ours."""

    def to_dict(self) -> dict[str, Any]:
        """The report as plain values, to be sent to another process."""
        return self.worker.to_dict() | {name: getattr(self, name) for name in OF_THE_RUN}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> Self:
        """The report that `to_dict` made."""
        return cls(WorkerReport.from_dict(values), **{name: values[name] for name in OF_THE_RUN if name in values})

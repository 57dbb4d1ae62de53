"""`rnn`: a recurrent network that reads an MNIST image row by row, 28 steps of 28 pixels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from manyhands.errors import UsageError
from manyhands.workloads._digits import DigitNetwork

if TYPE_CHECKING:
    import torch

CELLS = ("lstm", "gru", "rnn")


@dataclass(frozen=True)
class Rnn(DigitNetwork):
    """One recurrent layer of `hidden` units and a dense layer on its last step. A plain `rnn` cell learns far less."""

    name: ClassVar[str] = "rnn"
    summary: ClassVar[str] = "recurrent network reading MNIST images row by row"

    cell: str = "lstm"
    hidden: int = 64
    decay: float = 1.0
    """Factor for the learning rate after every epoch; 1 keeps it constant."""

    def __post_init__(self) -> None:
        if self.cell not in CELLS:
            raise UsageError(f"rnn cell={self.cell} is none of {', '.join(CELLS)}")
        if not 0 < self.decay <= 1:
            raise UsageError(f"rnn decay={self.decay:g} is not above 0 and at most 1")

    def learning_rate_at(self, epoch: int) -> float | None:
        return None if self.decay == 1.0 else self.learning_rate * self.decay ** (epoch - 1)

    def model(self) -> torch.nn.Module:
        from torch import nn

        from manyhands.workloads._layers import LastStep

        layer = {"lstm": nn.LSTM, "gru": nn.GRU, "rnn": nn.RNN}[self.cell]
        return nn.Sequential(LastStep(layer(28, self.hidden, batch_first=True)), nn.Linear(self.hidden, 10))

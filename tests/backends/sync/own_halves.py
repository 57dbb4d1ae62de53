"""A function of a user whose two workers train different weights of one model."""

import torch
import torch.distributed as dist
from torch import nn

from manyhands import Training


class Halves(nn.Module):
    """Each worker uses the layer of its rank, and all begin with zeros."""

    def __init__(self) -> None:
        super().__init__()
        self.layers = nn.ModuleList(nn.Linear(4, 1, bias=False) for _ in range(2))
        for layer in self.layers:
            nn.init.zeros_(layer.weight)

    def forward(self, rows: torch.Tensor) -> torch.Tensor:
        return self.layers[dist.get_rank()](rows)


def build() -> Training:
    model = Halves()
    return Training(
        model,
        torch.optim.SGD(model.parameters(), lr=0.1),
        list(torch.ones(128, 4)),
        lambda outputs, rows: (outputs - 1).square().mean(),
        batch_size=8,
        find_unused_parameters=True,
        evaluate=lambda model: {f"layer {place}": layer.weight.sum().item() for place, layer in enumerate(model.layers)},
    )

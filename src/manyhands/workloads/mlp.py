"""`mlp`: the deep multi-layer perceptron on MNIST, 784-128-512 x 9-10 with dropout.

With torch's default initialisation, ten ReLU layers make the signal so small that the network learns little; a published run of
this shape scored 0.1135, the share of one class. He initialisation keeps the size of the signal from layer to layer: He et al.,
"Delving Deep into Rectifiers", 2015.

Ten layers also amplify rounding: the sum of the same gradients in another order makes the losses of one and two workers differ
by about 1e-3 after two epochs in float32, and by only 2e-16 in float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from manyhands.workloads._digits import DigitNetwork

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Mlp(DigitNetwork):
    """One layer of 128 units and `layers` of 512, each with ReLU and dropout; 2.3 million weights."""

    name: ClassVar[str] = "mlp"
    summary: ClassVar[str] = "deep multi-layer perceptron on MNIST"

    learning_rate: float = 3e-4
    dropout: float = 0.2
    layers: int = 9
    he_initialisation: bool = True
    """False means torch's default weights, with which the network learns little."""

    def model(self) -> torch.nn.Module:
        from torch import nn

        modules: list[nn.Module] = [nn.Flatten()]
        for inputs, outputs in pairwise([784, 128, *[512] * self.layers]):
            linear = nn.Linear(inputs, outputs)
            if self.he_initialisation:
                nn.init.kaiming_normal_(linear.weight, nonlinearity="relu")
                nn.init.zeros_(linear.bias)
            modules += [linear, nn.ReLU(), nn.Dropout(self.dropout)]
        return nn.Sequential(*modules, nn.Linear(512, 10))

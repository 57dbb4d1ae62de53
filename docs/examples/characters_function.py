"""The transformer of `characters.py` as a function that manyhands trains: the script's loop, its groups and its ranks are not needed.

    manyhands run characters_function.py:build --backend serial,ddp,fabric-ddp,ray,spark,dask --workers 1,2 --steps 60
    manyhands run characters_function.py:build --workers 1,2 --loader-workers 0,1 --steps 60 --set layers=4

The arguments of `build` are what `--set` changes.
"""

from argparse import Namespace

import characters
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import Dataset

from manyhands import Training

Pair = tuple[torch.Tensor, torch.Tensor]
"""Letters, and for every one of them the next letter."""


class Windows(Dataset[Pair]):
    """Every stretch of the text that is `context` letters long."""

    def __init__(self, data: torch.Tensor, context: int) -> None:
        self.data, self.context = data, context

    def __len__(self) -> int:
        return len(self.data) - self.context

    def __getitem__(self, start: int) -> Pair:
        row = self.data[start : start + self.context + 1]
        return row[:-1], row[1:]


def loss(scores: torch.Tensor, batch: Pair) -> torch.Tensor:
    return F.cross_entropy(scores.flatten(0, 1), batch[1].flatten())


def build(width: int = 64, layers: int = 2, context: int = 32, rate: float = 3e-3, steps: int = 60) -> Training:
    """The network of the script with its data, its optimizer and its schedule of `steps` steps."""
    text = characters.read_text(None)
    letters = sorted(set(text))
    data = torch.tensor([letters.index(letter) for letter in text])
    train, held_out = data[: len(data) * 9 // 10], data[len(data) * 9 // 10 :]
    model = characters.Writer(len(letters), context, width, layers)
    optimizer = torch.optim.AdamW(model.parameters(), lr=rate, weight_decay=0.1)
    given = Namespace(lr=rate, steps=steps, batch=64, context=context)

    def evaluate(model: nn.Module) -> dict[str, float]:
        batch = characters.batch_of(held_out, given, seed=-1)
        return {"held_out_loss": loss(model(batch[0]), batch).item()}

    return Training(
        model,
        optimizer,
        Windows(train, context),
        loss,
        batch_size=8,
        accumulate=4,
        scheduler=torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: characters.rate_at(step, given) / rate),
        clip_norm=1.0,
        autocast="bfloat16",
        evaluate=evaluate,
    )

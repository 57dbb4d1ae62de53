"""Functions of a user, for tests: each builds a training that is unlike those of ours in some way."""

from typing import Any

import rows
import torch
import torch.distributed as dist
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, WeightedRandomSampler

from manyhands import Training


class Net(nn.Module):
    """A small network with dropout, a buffer that is no part of its weights, and outputs in a dictionary."""

    def __init__(self, dropout: float = 0.0, width: int = 8) -> None:
        super().__init__()
        self.first, self.drop, self.last = nn.Linear(4, width), nn.Dropout(dropout), nn.Linear(width, 3)
        self.calls: torch.Tensor
        self.register_buffer("calls", torch.zeros(()), persistent=False)

    def forward(self, x: torch.Tensor, y: torch.Tensor | None = None) -> dict[str, torch.Tensor]:
        self.calls += self.training
        scores = self.last(self.drop(torch.tanh(self.first(x)))) * (1 + self.calls * 1e-4)
        loss = {} if y is None else {"loss": F.cross_entropy(scores, y)}
        return {"scores": scores, **loss}


def cross_entropy(outputs: dict[str, torch.Tensor], batch: dict[str, torch.Tensor]) -> torch.Tensor:
    return F.cross_entropy(outputs["scores"], batch["y"])


def evaluate(model: nn.Module) -> dict[str, float]:
    data = rows.Digits()
    right = model(data.x)["scores"].argmax(1) == data.y
    return {
        "accuracy": right.float().mean().item(),
        "weights": sum(one.double().abs().sum().item() for one in model.parameters()),
    }


def full(dropout: float = 0.0, noisy: bool = False, accumulate: int = 2, processes: int = 0) -> Training:
    """Everything at once: batches in dictionaries, accumulation, clipping, a schedule for each step, a frozen weight."""
    model = Net(dropout)
    model.first.bias.requires_grad_(False)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.2, momentum=0.9)
    return Training(
        model,
        optimizer,
        rows.Digits(noisy=noisy),
        cross_entropy,
        inputs=lambda batch: batch["x"],
        batch_size=16,
        num_workers=processes,
        scheduler=torch.optim.lr_scheduler.OneCycleLR(optimizer, 0.4, total_steps=40),
        accumulate=accumulate,
        clip_norm=1.0,
        evaluate=evaluate,
    )


def own_loss(**changes: Any) -> Training:
    """A model that computes its own loss, in a DataLoader that leaves out the last rows; `changes`: of the Training."""
    model = Net()
    optimizer = torch.optim.AdamW(model.parameters(), lr=0.01)
    data = DataLoader(rows.Digits(), batch_size=32, shuffle=True, drop_last=True)
    return Training(model, optimizer, data, **changes)


def in_epochs() -> Training:
    """A schedule that moves once an epoch."""
    made = own_loss(scheduler_step="epoch")
    made.scheduler = torch.optim.lr_scheduler.StepLR(made.optimizer, 1, gamma=0.0)
    return made


def weighted() -> Training:
    """A DataLoader with a sampler of its own."""
    made = own_loss()
    made.data = DataLoader(rows.Digits(), batch_size=20, sampler=WeightedRandomSampler([1.0] * rows.ROWS, 100))
    return made


class Pairs(nn.Module):
    """Outputs in a tuple, tied weights in bfloat16."""

    def __init__(self) -> None:
        super().__init__()
        self.one, self.other = nn.Linear(4, 4), nn.Linear(4, 4)
        self.other.weight = self.one.weight
        self.last = nn.Linear(4, 3)

    def forward(self, x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        seen = torch.tanh(self.other(torch.tanh(self.one(x))))
        return self.last(seen), seen


def of_pairs(outputs: tuple[torch.Tensor, torch.Tensor], batch: tuple[torch.Tensor, torch.Tensor]) -> torch.Tensor:
    return F.cross_entropy(outputs[0].float(), batch[1]) + outputs[1].float().square().mean()


def as_it_comes(rows_of_one: int = 100, more: int = 0, divided: bool = True) -> Training:
    """Data that are iterated over; the second worker has `more` of them. Tied weights in bfloat16, and autocast."""
    model = Pairs().to(torch.bfloat16)
    rank, workers = (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() and divided else (0, 1)
    data = rows.Shuffled(rows_of_one * workers + rank * more, rank, workers)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    return Training(
        model, optimizer, data, of_pairs, batch_size=20, autocast="bfloat16", inputs=lambda batch: batch[0].bfloat16()
    )


def plain(model: nn.Module, loss: Any = None, data: Any = None, **more: Any) -> Training:
    """A training on pairs of a row and its class."""
    pairs = [(x, y) for x, y in zip(rows.Digits(64).x, rows.Digits(64).y, strict=True)]
    optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
    loss = loss or (lambda outputs, batch: F.cross_entropy(outputs, batch[1]))
    return Training(model, optimizer, pairs if data is None else data, loss, batch_size=16, **more)


def summed() -> Training:
    return plain(nn.Linear(4, 3), lambda outputs, batch: F.cross_entropy(outputs, batch[1], reduction="sum"))


def normalised() -> Training:
    return plain(nn.Sequential(nn.Linear(4, 8), nn.BatchNorm1d(8), nn.Linear(8, 3)))


class Idle(nn.Linear):
    """A layer with a weight that takes no part."""

    def __init__(self) -> None:
        super().__init__(4, 3)
        self.idle = nn.Parameter(torch.zeros(2))


def idle(find: bool = False) -> Training:
    return plain(Idle(), find_unused_parameters=find)


def diverging() -> Training:
    """Its loss is a number in the first epoch of four steps alone; the warm-up has asked for it five times before."""
    steps = iter(range(1000))
    return plain(nn.Linear(4, 3), lambda outputs, batch: outputs.square().mean() * (1.0 if next(steps) < 9 else float("nan")))


def no_scalar() -> Training:
    return plain(nn.Linear(4, 3), lambda outputs, batch: F.cross_entropy(outputs, batch[1], reduction="none"))


def no_tensor() -> Training:
    return plain(nn.Linear(4, 3), lambda outputs, batch: 1.0)


def detached() -> Training:
    return plain(nn.Linear(4, 3), lambda outputs, batch: outputs.detach().mean())


def other_optimizer() -> Training:
    return Training(nn.Linear(4, 3), torch.optim.SGD([torch.zeros(1)], 0.1), rows.Digits())


def loss_missing() -> Training:
    model = nn.LSTM(4, 3)
    return Training(model, torch.optim.SGD(model.parameters(), 0.1), rows.Digits(), inputs=lambda batch: batch["x"])


def few() -> Training:
    return plain(nn.Linear(4, 3), data=[(torch.ones(4), 0)])


def empty() -> Training:
    return plain(nn.Linear(4, 3), data=iter(()))


def number() -> Training:
    return plain(nn.Linear(4, 3), data=7)


def odd_scores() -> Training:
    return plain(nn.Linear(4, 3), evaluate=lambda model: 0.97)


def nothing() -> None:
    pass


def half() -> Training:
    return plain(nn.Linear(4, 3), autocast="float16")


def plateau() -> Training:
    made = plain(nn.Linear(4, 3), scheduler_step="epoch")
    made.scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(made.optimizer)
    return made


def wrong_step() -> Training:
    return plain(nn.Linear(4, 3), scheduler_step="batch")


def raising() -> Training:
    raise ValueError("a mistake of this function's own")


def needs(width: int) -> Training:
    return plain(nn.Linear(4, width))


NUMBER = 7

"""The `train` phase of `serial` for a function over a bare loop that trains the same: `python benchmarks/function_cost.py [FILE:NAME] [STEPS]`.

Both run in this process with one thread, in pairs, in turn and in random order. The bare loop has the same model, optimizer, DataLoader and
order of rows. Printed: the median ratio with its quartiles (target: 1.02).
"""

from __future__ import annotations

import os
import random
import statistics
import sys
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from torch.utils.data import DataLoader

from manyhands.backends.ranks.epoch import WARMUP_STEPS
from manyhands.backends.ranks.loop import train
from manyhands.backends.ranks.rank import Rank
from manyhands.data.partition import epoch_order
from manyhands.measure.phases import now
from manyhands.measure.threads import set_threads
from manyhands.plan import RunSpec
from manyhands.training import Training
from manyhands.user_files import load

PAIRS = 9
EXAMPLE = Path(__file__).parents[1] / "docs" / "examples" / "characters_function.py"


def bare_s(name: str, steps: int) -> float:
    """Seconds of the steps in the shortest loop that makes them, after as many warm-up steps as `serial` has."""
    torch.manual_seed(0)
    made: Training = load(name)()
    made.model.train()
    batches = _batches(made)
    _steps(made, islice(batches, WARMUP_STEPS * made.accumulate))
    began = now()
    _steps(made, islice(batches, steps * made.accumulate))
    return now() - began


def _batches(made: Training) -> Iterator[Any]:
    """The batches of epoch after epoch."""
    data: Any = made.data
    size, epoch = made.batch_size or 64, 1
    while True:
        order = epoch_order(len(data), 0, epoch).tolist()
        yield from DataLoader(data, batch_size=size, sampler=order, collate_fn=made.collate)
        epoch += 1


def _steps(made: Training, batches: Iterator[Any]) -> None:
    assert made.loss
    autocast = torch.autocast("cpu", torch.bfloat16) if made.autocast else nullcontext()
    while group := list(islice(batches, made.accumulate)):
        made.optimizer.zero_grad()
        for batch in group:
            with autocast:
                loss = made.loss(made.model(batch[0]), batch)
            (loss / len(group)).backward()  # type: ignore[no-untyped-call]
        if made.clip_norm is not None:
            torch.nn.utils.clip_grad_norm_(made.model.parameters(), made.clip_norm)
        made.optimizer.step()
        if made.scheduler is not None:
            made.scheduler.step()


def ours_s(name: str, steps: int) -> float:
    """Seconds of the phase `train` of the same steps."""
    spec = RunSpec(workload=name, backend="serial", batch_size=None, steps=steps, yardstick=("none",))
    return train(Rank(), spec).worker.phases["train_s"] or 0.0


def main(name: str, steps: int) -> None:
    """Measures the pairs and prints the result."""
    set_threads(1, os.environ)
    measures = {"bare": bare_s, "ours": ours_s}
    for measure in measures.values():
        measure(name, steps)
    ratios = []
    for _ in range(PAIRS):
        seconds = {one: measures[one](name, steps) for one in random.sample(sorted(measures), 2)}
        ratios.append(seconds["ours"] / seconds["bare"])
    low, median, high = statistics.quantiles(ratios, n=4)
    print(f"train over the bare loop: {median:.4f}, quartiles {low:.4f} to {high:.4f}, {PAIRS} pairs of {steps} steps")


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else f"{EXAMPLE}:build", int(sys.argv[2]) if len(sys.argv) > 2 else 60)

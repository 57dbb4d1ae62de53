"""The `train` phase of `serial` for a function over a bare loop that trains the same.

    python -m benchmarks.function_cost --pairs 40 --out docs/results/function-cost.json docs/examples/characters_function.py:build

Both run in this process with one thread, in pairs, in turn and in random order. The bare loop has the same model, optimizer, DataLoader and
order of rows. Printed: the median ratio with its 95 % interval (target: 1.02).
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
from collections.abc import Iterator
from contextlib import nullcontext
from itertools import islice
from pathlib import Path
from typing import Any

import torch
from benchmarks.script_cost import median_of
from torch.utils.data import DataLoader

from manyhands.backends.ranks.epoch import WARMUP_STEPS
from manyhands.backends.ranks.loop import train
from manyhands.backends.ranks.rank import Rank
from manyhands.data.partition import epoch_order
from manyhands.machine import describe_code, describe_machine, installed_versions
from manyhands.measure.phases import now
from manyhands.measure.threads import set_threads
from manyhands.plan import RunSpec
from manyhands.training import Training
from manyhands.user_files import load

EXAMPLE = "docs/examples/characters_function.py:build"


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


def main(name: str, steps: int, count: int, out: Path | None) -> None:
    """Measures the pairs, prints the result, and keeps all values."""
    set_threads(1, os.environ)
    measures = {"bare": bare_s, "ours": ours_s}
    for measure in measures.values():
        measure(name, steps)
    pairs = []
    for _ in range(count):
        seconds = {one: measures[one](name, steps) for one in random.sample(sorted(measures), 2)}
        pairs.append((seconds["bare"], seconds["ours"]))
    low, ratio, high = median_of([ours / bare for bare, ours in pairs])
    bare = statistics.median(bare for bare, _ in pairs)
    print(f"train over the bare loop: {ratio:.4f} x [{low:.4f}, {high:.4f}] of {bare:.3f} s, {count} pairs of {steps} steps")
    if out:
        about = {"machine": describe_machine(), "versions": installed_versions(), "code": describe_code()}
        found = {"function": name, "steps": steps, "train_s": [[round(one, 6) for one in pair] for pair in pairs]}
        out.write_text(f"{json.dumps(about | found)}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="time that manyhands adds to a function's training")
    parser.add_argument("--pairs", type=int, default=40)
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--out", type=Path)
    parser.add_argument("function", nargs="?", default=EXAMPLE, metavar="FILE:NAME")
    given = parser.parse_args()
    main(given.function, given.steps, given.pairs, given.out)

"""A look at a user's training in a process of its own: `python -m manyhands.checking.look SPEC OUT` writes its facts to OUT."""

from __future__ import annotations

import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.checking.facts import Facts
from manyhands.plan import RunSpec
from manyhands.plugins import workload_class
from manyhands.workloads.kinds.function import FunctionWorkload
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch


def look(spec: RunSpec) -> Facts:
    """The facts about the training of a spec."""
    from manyhands.backends.ranks.kept import seed_everything

    workload = workload_class(spec.workload).from_settings(spec.settings)
    seed_everything(spec.seed)
    if isinstance(workload, NetworkWorkload):
        return Facts(dropouts=dropouts(workload.model()))
    assert isinstance(workload, FunctionWorkload)
    training = workload.training()
    return Facts(
        dropouts=dropouts(training.model),
        random_rows=differs(getattr(training.data, "dataset", training.data)),
        scheduler_per_step=training.scheduler is not None and training.scheduler_step == "step",
    )


def dropouts(model: torch.nn.Module) -> int:
    """Layers that drop values at random."""
    from torch.nn.modules.dropout import _DropoutNd

    return sum(isinstance(layer, _DropoutNd) and layer.p > 0 for layer in model.modules())


def differs(rows: Any) -> bool:
    """True when the first row is another one when it is asked for again; False for data without `[]`."""
    with suppress(Exception):  # rows without a number, or none at all: the runs say what is wrong
        return not same(rows[0], rows[0])
    return False


def same(one: Any, other: Any) -> bool:
    """True when two rows are equal: tensors, arrays, and collections of them."""
    import numpy as np
    import torch

    if isinstance(one, torch.Tensor):
        return bool(torch.equal(torch.nan_to_num(one), torch.nan_to_num(other)))
    if isinstance(one, np.ndarray):
        return bool(np.array_equal(one, other, equal_nan=one.dtype.kind == "f"))
    if isinstance(one, Mapping):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list | tuple):
        return len(one) == len(other) and all(map(same, one, other))
    comparable = any("__eq__" in vars(cls) for cls in type(one).__mro__[:-1])
    return not comparable or bool(one == other)


def main(spec: str, out: str) -> None:
    """`spec`: as JSON. The file is written whole, when all has been seen."""
    facts = look(RunSpec.from_dict(json.loads(spec)))
    partial = Path(out).with_suffix(".partial")
    partial.write_text(json.dumps(facts.to_dict()))
    partial.replace(out)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""Checks of a `Training` and of what its functions give: each mistake is one line that names the function."""

from __future__ import annotations

from typing import Any

from manyhands.errors import UsageError
from manyhands.training import Training


def check(training: Training, label: str) -> None:
    """Raises UsageError with what is wrong in a Training."""
    import torch
    from torch.optim.lr_scheduler import ReduceLROnPlateau

    if not isinstance(training.model, torch.nn.Module):
        raise UsageError(f"{label}: model is a {type(training.model).__name__}, not a torch.nn.Module")
    if isinstance(training.model, torch.nn.parallel.DistributedDataParallel):
        raise UsageError(f"{label}: model is wrapped in DistributedDataParallel already; give the model itself")
    if not isinstance(training.optimizer, torch.optim.Optimizer):
        raise UsageError(f"{label}: optimizer is a {type(training.optimizer).__name__}, not a torch.optim.Optimizer")
    own = {id(weight) for weight in training.model.parameters()}
    if not any(id(weight) in own for group in training.optimizer.param_groups for weight in group["params"]):
        raise UsageError(f"{label}: optimizer has no parameter of model; make it from model.parameters() of this same model")
    if isinstance(training.scheduler, ReduceLROnPlateau):
        raise UsageError(f"{label}: ReduceLROnPlateau needs a score after each epoch; give a schedule that needs none")
    if training.scheduler is not None and training.scheduler.optimizer is not training.optimizer:
        raise UsageError(f"{label}: scheduler is of another optimizer; make it from the one that is returned")


def dtype_of(given: Any, label: str) -> Any:
    """The type of autocast; raises UsageError for one that cannot be trained with."""
    import torch

    found = getattr(torch, given, None) if isinstance(given, str) else given
    if given is not None and found is not torch.bfloat16:
        raise UsageError(f"{label}: autocast={given!r}; allowed: 'bfloat16', which needs no scaling of gradients, or None")
    return found


def quality_of(given: Any, label: str) -> dict[str, float]:
    """The scores as numbers; raises UsageError when they are none."""
    try:
        return {str(name): float(value) for name, value in given.items()}
    except (AttributeError, TypeError, ValueError):
        raise UsageError(
            f"{label}: evaluate gave {str(given)[:80]!r}; return a mapping of names to numbers, such as {{'accuracy': 0.97}}"
        ) from None

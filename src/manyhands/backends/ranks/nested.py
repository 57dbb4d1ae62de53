"""Batches of any form - tensors in tuples, lists and mappings, in each other - looked at as a whole."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def mapped(value: Any, change: Callable[[torch.Tensor], Any]) -> Any:
    """The same form with every tensor changed; all else as it is."""
    import torch

    if isinstance(value, torch.Tensor):
        return change(value)
    if isinstance(value, Mapping):
        changed = {key: mapped(item, change) for key, item in value.items()}
        return changed if type(value) is dict else _like(value, changed)
    if isinstance(value, tuple) and hasattr(value, "_fields"):
        return type(value)(*(mapped(item, change) for item in value))
    if isinstance(value, list | tuple):
        return type(value)(mapped(item, change) for item in value)
    return value


def _like(value: Mapping[Any, Any], changed: dict[Any, Any]) -> Any:
    """A mapping of the same class where that can be made of a dictionary, as a library's outputs can."""
    try:
        return type(value)(changed)  # type: ignore[call-arg]  # a class of a library
    except TypeError:
        return changed


def to_device(batch: Any, device: str) -> Any:
    """The batch on a device."""
    return batch if device == "cpu" else mapped(batch, lambda one: one.to(device, non_blocking=True))


def tensors(value: Any) -> Iterator[torch.Tensor]:
    """All tensors, in order."""
    import torch

    if isinstance(value, torch.Tensor):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from tensors(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from tensors(item)


def rows_of(batch: Any) -> int:
    """Rows of a batch: the length of its first tensor, or of the batch itself; 1 for anything else."""
    first = next((one for one in tensors(batch) if one.dim()), None)
    if first is not None:
        return len(first)
    return len(batch) if isinstance(batch, list | tuple) else 1


def part(value: Any, rows: int, chosen: slice) -> Any:
    """The chosen rows of every tensor that has `rows` of them."""
    return mapped(value, lambda one: one[chosen] if one.dim() and len(one) == rows else one)


def fingerprint(batch: Any) -> int:
    """A number that two equal batches share, and hardly any others."""
    import torch

    digest = hashlib.sha256()
    for one in tensors(batch):
        digest.update(one.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return int.from_bytes(digest.digest()[:7])

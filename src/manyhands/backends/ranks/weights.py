"""Facts about a model from its weights alone: their hash, their size, and layers that do not train alike on more workers."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import torch


def state_sha256(model: torch.nn.Module) -> str:
    """Hash of all weights, in order of their names."""
    import torch

    digest = hashlib.sha256()
    for name, value in sorted(model.state_dict().items()):
        digest.update(name.encode())
        if isinstance(value, torch.Tensor):  # a model may keep other things beside its weights
            digest.update(value.detach().cpu().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes())
    return digest.hexdigest()


def size_of_weights(model: torch.nn.Module) -> dict[str, Any]:
    """Number and bytes of the weights, each shared one once, and of those that are not trained, where there are any."""
    weights = list(model.parameters())
    frozen = sum(weight.numel() for weight in weights if not weight.requires_grad)
    return {
        "parameters": sum(weight.numel() for weight in weights),
        "parameter_bytes": sum(weight.numel() * weight.element_size() for weight in weights),
    } | ({"frozen_parameters": frozen} if frozen else {})


def uneven_layers(model: torch.nn.Module) -> list[str]:
    """A line when the model has layers that learn from the rows of their own worker alone; empty for other models."""
    from torch.nn.modules.batchnorm import SyncBatchNorm, _BatchNorm

    if any(isinstance(layer, _BatchNorm) and not isinstance(layer, SyncBatchNorm) for layer in model.modules()):
        return [
            "BatchNorm takes its statistics from the rows of each worker alone, so losses need not agree between worker counts;"
            " torch.nn.SyncBatchNorm (GPUs) or GroupNorm do not"
        ]
    return []

"""A trained network as bytes: its weights, its workload and its settings. Files are read with `weights_only=True`.

So a file cannot contain code: torch.load accepts only tensors, numbers, text and plain containers.
"""

from __future__ import annotations

import io
import warnings
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from manyhands.errors import DataError, UsageError

if TYPE_CHECKING:
    import torch

    from manyhands.workloads.kinds.network import NetworkWorkload

FORMAT = 1


@dataclass(frozen=True)
class Model:
    """The content of a model file."""

    workload: str
    """Name of the workload that was trained."""
    settings: dict[str, Any]
    """All settings of the workload."""
    weights: dict[str, torch.Tensor]


def pack(workload: NetworkWorkload, model: torch.nn.Module) -> bytes:
    """The bytes of a model file; `model` is the plain network, without a backend's wrapper."""
    import torch

    weights = {name: value.detach().cpu() for name, value in model.state_dict().items()}
    settings = {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(workload).items()}
    content = io.BytesIO()
    torch.save({"format": FORMAT, "workload": workload.name, "settings": settings, "state_dict": weights}, content)
    return content.getvalue()


def unpack(content: bytes | memoryview, place: str) -> Model:
    """The model in the bytes of a file; raises DataError that names `place` when the file is damaged or not from manyhands."""
    import torch

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch says about an odd file makes no difference: a bad one is refused below
            found = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception:  # a damaged file makes torch's reader raise errors of every kind
        raise DataError(
            f"{place} is not a model that can be loaded with weights only; make one with 'manyhands run --save'"
        ) from None
    if not isinstance(found, dict) or not {"format", "workload", "settings", "state_dict"} <= set(found):
        raise DataError(f"{place} holds no model of manyhands; make one with 'manyhands run --save'")
    if found["format"] != FORMAT:
        raise DataError(
            f"{place}: model format {found['format']} is unknown; this version reads format {FORMAT}: upgrade manyhands"
        )
    settings, weights = found["settings"], found["state_dict"]
    if not (isinstance(settings, dict) and isinstance(weights, dict) and all(map(torch.is_tensor, weights.values()))):
        raise DataError(f"{place}: its settings are not a map, or its weights are not tensors; train it again")
    return Model(str(found["workload"]), dict(settings), dict(weights))


def restore(model: Model, workload_class: type[NetworkWorkload], place: str) -> tuple[NetworkWorkload, torch.nn.Module]:
    """The workload with the model's settings, and the network with its weights.

    Raises UsageError when the model is of another workload, DataError when weights and network do not fit.
    """
    if model.workload != workload_class.name:
        raise UsageError(
            f"{place} is a model of {model.workload!r}, not of {workload_class.name!r}; use --workload {model.workload}"
        )
    workload = workload_class.from_settings(model.settings)
    try:
        network = _no_larger(workload, sum(value.numel() for value in model.weights.values()))
        network.load_state_dict(model.weights)
    except (RuntimeError, ValueError, TypeError, OverflowError, AttributeError, MemoryError):
        raise DataError(f"{place}: its weights do not fit the network of {workload_class.name}; train it again") from None
    return workload, network


def _no_larger(workload: NetworkWorkload, room: int) -> torch.nn.Module:
    """The network; raises ValueError as soon as it has more than `room` weights: damaged settings could ask for any size."""
    from torch.nn.modules.module import register_module_parameter_registration_hook

    def count(module: torch.nn.Module, name: str, weights: torch.nn.Parameter) -> None:
        nonlocal room
        room -= weights.numel()
        if room < 0:
            raise ValueError("more weights than in the file")

    counting = register_module_parameter_registration_hook(count)
    try:
        return workload.model()
    finally:
        counting.remove()

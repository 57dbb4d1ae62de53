"""The data of a `Training` as batches: dealt out or taken as they come, and by which DataLoader."""

from __future__ import annotations

from dataclasses import replace
from multiprocessing import get_start_method
from typing import TYPE_CHECKING, Any

from manyhands.backends.ranks.dealt import Dealt
from manyhands.backends.ranks.rank import Rank
from manyhands.backends.ranks.stream import Stream
from manyhands.errors import UsageError
from manyhands.plan import DEFAULT_BATCH, RunSpec
from manyhands.training import Training

if TYPE_CHECKING:
    from torch.utils.data import DataLoader

FORK = "fork"
OF_PROCESSES = ("prefetch_factor", "persistent_workers", "multiprocessing_context", "timeout", "worker_init_fn")
"""Arguments of a DataLoader that has processes."""


def with_batch_size(spec: RunSpec, training: Training, label: str) -> RunSpec:
    """The spec with the batch size that the training has, where none was given; None where it is not known.

    Raises UsageError when it does not split over the workers, and when one is given for batches that come as they are.
    """
    from torch.utils.data import DataLoader

    data = training.data
    if not isinstance(data, DataLoader):
        return spec if spec.batch_size is not None else replace(spec, batch_size=training.batch_size or DEFAULT_BATCH)
    if is_map(data.dataset) and has_plain_sampler(data):
        return spec if spec.batch_size is not None else replace(spec, batch_size=data.batch_size)
    if spec.batch_size is not None:
        raise UsageError(f"{label}: --batch-size would not reach its DataLoader, which makes its own batches; leave it out")
    return replace(spec, batch="per-worker", batch_size=data.batch_size)


def batches_of(training: Training, label: str, rank: Rank, spec: RunSpec) -> Dealt | Stream:
    """The batches of this worker. `spec`: with its batch size; raises UsageError for data that are none."""
    from torch.utils.data import DataLoader, default_collate

    data = training.data
    if isinstance(data, DataLoader):
        return of_loader(data, label, rank, spec)
    processes = training.num_workers if spec.loader_workers is None else spec.loader_workers
    collate = training.collate or default_collate
    if is_map(data):
        return Dealt(data, collate, with_context({"num_workers": processes}), rank, spec)
    if not hasattr(data, "__iter__"):
        raise UsageError(f"{label}: data is a {type(data).__name__}; give a torch Dataset or a DataLoader")
    settings = with_context({"num_workers": processes})
    loader: DataLoader[Any] = DataLoader(_iterable(data), batch_size=spec.worker_batch_size, collate_fn=collate, **settings)
    return Stream(loader, label, rank, spec)


def of_loader(loader: DataLoader[Any], label: str, rank: Rank, spec: RunSpec) -> Dealt | Stream:
    """The batches of a user's DataLoader: its rows are dealt out unless it has a sampler of its own."""
    settings: dict[str, Any] = {"num_workers": loader.num_workers, "pin_memory": loader.pin_memory}
    if spec.loader_workers is not None:
        settings["num_workers"] = spec.loader_workers
    if settings["num_workers"]:
        settings = with_context(settings | {name: value for name in OF_PROCESSES if (value := getattr(loader, name)) is not None})
    if is_map(loader.dataset) and has_plain_sampler(loader):
        return Dealt(loader.dataset, loader.collate_fn, settings, rank, spec, whole=loader.drop_last)
    if settings["num_workers"] == loader.num_workers and (not loader.num_workers or get_start_method() == FORK):
        return Stream(loader, label, rank, spec)
    return Stream(with_settings(loader, settings), label, rank, spec)


def with_context(settings: dict[str, Any]) -> dict[str, Any]:
    """The settings with processes that are forked, unless others are given: workers of Dask would start them anew.

    A process that starts anew must import everything that it is given, which it cannot for functions of a user's file.
    """
    return {"multiprocessing_context": FORK, **settings} if settings["num_workers"] else settings


def with_settings(loader: DataLoader[Any], settings: dict[str, Any]) -> DataLoader[Any]:
    """The same loader with another number of processes."""
    from torch.utils.data import DataLoader, IterableDataset

    chosen: dict[str, Any] = {"batch_sampler": loader.batch_sampler}
    if loader.batch_sampler is None or isinstance(loader.dataset, IterableDataset):
        sampler = None if isinstance(loader.dataset, IterableDataset) else loader.sampler
        chosen = {"batch_size": loader.batch_size, "drop_last": loader.drop_last, "sampler": sampler}
    return DataLoader(loader.dataset, collate_fn=loader.collate_fn, generator=loader.generator, **chosen, **settings)


def is_map(data: Any) -> bool:
    """True for data with a length and rows by their numbers."""
    from torch.utils.data import IterableDataset

    return not isinstance(data, IterableDataset) and hasattr(data, "__getitem__") and hasattr(data, "__len__")


def has_plain_sampler(loader: DataLoader[Any]) -> bool:
    """True when a loader takes every row once an epoch, in order or shuffled, and makes batches of them."""
    from torch.utils.data import BatchSampler, DistributedSampler, RandomSampler, SequentialSampler

    sampler = loader.sampler
    if type(loader.batch_sampler) is not BatchSampler or loader.batch_size is None:
        return False
    if type(sampler) is RandomSampler:
        return not sampler.replacement and sampler.num_samples == len(sampler.data_source)
    return type(sampler) in (SequentialSampler, DistributedSampler)


def _iterable(data: Any) -> Any:
    """The data as torch's IterableDataset, which a DataLoader iterates over."""
    from torch.utils.data import IterableDataset

    if isinstance(data, IterableDataset):
        return data

    class Iterated(IterableDataset[Any]):
        def __iter__(self) -> Any:
            return iter(data)

    return Iterated()

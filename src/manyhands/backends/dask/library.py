"""Dask's modules as `Any`, because their type annotations are incomplete."""

from __future__ import annotations

from typing import Any


def distributed_module() -> Any:
    """The module `distributed`."""
    import distributed

    return distributed


def array_module() -> Any:
    """The module `dask.array`."""
    import dask.array

    return dask.array

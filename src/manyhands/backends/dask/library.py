"""Dask's modules without their annotations, which cover a part of them only."""

from __future__ import annotations

from typing import Any


def distributed_module() -> Any:
    """`distributed`."""
    import distributed

    return distributed


def array_module() -> Any:
    """`dask.array`."""
    import dask.array

    return dask.array

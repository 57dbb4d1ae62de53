"""The file that carries arrays prepared by Spark from the driver to the workers; Spark sends it with the tasks."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import numpy as np

from manyhands.errors import DataError
from manyhands.machine import host_name
from manyhands.workloads.arrays import Arrays

ARRAYS = tuple(field.name for field in fields(Arrays) if field.name not in ("source", "extra"))
EXTRA = "extra_"


def write_arrays(path: Path, arrays: Arrays) -> None:
    """Writes every array of `arrays`, the extra arrays for scoring too, without compression."""
    extra = {EXTRA + name: value for name, value in arrays.extra.items()}
    np.savez(path, allow_pickle=False, source=arrays.source, **{name: getattr(arrays, name) for name in ARRAYS}, **extra)


def read_arrays(path: Path) -> Arrays:
    """The arrays that `write_arrays` wrote to `path`."""
    with np.load(path, allow_pickle=False) as held:
        extra = {name.removeprefix(EXTRA): held[name] for name in held.files if name.startswith(EXTRA)}
        return Arrays(source=str(held["source"]), extra=extra, **{name: held[name] for name in ARRAYS})


def find_file(path: Path) -> Path:
    """The file at the driver's path, or the copy that Spark put into the working folder of an executor on another machine.

    Raises DataError when neither exists.
    """
    found = next((place for place in (path, Path(path.name)) if place.is_file()), None)
    if found is None:
        raise DataError(
            f"{host_name()} did not receive {path.name}, the rows that Spark has prepared; leave out --windows-by spark"
        )
    return found

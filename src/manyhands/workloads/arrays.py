"""`Arrays`: the rows that a network is trained on and scored on, in memory, with their source and their hash."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data.fetch_request import Share
from manyhands.errors import DataError


@dataclass(frozen=True)
class Arrays:
    """Training rows and held-out rows. `x_*`: (rows, ...), `y_*`: (rows,)."""

    x_train: NDArray[Any]
    y_train: NDArray[Any]
    x_test: NDArray[Any]
    y_test: NDArray[Any]
    source: str
    extra: Mapping[str, Any] = field(default_factory=dict)
    """Other values that the workload's own `score` needs beside `y_test`."""

    def training_rows(self, samples: int | None) -> Arrays:
        """The same arrays with `samples` training rows; None keeps all rows.

        Every run draws the same rows, and a smaller draw is part of a larger one. Raises DataError when there are fewer rows.
        """
        have = len(self.x_train)
        if samples is None:
            return self
        if samples > have:
            raise DataError(f"{self.source} has {have} training rows, {samples} were asked for; use fewer --samples")
        rows = np.random.default_rng(0).permutation(have)[:samples]
        return Arrays(self.x_train[rows], self.y_train[rows], self.x_test, self.y_test, self.source, self.extra)

    def shared_rows(self, share: Share) -> Arrays:
        """The same arrays with only the training rows of one worker's share."""
        rows = share.rows(len(self.x_train), self.source)
        mine = slice(rows.start, rows.stop)
        return replace(self, x_train=self.x_train[mine], y_train=self.y_train[mine])

    def describe(self, name: str) -> dict[str, Any]:
        """The fields of the record on data: the data set's `name`, its source, and number and hash of training and held-out rows."""
        digest = hashlib.sha256()
        for array in (self.x_train, self.y_train, self.x_test, self.y_test):
            digest.update(np.ascontiguousarray(array).data)
        rows = {"train": len(self.x_train), "test": len(self.x_test)}
        return {"name": name, "source": self.source, "sha256": digest.hexdigest(), "rows": rows}


@dataclass(frozen=True)
class Fetched:
    """The rows that one process fetched from a store."""

    arrays: Arrays
    """Holds only the rows that were requested."""
    rows: int
    """Training rows of the whole data set."""

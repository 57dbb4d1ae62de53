"""`lstm`: predicts the next day's closing price from 60 days of five features, with two LSTM layers of 50 units.

Its errors are shown beside those of the naive forecast "tomorrow = today", which is hard to beat on daily prices.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

import numpy as np
from numpy.typing import NDArray

from manyhands.data.stocks import Windows, load_windows
from manyhands.data.store.base import Store
from manyhands.data.store.multipart_files import StoredFile
from manyhands.data.store.prices import stored_prices
from manyhands.workloads.arrays import Arrays
from manyhands.workloads.kinds.network import NetworkWorkload

if TYPE_CHECKING:
    import torch


@dataclass(frozen=True)
class Lstm(NetworkWorkload):
    """Trained with the mean squared error of standardised prices; scored in percent and in the unit of the prices."""

    name: ClassVar[str] = "lstm"
    summary: ClassVar[str] = "two-layer LSTM on S&P 500 prices"
    data: ClassVar[str] = "stocks"
    quality: ClassVar[str] = "mape_percent"

    window: int = 60
    hidden: int = 50
    dropout: float = 0.2
    symbols: tuple[str, ...] = ()
    """Symbols to read; empty means all symbols in the file."""
    file: str = ""
    """Name of the CSV file in the data folder; empty means the first known file."""

    def load(self, data_dir: Path | None) -> Arrays:
        return self.arrays(load_windows(data_dir, self.window, self.symbols, self.file or None))

    def stored_files(self, store: Store) -> list[StoredFile]:
        return [stored_prices(store, self.file or None)]

    def arrays(self, windows: Windows) -> Arrays:
        """The rows of `windows`, with the values that convert the model's outputs to prices."""
        back = {"mean": windows.mean_test, "scale": windows.scale_test, "last_close": windows.last_close_test}
        return Arrays(windows.x_train, windows.y_train, windows.x_test, windows.y_test, windows.source, back)

    def model(self) -> torch.nn.Module:
        from torch import nn

        from manyhands.workloads._layers import LastStep

        recurrent = nn.LSTM(5, self.hidden, num_layers=2, dropout=self.dropout, batch_first=True)
        return nn.Sequential(LastStep(recurrent), nn.Dropout(self.dropout), nn.Linear(self.hidden, 1), nn.Flatten(0))

    def loss(self, outputs: torch.Tensor, targets: torch.Tensor) -> torch.Tensor:
        from torch.nn import functional

        return functional.mse_loss(outputs, targets)

    def score(self, outputs: NDArray[np.float32], arrays: Arrays) -> dict[str, float]:
        mean, scale = arrays.extra["mean"], arrays.extra["scale"]
        truth = arrays.y_test * scale + mean
        ours, naive = outputs * scale + mean - truth, arrays.extra["last_close"] - truth
        return {
            "mape_percent": float(100 * np.mean(np.abs(ours) / truth)),
            "rmse": float(np.sqrt(np.mean(ours**2))),
            "naive_mape_percent": float(100 * np.mean(np.abs(naive) / truth)),
            "naive_rmse": float(np.sqrt(np.mean(naive**2))),
        }

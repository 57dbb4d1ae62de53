"""The cache of converted tables: what it says when a table does not fit in memory."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from manyhands.data.converted import converted
from manyhands.data.make import cache_dir
from manyhands.errors import DataError


def test_rows_that_do_not_fit_in_memory_are_one_line_and_leave_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No machine has 2^56 bytes, so the allocation fails in NumPy as it does under a limit."""
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "cache"))
    file = tmp_path / "wide.csv"
    file.write_text("a,b\n1,2\n")

    def convert(folder: Path) -> dict[str, Any]:
        return {"columns": np.empty(2**56, np.uint8)}

    with pytest.raises(DataError, match=r"wide\.csv: its rows and columns do not fit in the memory .* leave some out"):
        converted([file], {}, convert)
    assert list((cache_dir() / "converted").iterdir()) == []

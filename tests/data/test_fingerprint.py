"""The fingerprint of a set of rows: the same for any order and any cut, another for any other set."""

from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from manyhands.data.fingerprint import BLOCK_ROWS, Fingerprint, fingerprint, total

ROWS = st.lists(
    st.lists(st.floats(width=32, allow_nan=False, allow_infinity=False), min_size=3, max_size=3), min_size=2, max_size=40
)


@given(ROWS, st.data())
def test_does_not_depend_on_order_or_cut(rows: list[list[float]], data: st.DataObject) -> None:
    x = np.array(rows)
    order = data.draw(st.permutations(range(len(x))))
    cut = data.draw(st.integers(0, len(x)))
    shuffled = x[list(order)]
    assert total([fingerprint(shuffled[:cut]), fingerprint(shuffled[cut:])]) == fingerprint(x)
    assert fingerprint(x.astype(np.float32)) == fingerprint(x)


@given(ROWS, st.integers(0, 1000), st.integers(0, 2))
def test_tells_one_changed_number(rows: list[list[float]], row: int, column: int) -> None:
    x = np.array(rows)
    changed = x.copy()
    changed[row % len(x), column] += max(1.0, abs(changed[row % len(x), column]))
    assert fingerprint(changed) != fingerprint(x)


def test_tells_swapped_columns_labels_and_repeated_rows() -> None:
    x, y = np.array([[1.0, 2.0], [3.0, 4.0]]), np.array([0, 1])
    assert fingerprint(x[:, ::-1]) != fingerprint(x)
    assert fingerprint(x, y) != fingerprint(x, y[::-1])
    assert fingerprint(np.vstack([x, x])) != fingerprint(x)
    assert fingerprint(np.array([[-0.0, 2.0], [3.0, 4.0]])) == fingerprint(np.array([[0.0, 2.0], [3.0, 4.0]]))


def test_labels_stay_with_their_rows_over_blocks() -> None:
    x = np.arange(BLOCK_ROWS + 10, dtype=np.float64).reshape(-1, 1)
    y = np.arange(BLOCK_ROWS + 10) % 7
    assert fingerprint(x, y) == fingerprint(x[::-1], y[::-1])
    assert fingerprint(x, y).rows == len(x)
    assert len(fingerprint(x, y).hex()) > 32
    assert total([]) == Fingerprint()

"""The embedded data: sets that are generated on first use and kept in the user's cache; always the same bytes.

A set is a folder with the layout of real data. It is written under a temporary name and renamed when complete. So a process
that is killed, or two processes that start at once, never leave or see half a set.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path

from manyhands.atomic_write import temporary_beside
from manyhands.data import blobs, made_rows
from manyhands.data.atomic_write import write_whole
from manyhands.data.digits import draw_digits
from manyhands.data.idx import write_idx
from manyhands.data.prices import simulate_prices
from manyhands.data.row_parts import PART_BYTES, write_part
from manyhands.errors import DataError, unknown
from manyhands.user_cache import VARIABLE, user_cache

RECIPE = 1
"""Increase this number when any set changes, so that an old cache is not used."""
SIMULATED_PRICES = "simulated_stocks.csv"


def cache_dir() -> Path:
    """The folder for the embedded sets of this recipe, below MANYHANDS_CACHE or the user's cache folder; it may not exist yet."""
    return user_cache() / f"recipe-{RECIPE}"


def embedded(name: str) -> Path:
    """The cache folder that holds set `name`; a missing set is generated first.

    Raises DataError when the cache cannot be written.
    """
    root = cache_dir()
    if not (root / name).is_dir():
        _make(name, root, replace=False)
    return root


def make_set(name: str, root: Path | None = None) -> Path:
    """The complete new folder `root/name`; without a `root`, the folder in the cache, which is replaced if it exists.

    Raises UsageError for an unknown set, DataError when `root` cannot be written or already has such a folder.
    """
    if name not in sets():
        raise unknown("embedded set", name, sets(), "manyhands data make --help")
    if root and (root / name).exists():
        raise DataError(f"{root / name} is already there and may be real data; move it away, or name another folder with --to")
    return _make(name, root or cache_dir(), replace=root is None)


def _make(name: str, root: Path, replace: bool) -> Path:
    final = root / name
    temporary = temporary_beside(final)
    try:
        sets()[name](temporary)
        _put_in_place(temporary, final, replace)
    except (OSError, DataError) as error:
        where = f"; {VARIABLE} names another cache" if root == cache_dir() else ""
        raise DataError(f"cannot make {final}: {error}{where}") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


def sets() -> dict[str, Callable[[Path], None]]:
    """Set name -> the function that fills its folder."""
    return {"mnist": _make_mnist, "points": _make_points, "stocks": _make_stocks, "tabular": _make_tabular}


def missing_parts(folder: Path, parts: int, marker: str) -> list[int]:
    """Numbers of the first `parts` parts that `folder` lacks. `marker`: name of the file that a part has last, with its number as {:05d}.

    Raises DataError when the disk has no room for them.
    """
    there = {path.name for path in folder.glob(marker.replace("{:05d}", "*"))}
    needed, free = (parts - len(there)) * PART_BYTES, shutil.disk_usage(folder).free
    if needed > free:
        raise DataError(
            f"embedded rows for this many --samples take {needed / 1e9:.1f} GB more in {folder}, where {free / 1e9:.1f} GB are free;"
            f" use fewer --samples, or set {VARIABLE} to a folder with room"
        )
    return [number for number in range(parts) if marker.format(number) not in there]


def _put_in_place(made: Path, final: Path, replace: bool) -> None:
    """Renames `made` to `final`. If another process has put the set there meanwhile, that set is kept: it is identical."""
    if replace and final.exists():
        old = temporary_beside(final)
        final.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise


def _make_mnist(folder: Path) -> None:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    for name, array in zip(names, draw_digits(), strict=True):
        write_idx(folder / name, array)


def _make_stocks(folder: Path) -> None:
    write_whole(folder / SIMULATED_PRICES, [b"".join(simulate_prices())])


def _make_points(folder: Path) -> None:
    for number in range(blobs.DEFAULT_PARTS):
        write_part(folder, f"part-{number:05d}", blobs.draw_blobs(number))


def _make_tabular(folder: Path) -> None:
    write_part(folder, "test-00000", *made_rows.draw_test_rows())
    for number in range(made_rows.DEFAULT_PARTS):
        write_part(folder, f"train-{number:05d}", *made_rows.draw_rows(number))

"""The embedded data: sets that are made on first use and kept in the user's cache, the same bytes each time.

A set is a folder laid out as real data is. It is made under a temporary name and renamed when whole, so that two processes that
start at once, or one that is killed half-way, never see or leave half a set.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path

from manyhands.data.digits import draw_digits
from manyhands.data.idx import write_idx
from manyhands.data.prices import simulate_prices
from manyhands.data.whole import temporary_beside, write_whole
from manyhands.errors import DataError, unknown

RECIPE = 1
"""Goes up when any set would come out differently, so that an old cache is not mistaken for a new one."""
VARIABLE = "MANYHANDS_CACHE"
SIMULATED_PRICES = "simulated_stocks.csv"


def cache_dir() -> Path:
    """Where the embedded sets of this recipe are kept, made or not: below MANYHANDS_CACHE, or the user's cache folder."""
    from platformdirs import user_cache_path

    given = os.environ.get(VARIABLE)
    root = Path(given).expanduser() if given else user_cache_path("manyhands")
    return root / f"recipe-{RECIPE}"


def embedded(name: str) -> Path:
    """The cache folder that holds set `name`, which is made first when it is not there.

    Raises DataError when the cache cannot be written.
    """
    root = cache_dir()
    if not (root / name).is_dir():
        make_set(name, root)
    return root


def make_set(name: str, root: Path) -> Path:
    """The folder `root/name`, made anew and put in place whole.

    Raises UsageError for an unknown set, DataError when `root` cannot be written.
    """
    if name not in sets():
        raise unknown("embedded set", name, sets(), "manyhands data make --help")
    final = root / name
    temporary = temporary_beside(final)
    try:
        sets()[name](temporary)
        _put_in_place(temporary, final)
    except OSError as error:
        raise DataError(f"cannot write {final}: {error.strerror}; {_elsewhere()}") from None
    except DataError as error:
        raise DataError(f"{error} ({_elsewhere()})") from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return final


def sets() -> dict[str, Callable[[Path], None]]:
    """Set name -> the function that fills its folder."""
    return {"mnist": _make_mnist, "stocks": _make_stocks}


def _put_in_place(made: Path, final: Path) -> None:
    """Renames `made` to `final`. An older set is moved away first; a set that another process put there meanwhile is kept."""
    if final.exists():
        old = temporary_beside(final)
        final.rename(old)
        shutil.rmtree(old, ignore_errors=True)
    try:
        made.rename(final)
    except OSError:
        if not final.is_dir():
            raise


def _elsewhere() -> str:
    return f"set {VARIABLE} to a folder that you can write"


def _make_mnist(folder: Path) -> None:
    names = ("train-images-idx3-ubyte", "train-labels-idx1-ubyte", "t10k-images-idx3-ubyte", "t10k-labels-idx1-ubyte")
    for name, array in zip(names, draw_digits(), strict=True):
        write_idx(folder / name, array)


def _make_stocks(folder: Path) -> None:
    write_whole(folder / SIMULATED_PRICES, [b"".join(simulate_prices())])

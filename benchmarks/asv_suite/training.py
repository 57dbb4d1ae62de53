"""Training from launch to teardown: one class for each workload that `manyhands list` shows, so a new workload needs no line here.

The numbers are those of `manyhands.asv.Cells`. Environment variables choose the cells, because asv has no options for that. They are
read here, with their defaults:
    MANYHANDS_ASV_BACKENDS=serial,ddp,joblib
    MANYHANDS_ASV_WORKERS=1,2
    MANYHANDS_ASV_SAMPLES=  rows of every workload (0 for all rows; by default those of ROWS)
    MANYHANDS_ASV_EPOCHS=   of every workload (by default those of the mix-in)
    MANYHANDS_ASV_REPEATS=10 (launches of each cell for one commit)
"""

from __future__ import annotations

import os
import re

from manyhands.plugins import workload_classes

try:
    from manyhands.asv import LAUNCHES, Cells, SuiteError
except ImportError as error:  # asv imports this file beside the manyhands of other commits too
    if not (error.name or "").startswith("manyhands."):
        raise
    what = (
        "no manyhands.asv" if isinstance(error, ModuleNotFoundError) else "an older manyhands.asv, which measures in another way"
    )
    raise SystemExit(
        f"this commit of manyhands has {what}, so its asv suite cannot measure it; compare it with 'manyhands compare COMMIT'"
    ) from None

ROWS = {
    "cnn": 1024,
    "ensemble": 4096,
    "kmeans": 600_000,
    "lstm": 768,
    "mlp": 1024,
    "prepare": 8192,
    "rnn": 3072,
    "search": 512,
    "xgboost": 20_000,
}
"""Workload -> rows with which it trains for about a second on one core, networks in 8 epochs, and ends well above chance."""
ROWS_OF_OTHERS = 1024


CHOICES = ("BACKENDS", "WORKERS", "SAMPLES", "EPOCHS", "REPEATS")


def choice(name: str, default: object) -> str:
    """The value of MANYHANDS_ASV_<name>."""
    return os.environ.get(f"MANYHANDS_ASV_{name}") or str(default)


def rows(workload: str) -> str | None:
    """The rows of a workload; None for all."""
    return found if (found := choice("SAMPLES", ROWS.get(workload, ROWS_OF_OTHERS))) != "0" else None


CHOSEN = {
    "backend": choice("BACKENDS", "serial,ddp,joblib"),
    "workers": choice("WORKERS", "1,2"),
    "epochs": choice("EPOCHS", "") or None,
    "repeats": choice("REPEATS", LAUNCHES),
    "time_launch": None,  # track_wall_s has the same number, without a second launch of each cell
    "__module__": __name__,
}
for name in workload_classes():
    title = re.sub(r"\W", "", name.capitalize())
    try:
        globals()[title] = type(title, (Cells,), CHOSEN | {"workload": name, "samples": rows(name)})
    except SuiteError as error:
        set_here = [f"{one}={os.environ[one]}" for one in (f"MANYHANDS_ASV_{name}" for name in CHOICES) if os.environ.get(one)]
        raise SuiteError(f"{error} ({', '.join(set_here)})" if set_here else str(error)) from None

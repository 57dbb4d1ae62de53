"""Training from launch to teardown: one class for each workload that `manyhands list` shows, so a new workload needs no line here.

The numbers are those of `manyhands.asv.Cells`. Environment variables choose the cells, because asv has no options for that. They are
read here, with their defaults:
    MANYHANDS_ASV_BACKENDS=serial,ddp,joblib
    MANYHANDS_ASV_WORKERS=1,2
    MANYHANDS_ASV_SAMPLES=512 (0 for all rows)
    MANYHANDS_ASV_EPOCHS=1
    MANYHANDS_ASV_REPEATS=1 (launches of each cell; their median is kept)
"""

from __future__ import annotations

import os
import re

from manyhands.plugins import workload_classes

try:
    from manyhands.asv import Cells
except ModuleNotFoundError as error:  # asv imports this file beside the manyhands of other commits too
    if error.name != "manyhands.asv":
        raise
    raise SystemExit(
        "this commit of manyhands has no manyhands.asv, which its asv suite needs; compare it with 'manyhands compare COMMIT'"
    ) from None


def choice(name: str, default: str) -> str:
    """The value of MANYHANDS_ASV_<name>."""
    return os.environ.get(f"MANYHANDS_ASV_{name}", default)


class _Chosen(Cells):
    backend = choice("BACKENDS", "serial,ddp,joblib")
    workers = choice("WORKERS", "1,2")
    samples = choice("SAMPLES", "512") if choice("SAMPLES", "512") != "0" else None
    epochs = choice("EPOCHS", "1")
    repeats = choice("REPEATS", "1")
    time_launch = None  # track_wall_s has the same number, without a second launch of each cell


for name in workload_classes():
    title = re.sub(r"\W", "", name.capitalize())
    globals()[title] = type(title, (_Chosen,), {"workload": name, "__module__": __name__})

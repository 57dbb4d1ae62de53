"""The known tables to classify: where label and held-out rows are, and which columns are words.

Words become one column per category (one-hot), so that the same numbers suit trees and networks and no order is made up.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manyhands.data.number_table import COMMAS, Layout

ADULT = (
    "age",
    "workclass",
    "fnlwgt",
    "education",
    "education_num",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "capital_gain",
    "capital_loss",
    "hours_per_week",
    "native_country",
    "income",
)
ADULT_WORDS = (
    "workclass",
    "education",
    "marital_status",
    "occupation",
    "relationship",
    "race",
    "sex",
    "native_country",
)
HIGGS = ("label", *(f"f{number}" for number in range(1, 29)))


@dataclass(frozen=True)
class KnownTable:
    """A table of which everything is known; `train` and `test` are file names without .gz or .xz."""

    train: str
    test: str | None
    label: str
    layout: Layout = COMMAS
    words: tuple[str, ...] = ()
    libsvm: bool = False


KNOWN = (
    KnownTable("adult.data", "adult.test", "income", Layout(names=ADULT, comment="|"), ADULT_WORDS),
    KnownTable("higgs-7500.train", "higgs-7500.test", "label", Layout(separator="\t", names=HIGGS)),
    KnownTable("Skin_NonSkin.txt", None, "SKIN", Layout(separator="\t")),
    KnownTable("agaricus.txt.train", "agaricus.txt.test", "label", libsvm=True),
    KnownTable("diabetes.csv", None, "Outcome"),
)
"""In the order in which they are looked for."""


def known_table(path: Path) -> KnownTable | None:
    """What is known of the table of this name; None for any other."""
    return next((known for known in KNOWN if path.name.startswith(known.train)), None)


def train_file(path: Path) -> Path:
    """The training file that belongs to a known file of held-out rows; `path` itself when it is none."""
    for known in KNOWN:
        if known.test and path.name.startswith(known.test):
            return path.with_name(known.train + path.name.removeprefix(known.test))
    return path


def unknown_table(path: Path, label: str) -> KnownTable:
    """A table of one's own: LIBSVM by its ending, else CSV with a header line."""
    libsvm = any(path.name.removesuffix(".gz").removesuffix(".xz").endswith(ending) for ending in (".libsvm", ".svm"))
    return KnownTable(path.name, None, label, libsvm=libsvm)

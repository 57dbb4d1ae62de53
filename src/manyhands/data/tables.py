"""The known tables to classify: their label, their held-out rows, and their columns of words.

A column of words becomes one column per category (one-hot), so trees and networks use the same numbers without a false order.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from manyhands.data.libsvm import is_libsvm
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
    """A table with known layout, label and files; `train` and `test` are file names without .gz or .xz."""

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
"""The known tables, in the order of the search."""


def known_table(path: Path) -> KnownTable | None:
    """The known table with this file name; None for any other file."""
    return next((known for known in KNOWN if path.name.startswith(known.train)), None)


def train_file(path: Path) -> Path:
    """The training file that belongs to a known file of held-out rows; `path` itself for any other file."""
    for known in KNOWN:
        if known.test and path.name.startswith(known.test):
            return path.with_name(known.train + path.name.removeprefix(known.test))
    return path


def unknown_table(path: Path, label: str) -> KnownTable:
    """The layout of a user's own table: LIBSVM by its file name or its first row, otherwise CSV with a header line."""
    libsvm = any(path.name.removesuffix(".gz").removesuffix(".xz").endswith(ending) for ending in (".libsvm", ".svm"))
    return KnownTable(path.name, None, label, libsvm=libsvm or is_libsvm(path))

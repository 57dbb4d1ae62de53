"""Labelled rows to classify: the embedded rows, the known tables, or any CSV or LIBSVM file.

In: a folder of real data or None. Out: training and held-out `Rows` of float32 with labels from 0. The held-out rows come
from the test file if the table has one, otherwise a fixed random draw holds out every fifth row.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from manyhands.data import made_rows
from manyhands.data.converted import converted, rows_of
from manyhands.data.folder import first_file
from manyhands.data.header import with_header
from manyhands.data.libsvm import feature_names, read_libsvm
from manyhands.data.make import embedded, missing_parts
from manyhands.data.number_table import check_columns, likely, numbers, read_chunks, read_header, shown
from manyhands.data.row_numbers import LOOKED_AT, numbering, say_as_read
from manyhands.data.row_parts import Part, Rows, in_parts, part_rows, write_labels, write_part
from manyhands.data.table_settings import AS_FOUND, TableSettings
from manyhands.data.tables import KNOWN, KnownTable, known_table, train_file, unknown_table
from manyhands.errors import DataError

if TYPE_CHECKING:
    import pandas as pd

SET = "tabular"
SUFFIXES = ("", ".gz", ".xz")
DTYPE = "float32"
TEST_SHARE = 0.2
MOST_CLASSES = 100

Labelled = tuple[NDArray[Any], NDArray[Any]]
"""x (rows, columns), and the labels (rows,) as the file spells them."""


@dataclass(frozen=True)
class LabelledRows:
    """Training rows and held-out rows; `classes[i]` is the file's name for label i. The label is not one of the columns."""

    train: Rows
    test: Rows
    classes: tuple[str, ...]
    label: str
    source: str
    left_out: tuple[str, ...] = ()
    """Columns of the file that only number its rows."""
    first_is_data: bool = False
    """True when the file was found to have no line with names."""


def load_table(
    data_dir: Path | None,
    samples: int | None = None,
    file: str | None = None,
    label: str | None = None,
    settings: TableSettings = AS_FOUND,
) -> LabelledRows:
    """The table `file`, or the first known table in `data_dir`; None means the embedded rows, generated on first use.

    `samples`: the number of training rows; there are as many embedded rows as requested, and a file gives the first rows of a
    fixed shuffled order. `label`: the column to learn, needed for an unknown CSV file. `settings`: how the file is written. Raises
    DataError that names the file when it is missing or too short, when the label is missing or constant, or when a value is no
    number. Warns (AsRead) of columns that are left out and of a first line that is data.
    """
    if data_dir is None and file is None:
        return embedded_table(samples)
    table = made_table(data_dir / SET, "made rows") if data_dir and file is None else None
    if table is None:
        table = convert_table(table_file(data_dir, file), label, settings)
        say_as_read(table.source, table.left_out, table.first_is_data)
    if samples is None:
        return table
    if samples > len(table.train):
        raise DataError(f"{table.source} has {len(table.train)} training rows, {samples} were asked for; use fewer --samples")
    return replace(table, train=table.train.first(samples))


def embedded_table(samples: int | None) -> LabelledRows:
    """The first `samples` embedded rows, or 74,898 when None; parts that the cache lacks are generated."""
    folder = embedded(SET) / SET
    rows = made_rows.DEFAULT_PARTS * made_rows.PART_ROWS if samples is None else samples
    for number in missing_parts(folder, -(-rows // made_rows.PART_ROWS), "train-{:05d}-y.npy"):
        write_part(folder, part_name("train", number), *made_rows.draw_rows(number))
    table = made_table(folder, "embedded rows")
    if table is None:
        raise DataError(f"{folder} has no rows; 'manyhands data make {SET}' makes them again")
    return replace(table, train=table.train.first(rows))


def made_table(folder: Path, source: str) -> LabelledRows | None:
    """The rows that 'manyhands data make' wrote into `folder`; None when there are none."""
    roles = {}
    for role, rows in (("train", made_rows.PART_ROWS), ("test", made_rows.TEST_ROWS)):
        names = sorted(path.name.removesuffix("-y.npy") for path in folder.glob(f"{role}-*-y.npy"))
        if not names:
            return None
        parts = tuple(Part(str(folder / f"{name}-x.npy"), str(folder / f"{name}-y.npy"), rows) for name in names)
        roles[role] = Rows(parts, made_rows.COLUMNS, DTYPE)
    return LabelledRows(roles["train"], roles["test"], made_rows.CLASSES, "y", source)


def part_name(role: str, number: int) -> str:
    """The name of part `number` of the rows of one role."""
    return f"{role}-{number:05d}"


def table_file(data_dir: Path | None, file: str | None = None) -> Path:
    """The file with the training rows for `load_table`; raises DataError when there is none."""
    if file and Path(file).is_absolute():
        return Path(file)
    folders = [data_dir / SET, data_dir] if data_dir else [Path()]
    wanted = [file] if file else [known.train for known in KNOWN]
    path = first_file(folders, [name + suffix for name in wanted for suffix in SUFFIXES])
    if path is None:
        raise DataError(
            f"no file {' or '.join(wanted)} in {folders[0]} or {folders[-1]}; put one there, or name another with --set file="
        )
    return path


def convert_table(path: Path, label: str | None = None, settings: TableSettings = AS_FOUND) -> LabelledRows:
    """All rows of a file as parts in the cache; the file is read once."""
    known = known_table(path) or unknown_table(path, label or "")
    known = replace(known, label=label or known.label)
    test = _test_file(path, known)
    layout = known.layout if known.libsvm else with_header(path, known.layout, settings)
    known = replace(known, layout=layout)
    if not known.libsvm and not known.label:
        found = read_header(path, layout)
        raise DataError(
            f"{path}: which column is the label? name one with --set label=NAME; it has {shown(found)}{likely(found, layout)}"
        )
    reader = _LibsvmReader(path, test) if known.libsvm else _TextReader(path, test, known, settings.row_numbers)
    options = {"set": SET, "label": known.label, "layout": asdict(layout), "row_numbers": settings.row_numbers}
    manifest = converted([path, *([test] if test else [])], options, lambda folder: _convert(folder, path, known.label, reader))
    return LabelledRows(
        rows_of(manifest, "train"),
        rows_of(manifest, "test"),
        tuple(manifest["classes"]),
        known.label,
        str(path),
        tuple(manifest["left_out"]),
        not (layout.header or layout.names or settings.header),
    )


def count_rows(path: Path) -> int:
    """Rows of a known file, training or held-out; raises DataError when the file, or its training file, is damaged."""
    train = train_file(path)
    table = convert_table(train)
    if train != path:
        return len(table.test)
    known = known_table(path)
    return len(table.train) + (0 if known and known.test else len(table.test))


def _test_file(path: Path, known: KnownTable) -> Path | None:
    if known.test is None:
        return None
    test = first_file([path.parent], [known.test + suffix for suffix in SUFFIXES])
    if test is None:
        raise DataError(f"no file {known.test} beside {path}, which holds its held-out rows; fetch it too")
    return test


def _convert(folder: Path, path: Path, label: str, reader: _TextReader | _LibsvmReader) -> dict[str, Any]:
    """Writes all rows as parts of both roles and returns the manifest."""
    labels = _Labels()
    found: dict[str, list[tuple[str, NDArray[np.int32]]]] = {"train": [], "test": []}
    for number, (role, (x, y)) in enumerate(reader.chunks()):
        codes = labels.codes(y)
        order = np.random.default_rng([0, number]).permutation(len(x))
        # Without a test file, each chunk gives its own share of held-out rows.
        cut = len(x) if reader.test else len(x) - round(TEST_SHARE * len(x))
        for part, rows in ((role, order[:cut]), ("test", order[cut:])):
            if len(rows):
                name = part_name(part, number)
                write_part(folder, name, x[rows])
                found[part].append((name, codes[rows]))
    if not found["train"] or not found["test"]:
        raise DataError(f"{path}: too few rows to hold any out; use a larger file")
    classes, final = labels.in_order(path, label)
    for parts in found.values():
        for name, codes in parts:
            write_labels(folder, name, final[codes])
    sizes = {role: [[name, len(codes)] for name, codes in parts] for role, parts in found.items()}
    about = {"columns": reader.columns, "left_out": reader.left_out, "dtype": DTYPE, "labelled": True, "classes": classes}
    return about | sizes


class _Labels:
    """Numbers the labels in the order of their first appearance, because a file in chunks does not show all labels at once."""

    def __init__(self) -> None:
        self.met: dict[str, int] = {}

    def codes(self, labels: NDArray[Any]) -> NDArray[np.int32]:
        """The number of each label (rows,)."""
        words, places = np.unique(labels, return_inverse=True)
        return np.array([self.met.setdefault(str(word), len(self.met)) for word in words], np.int32)[places]

    def in_order(self, path: Path, label: str) -> tuple[list[str], NDArray[np.int32]]:
        """The sorted labels, and for each number its place among them. Numeric labels sort as numbers (10 after 9).

        Raises DataError when there are too few or too many different labels.
        """
        change = "choose another column with --set label=NAME"
        if len(self.met) < 2:
            raise DataError(f"{path}: label {label!r} is {next(iter(self.met))} in every row; {change}")
        if len(self.met) > MOST_CLASSES:
            raise DataError(
                f"{path}: label {label!r} has {len(self.met)} different values, more than {MOST_CLASSES} classes; {change}"
            )
        try:
            classes = sorted(self.met, key=float)
        except ValueError:
            classes = sorted(self.met)
        place = {word: number for number, word in enumerate(classes)}
        return classes, np.array([place[word] for word in self.met], np.int32)


class _LibsvmReader:
    """Reads a whole LIBSVM file at once; its zeros take no space in the file but do in memory."""

    def __init__(self, path: Path, test: Path | None) -> None:
        self.path, self.test = path, test
        self.columns: tuple[str, ...] = ()
        self.left_out: list[str] = []

    def chunks(self) -> Iterator[tuple[str, Labelled]]:
        """Yields (role, rows) from the training file and the test file."""
        x, y, first = read_libsvm(self.path)
        self.columns = feature_names(x.shape[1])
        yield from (("train", (part, _texts(labels))) for part, labels in in_parts(x, y))
        if self.test:
            x, y, _ = read_libsvm(self.test, len(self.columns), first)
            yield from (("test", (part, _texts(labels))) for part, labels in in_parts(x, y))


class _TextReader:
    """Reads a text table in chunks; a column of words becomes one column for each word of the training file."""

    def __init__(self, path: Path, test: Path | None, known: KnownTable, row_numbers: bool) -> None:
        """`row_numbers`: keep columns that only number the rows."""
        self.path, self.test, self.known, self.row_numbers = path, test, known, row_numbers
        self.names: list[str] = []
        self.left_out: list[str] = []
        self.categories: dict[str, list[str]] = {}
        self.columns: tuple[str, ...] = ()

    def chunks(self) -> Iterator[tuple[str, Labelled]]:
        """Yields (role, rows) from the training file and the test file."""
        start = next(read_chunks(self.path, self.known.layout, LOOKED_AT, [self.known.label]))
        found = [str(name) for name in start.columns]
        check_columns(self.path, [self.known.label], found, self.known.layout)
        self.left_out = [] if self.row_numbers else [name for name in numbering(start) if name != self.known.label]
        self.names = [name for name in found if name != self.known.label and name not in self.left_out]
        self._learn_words()
        columns: list[str] = []
        for name in self.names:
            columns += [f"{name}={word}" for word in self.categories[name]] if name in self.categories else [name]
        if not columns:
            raise DataError(f"{self.path}: no column beside the label {self.known.label!r}; use a file that has some")
        self.columns = tuple(columns)
        yield from self._read(self.path, "train")
        if self.test:
            yield from self._read(self.test, "test")

    def _learn_words(self) -> None:
        if self.known.words:
            text = self.known.words
            frames = read_chunks(self.path, self.known.layout, part_rows(len(self.names), DTYPE), text)
            seen: dict[str, set[str]] = {name: set() for name in text}
            for frame in frames:
                for name in text:
                    seen[name] |= set(frame[name].astype(str))
            self.categories = {name: sorted(words) for name, words in seen.items()}

    def _read(self, path: Path, role: str) -> Iterator[tuple[str, Labelled]]:
        text = (*self.known.words, self.known.label)
        for frame in read_chunks(path, self.known.layout, part_rows(len(self.columns), DTYPE), text):
            yield role, (self._features(path, frame), self._labels(path, frame))

    def _features(self, path: Path, frame: pd.DataFrame) -> NDArray[Any]:
        blocks = []
        for name in self.names:
            if name in self.categories:
                given = frame[name].astype(str).to_numpy()
                blocks.append((given[:, None] == np.array(self.categories[name], dtype=object)).astype(DTYPE))
            else:
                blocks.append(numbers(path, frame, [name], DTYPE, "leave the column out of the file", self.known.layout))
        return np.hstack(blocks)

    def _labels(self, path: Path, frame: pd.DataFrame) -> NDArray[Any]:
        given = frame[self.known.label]
        if given.isna().any():
            row = int(given.index[int(np.argmax(given.isna()))]) + 1
            raise DataError(f"{path}: label {self.known.label!r} is blank in data row {row}; correct it")
        # adult.test writes the same labels with a dot at the end.
        return given.str.strip().str.removesuffix(".").to_numpy(str)


def _texts(labels: NDArray[Any]) -> NDArray[Any]:
    """Numbers as text with all their digits; a whole number has no decimal point."""
    return np.array([str(int(number)) if number.is_integer() else repr(number) for number in labels.tolist()])

"""Points to cluster: the embedded blobs, or columns of numbers from a table; known tables have a default choice of columns.

In: a folder of real data or None. Out: `Rows` of float64 without labels.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from manyhands.data import blobs
from manyhands.data.converted import converted, rows_of
from manyhands.data.folder import first_file
from manyhands.data.header import with_header
from manyhands.data.make import embedded, missing_parts
from manyhands.data.number_table import COMMAS, Layout, check_columns, numbers, read_chunks
from manyhands.data.row_numbers import LOOKED_AT, numbering, say_as_read
from manyhands.data.row_parts import Part, Rows, part_rows, write_part
from manyhands.data.table_settings import AS_FOUND, TableSettings
from manyhands.errors import DataError

SET = "points"
FOLDERS = ("clustering", "points", "tabular")
SUFFIXES = ("", ".gz", ".xz")
DTYPE = "float64"
TAB = Layout(separator="\t")


@dataclass(frozen=True)
class KnownPoints:
    """A known table, with its default columns."""

    stem: str
    columns: tuple[str, ...]
    layout: Layout = COMMAS


KNOWN = (
    KnownPoints("california_housing.csv", ("longitude", "latitude")),
    KnownPoints("Skin_NonSkin.txt", ("B", "G", "R"), TAB),
    KnownPoints("Mall_Customers.csv", ("Annual_Income", "Spending_Score")),
    KnownPoints("burger-king-menu.csv", ("Fat (g)", "Total Carb (g)")),
)
"""Best first. The last two tables are far too small to show a gain from more workers."""


@dataclass(frozen=True)
class Points:
    """The rows to cluster, and where they come from."""

    rows: Rows
    source: str
    left_out: tuple[str, ...] = ()
    """Columns of the file that only number its rows."""
    first_is_data: bool = False
    """True when the file was found to have no line with names."""


def load_points(
    data_dir: Path | None,
    samples: int | None = None,
    file: str | None = None,
    columns: Sequence[str] = (),
    settings: TableSettings = AS_FOUND,
) -> Points:
    """The points of `file`, or of the first known table in `data_dir`; None means the embedded blobs.

    `samples`: the number of rows; there are as many blobs as requested, and a file gives its first rows in a fixed shuffled
    order. `columns`: the columns to use; empty means the default columns of a known table, or every column of another table that
    does more than number the rows. `settings`: how the file is written. Raises DataError that names the file when it is missing, too
    short, or holds something that is no number. Warns (AsRead) of columns that are left out and of a first line that is data.
    """
    if data_dir is None and file is None:
        return Points(embedded_points(samples), "embedded blobs")
    made = made_points(data_dir) if data_dir and file is None else None
    points = Points(made, str(data_dir)) if made else convert_points(points_file(data_dir, file), columns, settings)
    say_as_read(points.source, points.left_out, points.first_is_data)
    if samples is None:
        return points
    if samples > len(points.rows):
        raise DataError(f"{points.source} has {len(points.rows)} rows, {samples} were asked for; use fewer --samples")
    return replace(points, rows=points.rows.first(samples))


def embedded_points(samples: int | None) -> Rows:
    """The first `samples` rows of the embedded blobs, or 262,144 when None; parts that the cache lacks are generated."""
    folder = embedded(SET) / SET
    rows = blobs.DEFAULT_PARTS * blobs.PART_ROWS if samples is None else samples
    count = -(-rows // blobs.PART_ROWS)
    for number in missing_parts(folder, count, "part-{:05d}-x.npy"):
        write_part(folder, part_name(number), blobs.draw_blobs(number))
    parts = [Part(str(folder / f"{part_name(number)}-x.npy"), None, blobs.PART_ROWS) for number in range(count)]
    return Rows(tuple(parts), blobs.COLUMNS, DTYPE).first(rows)


def made_points(data_dir: Path) -> Rows | None:
    """The blobs that 'manyhands data make points --to DIR' wrote into `data_dir`; None when there are none."""
    paths = sorted((data_dir / SET).glob("part-*-x.npy"))
    parts = tuple(Part(str(path), None, blobs.PART_ROWS) for path in paths)
    return Rows(parts, blobs.COLUMNS, DTYPE) if parts else None


def part_name(number: int) -> str:
    """The name of an embedded part."""
    return f"part-{number:05d}"


def points_file(data_dir: Path | None, file: str | None = None) -> Path:
    """The table that `load_points` reads; raises DataError when there is none."""
    if file and Path(file).is_absolute():
        return Path(file)
    folders = [*(data_dir / folder for folder in FOLDERS), data_dir] if data_dir else [Path()]
    wanted = [file] if file else [known.stem for known in KNOWN]
    path = first_file(folders, [name + suffix for name in wanted for suffix in SUFFIXES])
    if path is None:
        raise DataError(
            f"no file {' or '.join(wanted)} in {folders[0]} or {folders[-1]}; put one there, or name another with --set file="
        )
    return path


def known_points(path: Path) -> KnownPoints | None:
    """The known table with this file name; None for any other file."""
    return next((known for known in KNOWN if path.name.startswith(known.stem)), None)


def convert_points(path: Path, columns: Sequence[str] = (), settings: TableSettings = AS_FOUND) -> Points:
    """All rows of a table as parts in the cache; each part is shuffled in a fixed order."""
    known = known_points(path)
    layout = with_header(path, known.layout if known else COMMAS, settings)
    start = next(read_chunks(path, layout, LOOKED_AT))
    found = [str(name) for name in start.columns]
    chosen = tuple(columns) or (known.columns if known and layout.header else ())
    left_out = () if chosen or settings.row_numbers else tuple(numbering(start))
    wanted = chosen or tuple(name for name in found if name not in left_out)
    check_columns(path, wanted, found, layout)
    if not wanted:
        raise DataError(f"{path}: its only columns {', '.join(left_out)} number the rows; add --set row_numbers=true to use them")

    def convert(folder: Path) -> dict[str, Any]:
        parts = []
        for number, chunk in enumerate(read_chunks(path, layout, part_rows(len(wanted), DTYPE))):
            x = numbers(path, chunk, wanted, DTYPE, "name the columns to use with --set columns=NAME,NAME", layout)
            part = write_part(folder, part_name(number), x[np.random.default_rng([0, number]).permutation(len(x))])
            parts.append([part_name(number), part.rows])
        return {"columns": wanted, "dtype": DTYPE, "labelled": False, "train": parts}

    options = {"set": SET, "columns": wanted, "layout": asdict(layout)}
    rows = rows_of(converted([path], options, convert), "train")
    return Points(rows, str(path), left_out, not (layout.header or layout.names or settings.header))

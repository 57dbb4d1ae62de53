"""`data.stocks.load_windows` done by Spark: CSV -> DataFrame -> windows, the same arrays within the rounding of float32.

Spark reads the file, finds the split and each symbol's scaling, cuts the windows with a window function and sorts them.
The driver collects the windows over Arrow. The plain reader has checked the file before anything is timed.
"""

from __future__ import annotations

import lzma
import shutil
from collections.abc import Sequence
from functools import reduce
from pathlib import Path
from typing import TYPE_CHECKING, Any

from manyhands.data.price_table import BLANKS, FEATURES, LAYOUTS
from manyhands.data.stocks import CLOSE, Windows, stocks_file
from manyhands.data.windowing import Floats
from manyhands.errors import DataError

if TYPE_CHECKING:
    import pyarrow as pa
    from pyspark.sql import DataFrame, SparkSession

PARTS = ("train", "validation", "test")


def prepare_windows(
    session: SparkSession, folder: Path, data_dir: Path | None, window: int, symbols: Sequence[str], file: str | None
) -> Windows:
    """The windows of `load_windows(data_dir, window, symbols, file)`; what Spark cannot read is unpacked into `folder`.

    Raises DataError when training, validation or test would have no window.
    """
    path = stocks_file(data_dir, file)
    rows = read_rows(session, unpacked(path, folder), symbols).cache()
    dates = sorted(row.date for row in rows.select("date").distinct().collect())
    if not dates:
        raise DataError(
            f"{path}: no complete row of {', '.join(symbols) or 'any symbol'}; 'manyhands data ls' lists the files found"
        )
    first_dates = (dates[len(dates) * 8 // 10], dates[len(dates) * 9 // 10])
    scaling = training_scaling(rows, first_dates[0], window)
    table = cut_windows(rows, scaling, window, first_dates).toArrow()
    known = tuple(sorted(row.symbol for row in scaling.select("symbol").collect()))
    rows.unpersist()
    parts = {name: table.filter(part_is(table, number)) for number, name in enumerate(PARTS)}
    if not all(part.num_rows for part in parts.values()):
        raise DataError(f"{path}: too few dates for windows of {window} days; use a longer file or a smaller window")
    test = parts["test"]
    return Windows(
        **{f"x_{name}": windows_of(part, window) for name, part in parts.items()},
        **{f"y_{name}": part["y"].to_numpy() for name, part in parts.items()},
        mean_test=test["mean"].to_numpy(),
        scale_test=test["scale"].to_numpy(),
        last_close_test=test["last_close"].to_numpy(),
        symbols=known,
        source="embedded prices" if data_dir is None and file is None else str(path),
    )


def unpacked(path: Path, folder: Path) -> Path:
    """A file that Spark can read: `path`, or for .xz an unpacked copy, because Spark unpacks .gz but not .xz."""
    if path.suffix != ".xz":
        return path
    copy = folder / path.stem
    with lzma.open(path) as packed, copy.open("wb") as plain:
        shutil.copyfileobj(packed, plain)
    return copy


def read_rows(session: SparkSession, path: Path, symbols: Sequence[str]) -> DataFrame:
    """Columns symbol, date and the features, without rows in which a value is missing."""
    from pyspark.sql import functions as f

    text = session.read.csv(path.resolve().as_uri(), header=True)
    layout = next((layout for layout in LAYOUTS if set(layout.values()) <= set(text.columns)), None)
    if layout is None:
        raise DataError(f"{path}: no columns {','.join(LAYOUTS[0].values())}; 'manyhands data verify' reports the problem")
    numbers = [f.when(~f.col(layout[name]).isin(BLANKS), f.col(layout[name])).cast("double").alias(name) for name in FEATURES]
    rows = text.select(f.col(layout["symbol"]).alias("symbol"), f.to_date(layout["date"]).alias("date"), *numbers).dropna()
    return rows.filter(f.col("symbol").isin(list(symbols))) if symbols else rows


def training_scaling(rows: DataFrame, end: Any, window: int) -> DataFrame:
    """For each symbol with more than `window` dates before `end`: mean_<feature> and scale_<feature> of those dates."""
    from pyspark.sql import functions as f

    statistics = []
    for name in FEATURES:
        varies = f.max(name) > f.min(name)
        statistics.append(f.when(varies, f.avg(name)).otherwise(f.min(name)).alias(f"mean_{name}"))
        statistics.append(f.when(varies, f.stddev_pop(name)).otherwise(1.0).alias(f"scale_{name}"))
    counted = rows.filter(f.col("date") < f.lit(end)).groupBy("symbol").agg(f.count("*").alias("dates"), *statistics)
    return counted.filter(f.col("dates") > window).drop("dates")


def cut_windows(rows: DataFrame, scaling: DataFrame, window: int, first_dates: tuple[Any, Any]) -> DataFrame:
    """One row for each target, by symbol and date: its part, its window as one flat array, the target and the prices' scale."""
    from pyspark.sql import Window
    from pyspark.sql import functions as f

    scaled = [((f.col(name) - f.col(f"mean_{name}")) / f.col(f"scale_{name}")).cast("float") for name in FEATURES]
    by_date = Window.partitionBy("symbol").orderBy("date")
    before = by_date.rowsBetween(-window, -1)
    part = reduce(lambda sum_, first: sum_ + (f.col("date") >= f.lit(first)).cast("int"), first_dates, f.lit(0))
    joined = rows.join(f.broadcast(scaling), "symbol").withColumn("day", f.array(*scaled))
    return (
        joined.select(
            "symbol",
            "date",
            part.alias("part"),
            f.flatten(f.collect_list("day").over(before)).alias("x"),
            f.col("day")[CLOSE].alias("y"),
            f.lag("close").over(by_date).alias("last_close"),
            f.col("mean_close").alias("mean"),
            f.col("scale_close").alias("scale"),
        )
        .filter(f.size("x") == window * len(FEATURES))
        .orderBy("symbol", "date")
        .drop("symbol", "date")
    )


def part_is(table: pa.Table, number: int) -> pa.ChunkedArray:
    """A mask of the rows of `table` that belong to part `number`."""
    import pyarrow.compute as pc

    return pc.equal(table["part"], number)


def windows_of(part: pa.Table, window: int) -> Floats:
    """The windows of all rows, (n, window, 5)."""
    flat: Floats = part["x"].combine_chunks().flatten().to_numpy()
    return flat.reshape(-1, window, len(FEATURES))

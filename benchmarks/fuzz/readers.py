"""Every reader of a user's file, with small files that it reads: what the campaign mutates.

A reader takes the path of a file and reads it as the commands do, down to what they compute from it. Its seeds are whole files of every
form that it knows. Readers whose library is not installed are left out.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib.util import find_spec
from pathlib import Path

from benchmarks.fuzz import seeds

Read = Callable[[Path], object]


@dataclass(frozen=True)
class Reader:
    """A reader, and the files that are mutated for it."""

    name: str
    read: Read
    seeds: Callable[[], Sequence[bytes]]
    share: float
    """Part of the inputs of a campaign: a slow reader gets fewer."""
    file: str = "input"
    """The name of the file, where readers look at it."""
    library: str = "numpy"
    """What must be installed."""


def _idx(path: Path) -> object:
    from manyhands.data.idx import read_idx

    return read_idx(path).tobytes()


def _digits(path: Path) -> object:
    """One of the four files of MNIST is mutated; the others are whole."""
    from manyhands.data.mnist import load_mnist

    folder = path.parent / "digits"
    if not folder.is_dir():
        seeds.write_digits(folder)
    (folder / "train-labels-idx1-ubyte").write_bytes(path.read_bytes())
    return load_mnist(folder).y_train.sum()


def _table(label: str, separator: str = "", decimal: str = "") -> Read:
    def read(path: Path) -> object:
        from manyhands.data.table_settings import TableSettings
        from manyhands.data.tabular import load_table

        return load_table(None, None, str(path), label, TableSettings(separator, decimal)).train.read_x().sum()

    return read


def _points(path: Path) -> object:
    from manyhands.data.points import load_points

    return load_points(None, None, str(path)).rows.read_x().sum()


def _prices(path: Path) -> object:
    from manyhands.data.stocks import load_windows

    return load_windows(None, 2, (), str(path)).x_train.sum()


def _parts(path: Path) -> object:
    from manyhands.data.row_parts import Part, rows_stored

    return Part(str(path), None, rows_stored(str(path))).x().tobytes()


def _records(path: Path) -> object:
    from manyhands.report.sources import load

    return load([path])


def _report(path: Path) -> object:
    """Every number and every form of a report, as text."""
    from manyhands.report.answer import answer_text
    from manyhands.report.csv_and_json import to_csv, to_json
    from manyhands.report.group_view import group_views
    from manyhands.report.markdown import to_markdown
    from manyhands.report.sources import load
    from manyhands.report.terminal import to_text

    records = load([path])
    answer_text(group_views(records, "wall"))
    return to_text(records) + to_markdown(records) + to_csv(records) + to_json(records)


def _uses(path: Path) -> object:
    """What else is made from records: a page, frames, predictions, a history, a scale to resume."""
    from manyhands.analysis.history.found import find
    from manyhands.analysis.history.series import Order, from_records
    from manyhands.analysis.verdicts.metrics import sample
    from manyhands.predictions import predict
    from manyhands.report.frames import record_frame, summary_frame
    from manyhands.report.group_view import group_views
    from manyhands.report.page.build import _context
    from manyhands.report.sources import load

    records = load([path])
    record_frame(records)
    summary_frame(group_views(records, "train"))
    order = Order((), ())
    find(from_records(records, order), order, 0.05)
    for record in records:
        sample(record, "accuracy", 0.0, 0.0)
    _context(records, "train", None)  # all of the page but its script, which another program makes
    return predict(records, [4], "25Gbps,20us").to_json()


def _study(path: Path) -> object:
    from manyhands.studies.study import VARIANTS, read_study

    study = read_study("fuzz", path.read_text(encoding="utf-8", errors="replace"))
    return [(study.parts(variant), study.figures(variant)) for variant in VARIANTS]


def _model(path: Path) -> object:
    from manyhands.workloads._model_file import restore, unpack
    from manyhands.workloads.cnn import Cnn

    return restore(unpack(path.read_bytes(), str(path)), Cnn, str(path))


def _launches(path: Path) -> object:
    """The file of `calibrate --out`, replayed."""
    from manyhands.analysis.verdicts.results import Limits
    from manyhands.analysis.verdicts.sequential import Budget
    from manyhands.cli.calibrate import joined
    from manyhands.commits.calibration import scenarios

    pool = joined([path])
    return scenarios(pool, [0.1], 3, Limits(Budget()), 0)


def _rates(path: Path) -> object:
    """The reference of this machine that verdicts quote."""
    from manyhands.analysis.verdicts.error_rates import load
    from manyhands.analysis.verdicts.sequential import Budget
    from manyhands.report.calibration import to_lines

    rates = load(path)
    return rates and (to_lines(rates), rates.quote(Budget(), 900.0))


def _page(path: Path) -> object:
    """A page of a study, whose text by people is kept when it is made again."""
    from manyhands.report.formats import write_report

    write_report(path, "markdown", seeds.study_records())
    return path.stat().st_size


@cache
def readers() -> Mapping[str, Reader]:
    """Name -> reader, for all whose library is installed."""
    known = (
        Reader("idx", _idx, seeds.idx, 300),
        Reader("digits", _digits, seeds.digit_labels, 100),
        Reader("libsvm", _table("label"), seeds.libsvm, 30, "input.libsvm"),
        Reader("table", _table("y"), seeds.tables, 15, "input.csv"),
        Reader("european table", _table("y", separator=";", decimal=","), seeds.european_tables, 10, "input.csv"),
        Reader("points", _points, seeds.points, 15, "input.csv"),
        Reader("prices", _prices, seeds.prices, 10, "input.csv"),
        Reader("parts", _parts, seeds.parts, 150, "input.npy"),
        Reader("records", _records, seeds.short_records, 250, "input.jsonl"),
        Reader("records in JSON", _records, seeds.reports, 10, "input.json"),
        Reader("report", _report, seeds.records, 4, "input.jsonl"),
        Reader("page, frames, predictions", _uses, seeds.records, 1.5, "input.jsonl", "jinja2"),
        Reader("study", _study, seeds.studies, 20, "input.toml"),
        Reader("model", _model, seeds.models, 40, "input.pt", "torch"),
        Reader("launches", _launches, seeds.launches, 3, "input.json"),
        Reader("error rates", _rates, seeds.rates, 50, "input.json"),
        Reader("study page", _page, seeds.pages, 1, "input.md"),
    )
    return {reader.name: reader for reader in known if find_spec(reader.library)}

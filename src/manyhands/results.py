"""Records as Python meets them: a sequence that gives data frames, the answer as text, reports as files, and a view in a notebook.

Importing this file imports no library; what needs one imports it when it is called.
"""

from __future__ import annotations

import glob
import os
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, overload

from manyhands.atomic_write import same_file
from manyhands.errors import RecordError, UsageError
from manyhands.record import STATUSES, Record

if TYPE_CHECKING:
    import pandas as pd

    from manyhands.analysis.scaling import Time
    from manyhands.analysis.targets import QualityTarget
    from manyhands.report.group_view import GroupView

TIMES = ("train", "wall")
SHOWN_IN_ERRORS = 60
"""Signs of a value that an error message repeats."""


class Results(Sequence[Record]):
    """An immutable sequence of records: of runs that were just made, or read from files with `read`.

    A slice is Results too; `a + b` has the records of both. Two Results are equal when their records are, wherever they are kept.
    `print(results)` prints the tables of `manyhands report`; a notebook shows the first of them for each group, and the answer.
    """

    def __init__(self, records: Iterable[Record] = (), path: Path | None = None, inputs: Iterable[Path] = ()) -> None:
        """The records in their order. `path`: the file in which they are kept; None when there is none, or more than one.

        `inputs`: the files that they were read from, which no report replaces. Raises UsageError when something else than records is
        given.
        """
        if isinstance(records, str | os.PathLike):
            raise UsageError(f"Results takes records, not the path {_shown(records)}; read a file with read({_shown(records)})")
        self._records = tuple(records) if isinstance(records, Iterable) else (records,)
        for record in self._records:
            if not isinstance(record, Record):
                raise UsageError(f"Results takes records, not {_shown(record)} ({type(record).__name__})")
        self._path = path
        own = (path,) if path else ()
        self._inputs = tuple(dict.fromkeys(file.absolute() for file in (*own, *inputs)))

    @property
    def path(self) -> Path | None:
        """The file in which the records are kept; None when there is none, or more than one."""
        return self._path

    def __len__(self) -> int:
        return len(self._records)

    def __iter__(self) -> Iterator[Record]:
        return iter(self._records)

    @overload
    def __getitem__(self, place: int) -> Record: ...

    @overload
    def __getitem__(self, place: slice) -> Results: ...

    def __getitem__(self, place: int | slice) -> Record | Results:
        return Results(self._records[place], self._path, self._inputs) if isinstance(place, slice) else self._records[place]

    def __add__(self, other: Sequence[Record]) -> Results:
        """The records of both in their order; a record that is in both is taken once, as when files are read."""
        if not isinstance(other, Sequence) or not all(isinstance(record, Record) for record in other):
            return NotImplemented
        known = {record.id for record in self}
        added = [record for record in other if record.id not in known]
        kept = self._path if not isinstance(other, Results) or other._path == self._path else None
        inputs = (*self._inputs, *(other._inputs if isinstance(other, Results) else ()))
        return Results([*self, *added], self._path if not added else kept, inputs)

    def __eq__(self, other: object) -> bool:
        return self._records == other._records if isinstance(other, Results) else NotImplemented

    __hash__ = None  # type: ignore[assignment]  # records hold mappings

    def frame(self) -> pd.DataFrame:
        """A data frame with one row a record: those that succeeded, failed and were skipped.

        The columns have the names of `manyhands report --format csv`: `status`, `reason`, `wall_s`, `spec.backend`, `spec.workers`,
        `phases.train_s`, `resources.peak_pss_bytes`, `quality.accuracy`, ... The unit is in the name: `_s` are seconds, `_bytes`
        bytes, `_percent` per cent. `started_at` is a date in UTC. What was not measured is NaN or <NA>. Values of each worker, the
        history and samples over time are texts in JSON. Raises Unavailable without pandas.
        """
        from manyhands.report.frames import record_frame

        return record_frame(self)

    def summary(self, time: Time = "train") -> pd.DataFrame:
        """A data frame with one row for each cell that was measured, in the order of the tables, over all its launches.

        - `group`: the number of the group, from 1. Cells of one group (a workload under one set of conditions) may be compared; those
          of different groups may not. `title`: the workload and the conditions in which its groups differ, as in the report;
        - `workload`, `backend`, `variant` (empty when backend, workers and threads name the cell), `workers`, `threads`;
        - `is_base`: True for the base line of the group; `runs`: runs made; `launches`: runs that succeeded;
        - `train_s`, `wall_s`: mean seconds of the train phase and of the whole run, with their standard deviations `train_sd_s` and
          `wall_sd_s`;
        - `speedup`, `speedup_low`, `speedup_high`: rows a second over those of the base line with the bounds of the 95 % interval;
          `efficiency`, with `_low` and `_high`: speed-up per thread used, 0 to 1 and more; `serial_fraction` likewise: the share of the
          work that the speed-up says is serial (Karp-Flatt), NaN when it may be any share. All compare the train phase, or the whole run
          with time="wall";
        - `whole_run_speedup`, with `_low` and `_high`: the speed-up of the whole run, with launch and teardown;
        - `place`: "fastest", "not distinguishable" from it, or "slower", with one error rate of 5 % for all cells of the group;
        - `to_target_s`, `to_target_sd_s`: seconds of training until the target of the runs (`target=("accuracy", 0.95)`), and
          `to_target_reached`: the share of launches that reached it. With a target, `place` is by these times, and a cell that misses it in
          a launch "misses the target";
        - `limit_share`, with `_low` and `_high`: rows a second over those of the same workers without any exchange (`limit=True`);
          `lost_s`: seconds of train beyond the base line's over the workers, of them `lost_to_exchange_s`, `lost_to_small_batches_s` and
          `lost_to_machine_s`;
        - `core_hours`: workers x threads x hours of the whole run; `core_hours_ratio`, with `_low` and `_high`: over those of the base
          line; `cpu_s`: seconds of busy cores; `cpu_percent`: 100 is one core;
        - `peak_memory_bytes`: mean peak of the memory of all processes (PSS);
        - `quality_<metric>`, `quality_<metric>_sd`: mean and standard deviation of each metric, in its own unit.

        What is not known is NaN: speed-ups without a base line, deviations and bounds with one launch. Raises UsageError for another
        `time`, Unavailable without pandas.
        """
        from manyhands.report.frames import summary_frame

        return summary_frame(self._views if time == "train" else _views(self, _time(time)))

    @property
    def answer(self) -> str:
        """The answer of the report as text, without tables: what to use, how much faster, how sure, what failed, and cautions.

        Each group of comparable records has a heading. The train phase is compared first, and the whole run beside it.
        """
        from manyhands.report.answer import answer_text

        return answer_text(self._views)

    def report(
        self,
        path: str | Path,
        time: Time = "train",
        target: tuple[str, float] | None = None,
        asv: str | Path | None = None,
    ) -> Path:
        """Writes the report of `manyhands report` to `path`, and returns the path.

        The suffix gives the format: .html a page with charts, .md Markdown, .txt the tables as text, .csv, .json and .parquet all
        values. `time`: compare the train phase or the whole run ("wall"). `target`: also show the seconds of training until a metric
        is met, as in ("accuracy", 0.97). `asv`: the folder with asv's results; a page or Markdown then also shows speed over commits.

        Raises UsageError for another suffix, time or target, and for a file that the records come from; RecordError when the file cannot be written; Unavailable when the
        format needs a library that is missing.
        """
        from manyhands.commits.history import history_in_report
        from manyhands.report.formats import SUFFIXES, WITH_HISTORY, format_of, write_report

        file = _path(path)
        form = format_of(file)
        if any(same_file(file, given) for given in self._inputs):
            raise UsageError(f"{str(file)!r} is a file of these records, which a report would replace; choose another file")
        if form is None:
            raise UsageError(f"no report has the suffix of {str(file)!r}; known: {', '.join(SUFFIXES)}, as in report.html")
        reached = _target(target)
        history = history_in_report(None if asv is None else _path(asv), self) if form in WITH_HISTORY else None
        write_report(file, form, self, _time(time), reached, history)
        return file

    @cached_property
    def _views(self) -> list[GroupView]:
        return _views(self, "train")

    def _about(self) -> str:
        """The number of records, and of each status when not all succeeded."""
        met = Counter(record.status for record in self)
        parts = ", ".join(f"{met[status]} {status}" for status in STATUSES if met[status])
        return f"{len(self)} {'record' if len(self) == 1 else 'records'}{f' ({parts})' if parts and set(met) != {'ok'} else ''}"

    def __repr__(self) -> str:
        return f"<Results: {self._about()}{f', {self._path}' if self._path else ''}>"

    def __str__(self) -> str:
        from manyhands.report.terminal import to_text

        return to_text(self).strip("\n")

    def _repr_html_(self) -> str:
        from manyhands.report.notebook import results_html

        return results_html(f"{self._about()}{f' in {self._path}' if self._path else ''}", self._views)


def read(*paths: str | Path, with_workers: bool = True) -> Results:
    """The records of all files, each record once even when it is in two files.

    A path is a file of `manyhands run` (JSON Lines), a JSON file of pytest-benchmark or of `manyhands report`, or a pattern such as
    "results/*.jsonl"; "**" in a pattern matches folders at any depth. `with_workers=False` leaves out the values of each worker, which
    takes half the memory; data frames and reports do not need them, apart from the column `per_worker`.

    Raises UsageError without a path; RecordError, naming the file and the line, when a file is missing or damaged, when a pattern
    matches no file, or when no file has a record.
    """
    from manyhands.report.sources import load

    if not paths:
        raise UsageError('no file given to read; name files or patterns, as in read("results/*.jsonl")')
    files = [file for path in paths for file in _matching(path)]
    return Results(load(files, with_workers), files[0] if len(set(files)) == 1 else None, files)


def _matching(path: str | Path) -> list[Path]:
    """The file itself, or the files that match the pattern in the order of their names; raises RecordError when none does."""
    file = Path(os.path.expanduser(_path(path)))
    if os.path.exists(file) or not glob.has_magic(str(file)):
        return [file]
    found = [Path(name) for name in sorted(glob.glob(str(file), recursive=True)) if not os.path.isdir(name)]
    if not found:
        raise RecordError(f"no file matches {str(path)!r}; make records with 'manyhands run --out FILE'")
    return found


def _path(given: object) -> Path:
    if isinstance(given, str | Path) and str(given).strip() and "\0" not in str(given):
        return Path(given)
    raise UsageError(f"{_shown(given)} is not a path; give each path by itself, as text or as a pathlib.Path")


def _views(records: Sequence[Record], time: Time) -> list[GroupView]:
    from manyhands.report.group_view import group_views

    return group_views(records, time)


def _time(given: Time) -> Time:
    if given not in TIMES:
        raise UsageError(f"unknown time {_shown(given)}; known: {', '.join(TIMES)} (the train phase, or the whole run)")
    return given


def _target(given: tuple[str, float] | None) -> QualityTarget | None:
    from manyhands.analysis.targets import QualityTarget

    if given is None:
        return None
    match given:
        case (str(metric), int(value) | float(value)):
            return QualityTarget(metric, float(value))
    raise UsageError(f'target {_shown(given)} is not a metric and a number; use for example target=("accuracy", 0.97)')


def _shown(given: Any) -> str:
    """The value as an error message shows it: one short line."""
    text = " ".join(repr(str(given) if isinstance(given, os.PathLike) else given).split())
    return text if len(text) <= SHOWN_IN_ERRORS else f"{text[:SHOWN_IN_ERRORS]}..."

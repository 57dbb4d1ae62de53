"""Predictions -> columns and lines: every forecast with its interval, how well smaller runs foretold larger ones, and on what
assumptions all of it rests; as text, Markdown or JSON."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from manyhands.analysis.allreduce import BUCKET, FIRST_BUCKET, MIB, buckets
from manyhands.analysis.fit import NotIdentifiable
from manyhands.analysis.predict import Prediction
from manyhands.analysis.predictable import Family, listed
from manyhands.report import formatting
from manyhands.report.columns import Column
from manyhands.report.exchange import data, microseconds, nanoseconds
from manyhands.report.markdown_text import bullets, escape, table

Found = Prediction | NotIdentifiable
FORMULAS = {
    "ring": "2 (n - 1) alpha + 2 (n - 1) / n x bytes x beta",
    "tree": "halving and doubling: 2 lg n alpha + 2 (n - 1) / n x bytes x beta, and 2 (alpha + bytes x beta) more where n is no power of two",
}


def title(family: Family) -> str:
    """The workload and backend that are predicted."""
    variant = f" ({family.variant})" if family.variant else ""
    return formatting.plain(
        f"{family.group.workload} on {family.backend}{variant}, {formatting.count(family.threads, 'thread')}: predicted train phase"
    )


def identity(found: Prediction) -> list[Column]:
    """The columns that name the worker count and the algorithm of a row."""
    return [
        Column(("workers",), tuple(str(row.workers) for row in found.forecasts)),
        Column(("all-reduce",), tuple(row.algorithm for row in found.forecasts), is_number=False),
    ]


def columns(found: Prediction) -> list[Column]:
    """The predicted numbers of every row."""
    rows = found.forecasts
    return [
        Column(("rows of a", "worker's step"), tuple(str(row.batch) for row in rows)),
        Column(("steps",), tuple(str(row.steps) for row in rows)),
        Column(("compute", "and input s"), tuple(formatting.format_number(row.busy) for row in rows)),
        Column(("exposed", "exchange s"), tuple(formatting.format_number(row.exposed) for row in rows)),
        Column(("train s", "[95 % interval]"), tuple(formatting.interval(row.train) for row in rows)),
        Column(("speed-up over", "one worker"), tuple(formatting.format_number(row.speedup) for row in rows)),
        Column(("effi-", "ciency"), tuple(formatting.format_number(row.speedup / row.workers) for row in rows)),
    ]


def lines(found: Found) -> list[str]:
    """The lines below the table: impossible worker counts, the validation, the assumptions."""
    if isinstance(found, NotIdentifiable):
        return [formatting.plain(str(found))]
    impossible = [
        f"no prediction for {formatting.count(count, 'worker')}: {reason}" for count, reason in found.impossible.items()
    ]
    return [formatting.plain(line) for line in (*impossible, *_beyond(found), *_validation(found), *assumptions(found))]


def assumptions(found: Prediction) -> list[str]:
    """The assumptions of the forecasts, a line each."""
    job, sizes = found.family.job, buckets(found.family.job.gradient_bytes)
    algorithms = dict.fromkeys(row.algorithm for row in found.forecasts)
    return [
        f"assumed: {line}"
        for line in (
            _compute(found),
            _link(found),
            *(f"{name}: all workers at once exchange in {FORMULAS[name]}" for name in algorithms),
            f"{data(job.gradient_bytes)} of gradients go in {formatting.count(len(sizes), 'bucket')} (DistributedDataParallel: {FIRST_BUCKET // MIB} MiB, then"
            f" {BUCKET // MIB} MiB each), last layers first; a bucket starts when the backward pass has filled it and the one before is through",
            "the backward pass is two thirds of compute, and gradients come evenly over it; what it does not hide is exposed",
            _batch(found),
            "workers are equally fast and none waits for a straggler, and neither memory, cores nor network are shared with anything else",
            "the interval holds the spread of launches and of the fitted alpha and beta, not errors of these assumptions"
            if any(row.train.low is not None for row in found.forecasts)
            else "no interval: too few launches; measure with --repeats 3",
        )
    ]


def _compute(found: Prediction) -> str:
    known = found.calibration
    of = f"from {formatting.count(known.launches, 'launch', 'launches')} with {listed(known.workers)} {'worker' if known.workers == (1,) else 'workers'}"
    parts = [
        f"{formatting.format_number(1e3 * cost)} ms a {what}"
        for cost, what in ((known.step_s, "step"), (known.row_s, "row"))
        if cost
    ]
    only = (
        ""
        if len(parts) == 2
        else "; smaller steps were no faster"
        if known.step_s
        else "; the number of rows in a step makes no difference"
    )
    return f"compute and input take a worker {' and '.join(parts)}, {of}{only}"


def _link(found: Prediction) -> str:
    link = found.network.link
    return f"alpha {microseconds(link.alpha)} a step, beta {nanoseconds(link.beta)}, {found.network.source}; the same between any two workers"


def _batch(found: Prediction) -> str:
    job = found.family.job
    rows = f"{job.rows_of_one:g} rows an epoch{' for every worker' if job.scaling == 'growing' else ' in all'}"
    if job.batch == "global":
        return f"{rows}; a global batch of {job.batch_size} rows, so a worker's step gets smaller with every worker"
    return (
        f"{rows}; {job.batch_size} rows a step for each worker, so more workers take fewer steps, which is another optimisation"
    )


def _beyond(found: Prediction) -> list[str]:
    """A line about the worker counts whose steps have fewer rows than any that was measured."""
    least = min(map(found.family.job.worker_batch, found.calibration.workers))
    counts = sorted({row.workers for row in found.forecasts if row.batch < least})
    if not counts:
        return []
    return [
        f"beyond what was measured: with {listed(counts)} workers a worker's step has fewer rows than the {least} that were measured"
    ]


def _validation(found: Prediction) -> list[str]:
    if found.unchecked:
        return [f"validation: {found.unchecked}"]
    on = f"network {'as measured' if found.checked_on.measured else 'as given, which these may not have run on'}"
    return [
        f"validation: {formatting.count(check.workers, 'worker')} predicted from {listed(found.checked_from)}, {check.algorithm}, {on}:"
        f" {formatting.format_number(check.predicted)} s, measured {formatting.format_number(check.measured)} s, error {100 * check.error:+.0f} %"
        + (" (measured with more threads than cores)" if check.oversubscribed else "")
        for check in found.checks
    ]


def to_markdown(predictions: Sequence[tuple[Family, Found]]) -> str:
    """All predictions as Markdown, a heading for each."""
    blocks = []
    for family, found in predictions:
        blocks.append(f"### {escape(title(family))}")
        if isinstance(found, Prediction) and found.forecasts:
            blocks.append(table([*identity(found), *columns(found)]))
        blocks.append(bullets(lines(found)))
    return "\n\n".join(blocks) + "\n"


def to_json(predictions: Sequence[tuple[Family, Found]]) -> str:
    """An object with `predictions`, one object a family of cells. The unit of every time is a second, of every size a byte."""
    return (
        json.dumps({"predictions": [_object(*pair) for pair in predictions]}, ensure_ascii=False, indent=1, allow_nan=False)
        + "\n"
    )


def _object(family: Family, found: Found) -> dict[str, Any]:
    about = {"workload": family.group.workload, "backend": family.backend, "threads": family.threads, "variant": family.variant}
    about |= {"conditions": dict(family.group.conditions)}
    if isinstance(found, NotIdentifiable):
        return about | {"forecasts": [], "reason": found.reason}
    known, link = found.calibration, found.network.link
    return about | {
        "job": asdict(family.job),
        "calibration": {"step_s": known.step_s, "row_s": known.row_s, "workers": known.workers, "launches": known.launches},
        "network": {
            "alpha_s": asdict(link.alpha),
            "beta_s_per_byte": asdict(link.beta),
            "source": found.network.source,
        },
        "forecasts": [asdict(row) | {"efficiency": row.speedup / row.workers} for row in found.forecasts],
        "impossible": {str(count): reason for count, reason in found.impossible.items()},
        "validation": {
            "from_workers": found.checked_from,
            "checks": [asdict(check) | {"error": check.error} for check in found.checks],
            "reason": found.unchecked or None,
        },
        "assumptions": [line.removeprefix("assumed: ") for line in assumptions(found)],
    }

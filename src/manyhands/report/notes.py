"""A group -> the lines under its tables: what stopped, what cannot be compared, on what data, machine and versions."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

from manyhands.analysis.cells import Group, memory_layout
from manyhands.analysis.disturbed import all_disturbed, disturbance
from manyhands.analysis.exchange import is_exchange
from manyhands.analysis.scaling import Time
from manyhands.analysis.spread import finite_or_none, mean
from manyhands.analysis.summary import Summary, lost_in
from manyhands.analysis.targets import QualityTarget
from manyhands.record import Record
from manyhands.report import formatting

TITLED = 4
"""Differences that a title names; the line about what is not averaged names all."""
NO_RECORDS = "no records: nothing was run"
NO_MEASURED_RUN = "no measured run: every run failed or was skipped, for the reasons above"
IN_SHORT = "[a, b]: 95 % interval; the whole run has launch and teardown; more: --details"
WEIGHTS = "initial weights"
_PHRASES = {"train": "the train phase", "wall": "the whole run"}


def title(group: Group, apart: Iterable[str]) -> str:
    """The workload, and the group's value of each condition in which the groups of that workload differ."""
    values = [f"{name} {group.conditions.get(name, 'missing')}" for name in apart]
    more = [f"{len(values) - TITLED} more differences"] if len(values) > TITLED else []
    return formatting.plain(", ".join([group.workload, *values[:TITLED], *more]))


def not_averaged(apart: Mapping[str, Sequence[str]]) -> list[str]:
    """One line with the conditions in which the groups of a workload differ; none for a single group."""
    found = [f"{name} {' / '.join(values)}" for name, values in apart.items()]
    return [formatting.plain(f"not averaged together: {'; '.join(found)}")] if found else []


def stopped(group: Group) -> list[str]:
    """A line for every reason that runs failed or were skipped for, with the cells that share it."""
    found: dict[tuple[str, str], list[str]] = {}
    for cell in (*group.cells, *group.limits):
        reasons = Counter((record.status, record.reason or "") for record in cell.records if not record.ok)
        for reason, times in reasons.items():
            share = f" ({times} of {formatting.count(len(cell.records), 'run')})" if len(cell.records) > 1 else ""
            found.setdefault(reason, []).append(f"{formatting.full_name(cell)}{share}")
    return [formatting.plain(f"{status}: {'; '.join(cells)}: {reason}") for (status, reason), cells in found.items()]


def disturbed(group: Group, time: Time) -> list[str]:
    """A line for every cell with launches that other programs disturbed; one line when all launches of the group are."""
    if all_disturbed(group.records, time):
        loudest = next(record for record in group.records if record.ok)
        count = sum(record.ok for record in group.records)
        return [
            f"disturbed: other programs ran beside every launch, so all {count} are used and speed-ups may be wrong"
            f" ({disturbance(loudest, time)}); end these programs and measure again"
        ]
    lines = []
    for cell in (*group.cells, *group.limits):
        loud = [record for record in cell.records if record.id in cell.disturbed]
        if loud:
            share = f"{len(loud)} of {formatting.count(sum(record.ok for record in cell.records), 'launch', 'launches')}"
            reasons = dict.fromkeys(disturbance(record, time) for record in loud)
            lines.append(f"disturbed, left out: {formatting.full_name(cell)} ({share}): {next(iter(reasons))}")
    return lines


def cautions(group: Group, summaries: Sequence[Summary], time: Time = "train", target: QualityTarget | None = None) -> list[str]:
    """Reasons to doubt a number in the table, a line each."""
    lines = disturbed(group, time)
    if summaries and not is_exchange(group) and not any(row.is_base for row in summaries):
        lines.append("no speed-up: no measured run of serial with 1 worker to compare with; add --backend serial")
    if any(row.speedup and row.speedup.low is None for row in summaries):
        lines.append(f"[{formatting.NOT_MEASURED}] an interval needs 2 launches of both cells; add --repeats 3")
    starts = {(record.spec.get("seed"), record.init_sha256) for record in group.measured if record.init_sha256}
    if len(starts) > len({seed for seed, _ in starts}):
        lines.append("initial weights differ between runs: compare their speed, not their quality")
    lines += _missed(summaries, target) if target else _inexact(summaries)
    lines += _scripts(summaries)
    lines += _own_cautions(summaries)
    lines += [line for row in summaries for line in _lost(row)]
    lines += _layouts(summaries)
    lines += _iterations(summaries)
    lines += [line for row in summaries for line in _unmeasured(row)]
    lines += _engines(group)
    crowded = [row for row in summaries if any(record.resolved.get("oversubscribed") for record in row.cell.measured)]
    lines += [f"oversubscribed: {formatting.full_name(row.cell)}: more threads than usable cores" for row in crowded]
    return [formatting.plain(line) for line in lines]


def _missed(summaries: Sequence[Summary], target: QualityTarget) -> list[str]:
    """A line about the cells of which a launch missed the target; none where all did, which the answer says."""
    wanted = f"{formatting.metric(target.metric)} {target.value:g}"
    late = [row for row in summaries if row.place == "misses the target"]
    if late and all(row.to_target is None or not row.to_target.scored for row in late):
        return [f"no times until {wanted}: no launch scored it after its epochs; measure again with --target {target.metric}=..."]
    if len(late) == len(summaries):
        return []
    cells = [
        f"{formatting.full_name(row.cell)} ({row.to_target.reached if row.to_target else 0} of"
        f" {formatting.count(len(row.cell.measured), 'launch', 'launches')} reach it)"
        for row in late
    ]
    return [f"{wanted} missed, so never the winner: {'; '.join(cells)}"] if cells else []


def _inexact(summaries: Sequence[Summary]) -> list[str]:
    """A line about strategies that train another model than `every-step` does."""
    found = [
        row for row in summaries if any((record.resolved.get("sync") or {}).get("exact") is False for record in row.cell.measured)
    ]
    if not found:
        return []
    cells = "; ".join(formatting.full_name(row.cell) for row in found)
    return [f"another optimisation than every-step: {cells}: compare times to the same quality with --target METRIC=VALUE"]


def facts(group: Group) -> list[str]:
    """The data, the settings, the forecast to beat and the hosts of the workers, each in a line."""
    return [line for line in (_data(group), _settings(group), _proof(group), _naive(group), _hosts(group)) if line]


def _proof(group: Group) -> str:
    """The door through which a user's own training came, and what the workers' equality was not checked for; empty for ours."""
    proof = next((record.resolved["proof"] for record in group.measured if record.resolved.get("proof")), None)
    if proof is None:
        return ""
    differ = {record.init_sha256 for record in group.measured if record.init_sha256}
    proved = [what for what in proof["proved"] if what != WEIGHTS or len(differ) < 2]
    missing = [*proof["not_proved"], *(what for what in proof["proved"] if what not in proved)]
    parts = [f"proved equal on all backends: {', '.join(proved)}"] if proved else []
    parts += [f"not proved equal: {', '.join(missing)}"] if missing else []
    return formatting.plain(f"your own {proof['door']}: {'; '.join(parts)}")


def _hosts(group: Group) -> str:
    """The hosts of the workers, when any worker ran on another host than the driver."""
    found = {str(worker["host"]) for record in group.measured for worker in record.per_worker if worker.get("host")}
    return f"hosts: {', '.join(sorted(found))}" if found - {str(record.machine.get("host")) for record in group.measured} else ""


def machine(record: Record) -> str:
    """The machine in a line; empty when the record does not say."""
    known = record.machine
    cores, total, memory = known.get("cores"), known.get("cores_total"), finite_or_none(known.get("memory_bytes"))
    parts = [known.get("host"), known.get("cpu_model")]
    parts.append(
        f"{cores} of {total} cores usable" if cores and total and cores != total else f"{cores} cores" if cores else None
    )
    parts += [
        formatting.size(memory) if memory else None,
        known.get("os"),
        f"Python {known['python']}" if known.get("python") else None,
    ]
    text = ", ".join(str(part) for part in parts if part)
    return formatting.plain(f"machine: {text}") if text else ""


def versions(records: Sequence[Record]) -> str:
    """The versions of all libraries met and the commit, in a line; empty when no record says."""
    met: dict[str, list[str]] = {}
    for record in records:
        for name, version in record.versions.items():
            met[name] = list(dict.fromkeys([*met.get(name, []), version]))
    parts = [f"{name} {' / '.join(found)}" for name, found in met.items()]
    commits = dict.fromkeys(record.code["commit"] for record in records if record.code.get("commit"))
    parts += [f"code {' / '.join(str(commit)[:12] for commit in commits)}"] if commits else []
    return formatting.plain(f"versions: {', '.join(parts)}") if parts else ""


def how_to_read(time: Time) -> str:
    """The meaning of the columns."""
    return (
        f"how to read: speed-up is rows per second over those of the base line, in the train phase or in the whole run with launch"
        f" and teardown, with intervals from the launches of all cells; {_PHRASES[time]} decides what is fastest; efficiency is speed-up per thread used; core-hours are workers x threads x wall time; [a, b] are 95 % intervals;"
        f" {formatting.NOT_MEASURED} was not measured"
    )


def _engines(group: Group) -> list[str]:
    """The start and stop times of each engine that served several runs."""
    served: dict[str, list[Record]] = {}
    for record in group.measured:
        if engine := record.resolved.get("engine"):
            served.setdefault(engine, []).append(record)
    lines = []
    for records in served.values():
        stops = [taken for record in records if (taken := finite_or_none(record.resolved.get("engine_stop_s"))) is not None]
        stop = f", its stop {formatting.format_number(stops[0])} s" if stops else ""
        launch = formatting.format_number(finite_or_none(records[0].resolved.get("engine_launch_s")))
        lines.append(
            f"one {records[0].spec.get('backend')} engine served {formatting.count(len(records), 'run')}: its launch took {launch} s{stop}, no part of the times of these runs,"
            " which have no core-hours for that reason; they count as one launch, because their differences lie within it: they show how steady the engine"
            " is once it runs, and nothing about another launch of it, whose spread the intervals take from the launches of other cells"
        )
    return lines


def _scripts(summaries: Sequence[Summary]) -> list[str]:
    """Lines about scripts: those that formed no process group, and those whose phases do not compare."""
    alone = [
        row
        for row in summaries
        if row.cell.workers > 1 and any(record.resolved.get("process_group") is False for record in row.cell.measured)
    ]
    lines = [
        f"no process group: the {row.cell.workers} workers of {formatting.full_name(row.cell)} did not work together,"
        f" so each did all of the work: {row.cell.workers} times in all"
        for row in alone
    ]
    if any(record.resolved.get("marks") is False for row in summaries for record in row.cell.measured):
        lines.append(
            "whole runs are compared: without marks, the train phase of a script holds whatever comes after its launch;"
            " manyhands.marks around its steps splits it"
        )
    return lines


def _own_cautions(summaries: Sequence[Summary]) -> list[str]:
    """The cautions that the workers noted about a user's own training, once for all cells that share it."""
    return list(
        dict.fromkeys(line for row in summaries for record in row.cell.measured for line in record.resolved.get("cautions", ()))
    )


def _lost(row: Summary) -> list[str]:
    """A line when the loss of a cell became NaN or infinite."""
    if not (lost := lost_in(row.cell)):
        return []
    runs = f"{len(lost)} of {formatting.count(len(row.cell.measured), 'run')}"
    return [
        f"not a number: the loss of {formatting.full_name(row.cell)} from epoch {min(lost)} on in {runs}; such a cell never wins"
    ]


def _layouts(summaries: Sequence[Summary]) -> list[str]:
    """A line when the workers of some cells had another memory layout than those of others."""
    met: dict[str, list[str]] = {}
    for row in summaries:
        for layout in dict.fromkeys(filter(None, map(memory_layout, row.cell.measured))):
            met.setdefault(layout, []).append(formatting.full_name(row.cell))
    if len(met) < 2:
        return []
    each = "; ".join(f"{layout}: {', '.join(cells)}" for layout, cells in met.items())
    return [f"unequal memory layout, which can change the speed: {each}; --memory-layout system makes them equal"]


def _iterations(summaries: Sequence[Summary]) -> list[str]:
    """A line when engines ran different numbers of iterations because each stops by its own rule."""
    taken = sorted({row.iterations for row in summaries if row.iterations is not None})
    if len(taken) < 2:
        return []
    few, many = formatting.whole(taken[0]), formatting.whole(taken[-1])
    return [
        f"unequal work: train took from {few} to {many} iterations, since every engine stops by a rule of its own;"
        f" --set tolerance=0 --set max_iterations={few} makes them equal"
    ]


def _unmeasured(row: Summary) -> list[str]:
    records = row.cell.measured
    names = dict.fromkeys(
        metric for record in records for metric, value in record.quality.items() if not isinstance(value, list | dict)
    )
    without = {metric: sum(finite_or_none(record.quality.get(metric)) is None for record in records) for metric in names}
    return [
        f"not a number: {formatting.metric(metric)} of {formatting.full_name(row.cell)} in {times} of {formatting.count(len(records), 'run')}"
        for metric, times in without.items()
        if times
    ]


def _data(group: Group) -> str:
    data = next((record.data for record in group.records if record.data), None)
    if data is None:
        return ""
    rows = data.get("rows")
    counts = ", ".join(f"{part} {n}" for part, n in rows.items()) if isinstance(rows, dict) else str(rows or "")
    parts = [data.get("name"), data.get("source"), f"sha256 {str(data['sha256'])[:12]}" if data.get("sha256") else None]
    parts.append(f"rows: {counts}" if counts else None)
    return formatting.plain(f"data: {'; '.join(str(part) for part in parts if part)}")


def _settings(group: Group) -> str:
    learning = (
        "epochs",
        "steps",
        "max seconds",
        "samples",
        "batch size",
        "batch",
        "scaling",
        "seed",
        "device",
        "settings",
        "score epochs",
    )
    own = any(record.resolved.get("proof", {}).get("door") == "script" for record in group.measured)
    names = ("device", "settings") if is_exchange(group) or own else learning
    values = {**group.conditions, **_told(group)}
    parts = [f"{name} {values[name]}" for name in names if values.get(name, "False") not in ("False", "defaults", "not set")]
    return formatting.plain(f"settings: {', '.join(parts)}") if parts else ""


def _told(group: Group) -> dict[str, str]:
    """Values of settings that a run finds out: the batch size of a function, and no epochs where steps or seconds are counted."""
    batch = next((record.resolved["batch_size"] for record in group.measured if record.resolved.get("batch_size")), None)
    found = {"batch size": str(batch)} if batch is not None else {}
    counted = any(group.conditions.get(name, "not set") != "not set" for name in ("steps", "max seconds"))
    return found | ({"epochs": "not set"} if counted else {})


def _naive(group: Group) -> str:
    names = dict.fromkeys(metric for record in group.measured for metric in record.quality if metric.startswith("naive_"))
    means = {metric: mean(record.quality.get(metric) for record in group.measured) for metric in names}
    parts = [
        f"{formatting.metric(name.removeprefix('naive_'))} {value:.2f}" for name, value in means.items() if value is not None
    ]
    return formatting.plain(f"naive forecast on the same rows: {', '.join(parts)}") if parts else ""

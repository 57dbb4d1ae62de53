"""The schema of a record: the one source of its documentation (docs/records.schema.json) and of the check of every record.

Fields of maps that are not named here are free: older versions, other people's workloads and later versions have more. Null means not
measured.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from manyhands.schemas.check import Check, checker

SCHEMA = 1
PHASES = ("launch", "load", "warmup", "train", "yardstick", "evaluate", "save", "teardown")
TRAIN_SPLIT = ("compute", "communicate", "input", "synchronise")
STATUSES = ("ok", "failed", "skipped")

Schema = Mapping[str, Any]


def _maybe(schema: Schema) -> Schema:
    """The schema, or null."""
    return {**schema, "type": [schema["type"], "null"]}


def _map(**properties: Schema) -> Schema:
    return {"type": "object", "properties": properties}


def _list(items: Schema, fewest: int = 0) -> Schema:
    return {"type": "array", "items": items} | ({"minItems": fewest} if fewest else {})


TEXT: Schema = {"type": "string"}
FLAG: Schema = {"type": "boolean"}
MOST = 1e24
"""The bound of counts, bytes and seconds: far above all that can be measured, and their squares and sums are numbers too."""
WHOLE: Schema = {"type": "integer"}
FROM_0: Schema = {"type": "integer", "minimum": 0, "maximum": MOST}
FROM_1: Schema = {"type": "integer", "minimum": 1, "maximum": MOST}
NUMBER: Schema = {"type": "number", "minimum": -MOST, "maximum": MOST}
AMOUNT: Schema = {"type": "number", "minimum": 0, "maximum": MOST}
SECONDS: Schema = {
    "type": ["number", "null"],
    "minimum": 0,
    "maximum": MOST,
    "title": "number of seconds from 0 on",
    "description": "Seconds; null is not measured.",
}
ABOVE_0: Schema = {
    "type": ["number", "null"],
    "exclusiveMinimum": 0,
    "title": "number of seconds above 0, as every run that is ok has",
}

SPEC = _map(
    workload=TEXT,
    backend=TEXT,
    workers=FROM_1,
    threads=FROM_1,
    epochs=FROM_1,
    samples=_maybe(FROM_1),
    steps=_maybe(FROM_1),
    max_seconds=_maybe({"type": "number", "exclusiveMinimum": 0}),
    batch_size=_maybe(FROM_1),
    batch=TEXT,
    scaling=TEXT,
    sync=TEXT,
    seed=WHOLE,
    device=TEXT,
    score_epochs=FLAG,
    target=_maybe(TEXT),
    data_dir=_maybe(TEXT),
    data=_maybe(TEXT),
    reader=TEXT,
    loader_workers=_maybe(FROM_0),
    shard_data=FLAG,
    save=_maybe(TEXT),
    settings={"type": "object"},
    prepare=TEXT,
    address=_maybe(TEXT),
    nodes=FROM_1,
    node_rank=FROM_0,
    oversubscribe=FLAG,
    reuse_engine=FLAG,
    memory_layout=TEXT,
    yardstick=_list(TEXT),
    memory_limit=_maybe(FROM_1),
    timeout_s={"type": "number", "exclusiveMinimum": 0},
    repeat=FROM_0,
)
"""The fields of `plan.RunSpec`."""

MESSAGE: Schema = {
    **_map(elements=FROM_1, bytes=FROM_1, seconds=_list(AMOUNT), right=FLAG),
    "required": ["elements", "seconds"],
}
ALL_REDUCE = _list(MESSAGE)
ALL_REDUCE_OF_RUN = _list({**MESSAGE, "required": ["elements", "bytes", "seconds"]})
PROOF = {**_map(door=TEXT, proved=_list(TEXT), not_proved=_list(TEXT)), "required": ["door", "proved", "not_proved"]}
"""Of a user's own training: how it came in, and what was proved equal on all backends."""
AGREED = _map(strategy=TEXT, exact=FLAG, bytes_sent_per_step=AMOUNT, alone_step_s=AMOUNT)
"""The agreement of the workers of a network on their weights; `alone_step_s`: a step of one worker with the machine for itself."""
RESOLVED = _map(
    proof=PROOF,
    sync=AGREED,
    cautions=_list(TEXT),
    batch_size=_maybe(FROM_1),
    loader_workers=FROM_0,
    not_finite_from_epoch=FROM_1,
    rows_trained=FROM_0,
    steps_trained=FROM_0,
    epochs_trained=FROM_0,
    process_group=FLAG,
    launch_until=TEXT,
    marks=FLAG,
    steps=FROM_0,
    warmup_steps=FROM_0,
    world_size=_maybe(FROM_1),
    worker_batch_size=_maybe(FROM_1),
    rows_per_epoch=_maybe(FROM_0),
    steps_per_epoch=_maybe(FROM_0),
    parameter_bytes=_maybe(FROM_0),
    oversubscribed=_maybe(FLAG),
    predict_s=SECONDS,
    prepare_s=SECONDS,
    engine_launch_s=SECONDS,
    engine_stop_s=SECONDS,
    iterations=_maybe(FROM_0),
    members=_maybe(FROM_0),
    engine=_maybe(TEXT),
    all_reduce={**ALL_REDUCE_OF_RUN, "type": ["array", "null"]},
    usage=_list(_map(after=TEXT, cpu_s=_maybe(AMOUNT), pss_bytes=_maybe(AMOUNT))),
    driver_peak_pss_bytes=_maybe(AMOUNT),
    yardstick=_maybe(TEXT),
)


def _seconds_of(title: str, parts: tuple[str, ...], rest: Schema | bool, seconds: Schema = SECONDS) -> Schema:
    """Seconds of named parts."""
    return {
        "type": "object",
        "title": title,
        "properties": {f"{part}_s": seconds for part in parts},
        "additionalProperties": rest,
    }


SPLIT_SECONDS: Schema = {**_maybe(NUMBER), "description": "Seconds; null is not measured."}
"""A part of `train` may be the difference of two times, so rounding can take it below 0."""

WORKER = _map(
    host=_maybe(TEXT),
    rank=_maybe(FROM_0),
    pid=_maybe(FROM_0),
    thread=_maybe(FROM_0),
    threads={"type": ["object", "null"], "additionalProperties": FROM_0},
    cpu_user_s=_maybe(NUMBER),
    cpu_system_s=_maybe(NUMBER),
    memory_layout={"type": ["object", "null"], "additionalProperties": _maybe(FLAG)},
    peak_rss_bytes=_maybe(AMOUNT),
    peak_pss_bytes=_maybe(AMOUNT),
    phases=_seconds_of("phase", PHASES, SECONDS),
    train_split=_seconds_of("part of train", TRAIN_SPLIT, SPLIT_SECONDS, SPLIT_SECONDS),
    yardstick={"type": ["object", "null"], "additionalProperties": _list(AMOUNT)},
    clock=_maybe(TEXT),
    started=_maybe(NUMBER),
    ended=_maybe(NUMBER),
    rows_seen=_maybe(FROM_0),
    rows_sha256=_maybe(TEXT),
    fetch_s=SECONDS,
    bytes_moved=_maybe(AMOUNT),
    requests=_maybe(FROM_0),
    saved_bytes=_maybe(AMOUNT),
    all_reduce={**ALL_REDUCE, "type": ["array", "null"]},
    exit_code=_maybe(WHOLE),
    tasks=_maybe(FROM_0),
    busy_s=_maybe(NUMBER),
)
"""The fields of `measure.worker_report.WorkerReport`."""

SPAN = {**_map(seconds=NUMBER, used_s=NUMBER, stolen_s=NUMBER), "type": ["object", "null"]}
OTHER_PROGRAMS: Schema = {
    **_map(allowed_cores=NUMBER, allowed_stolen_cores=NUMBER, run=SPAN, train=SPAN),
    "type": ["object", "null"],
    "required": ["allowed_cores", "allowed_stolen_cores", "run", "train"],
    "additionalProperties": False,
}
RESOURCES = _map(
    other_programs=OTHER_PROGRAMS,
    cpu_s=_maybe(AMOUNT),
    cpu_percent=_maybe(AMOUNT),
    peak_pss_bytes=_maybe(AMOUNT),
    load_1m_before=_maybe(AMOUNT),
    samples=_list(_list(_maybe(NUMBER))),
    ended_by_force=_list(TEXT),
    elsewhere=_map(workers=FROM_0, cpu_s=_maybe(AMOUNT), peak_rss_bytes=_maybe(AMOUNT)),
)
EPOCH = _map(epoch=FROM_0, elapsed_s=SECONDS)
DATA = _map(
    name=_maybe(TEXT), source=_maybe(TEXT), sha256=_maybe(TEXT), rows={"type": "object", "additionalProperties": _maybe(FROM_0)}
)
MACHINE = _map(
    host=_maybe(TEXT),
    cpu_model=_maybe(TEXT),
    cores=_maybe(FROM_1),
    cores_total=_maybe(FROM_1),
    memory_bytes=_maybe(AMOUNT),
    os=_maybe(TEXT),
    python=_maybe(TEXT),
)
USE = _map(variant=TEXT, part=TEXT, epochs=_list(FROM_1, 2), samples=_list(_maybe(FROM_1), 2))
STUDY = _map(
    name=TEXT,
    uses=_list({**USE, "required": ["variant", "part"]}),
    repeats=_list(FROM_1, 2),
    budget_s=_maybe(AMOUNT),
    expected_s=_maybe(AMOUNT),
    pilot_s=_maybe(AMOUNT),
    seeds=_maybe(TEXT),
)

COMMIT = {"commit": _maybe(TEXT), "dirty": _maybe(FLAG)}
FILES = {"files": {"type": "object", "additionalProperties": TEXT}, "sha256": TEXT}
CODE = _map(**COMMIT, **FILES, manyhands=_map(**COMMIT), backend=_map(**FILES), sync=_map(**FILES))

PROPERTIES: Mapping[str, Schema] = {
    "id": TEXT,
    "spec": SPEC,
    "status": {"type": "string", "enum": list(STATUSES)},
    "started_at": TEXT,
    "reason": _maybe(TEXT),
    "resolved": RESOLVED,
    "wall_s": SECONDS,
    "phases": _seconds_of("phase", PHASES, False),
    "train_split": _seconds_of("part of train", TRAIN_SPLIT, False, SPLIT_SECONDS),
    "per_worker": _list(WORKER),
    "resources": RESOURCES,
    "quality": {"type": "object"},
    "history": _list(EPOCH),
    "data": DATA,
    "init_sha256": _maybe(TEXT),
    "machine": MACHINE,
    "versions": {"type": "object", "additionalProperties": TEXT},
    "code": CODE,
    "plan": _map(id=_maybe(TEXT), position=_maybe(WHOLE), order_seed=_maybe(WHOLE), why=TEXT),
    "command": TEXT,
    "study": STUDY,
    "schema": {"const": SCHEMA},
}
"""Field of a record -> its schema."""
REQUIRED = ("schema", "id", "spec", "status", "started_at")
RECORD: Schema = {
    "type": "object",
    "properties": PROPERTIES,
    "required": list(REQUIRED),
    "additionalProperties": False,
    "if": {"properties": {"status": {"const": "ok"}}},
    "then": {"properties": {"wall_s": ABOVE_0, "phases": {"properties": {"train_s": ABOVE_0}}}},
    "else": {
        "properties": {"reason": {"type": "string", "minLength": 1, "title": "text, and a run that is not ok needs a reason"}},
        "required": ["reason"],
    },
}
"""One line of a record file."""


@cache
def record_check() -> Check:
    """The check of a record's fields, made once in a process."""
    return checker(RECORD)

"""Invented records with a known speed-up, without any training: for tests, and to see an example of a report."""

from __future__ import annotations

import random
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

from manyhands.record import Record

SPEEDS: Mapping[tuple[str, int, int], float] = {
    ("serial", 1, 1): 1.0,
    ("serial", 1, 4): 2.1,
    ("ddp", 1, 1): 0.97,
    ("ddp", 2, 1): 1.8,
}
"""Backend, workers, threads -> the true speed-up of the invented runs."""
MACHINE = {
    "host": "example",
    "cpu_model": "made-up CPU",
    "cores": 4,
    "memory_bytes": 16_000_000_000,
    "os": "Linux",
    "python": "3.11.9",
}

STRATEGIES: Mapping[tuple[str, int, str], float] = {
    ("serial", 1, "every-step"): 8.0,
    ("ddp", 2, "every-step"): 6.4,
    ("ddp", 2, "local=8"): 5.6,
    ("ddp", 2, "limit"): 5.0,
}
"""Backend, workers, strategy -> the seconds of training of invented runs."""
ALONE_S = 0.07
"""Seconds of one of their 64 steps on one worker alone."""


SPEC: Mapping[str, Any] = {
    "workload": "cnn",
    "backend": "serial",
    "workers": 1,
    "threads": 1,
    "epochs": 1,
    "samples": 4096,
    "batch_size": 64,
    "batch": "global",
    "scaling": "fixed",
    "seed": 0,
    "device": "cpu",
    "settings": {},
    "nodes": 1,
    "repeat": 0,
}


def example_record(train_s: float, asked: Mapping[str, Any], **changes: Any) -> Record:
    """A finished run with `train_s` seconds of training; `asked` replaces fields of the spec, `changes` those of the record."""
    spec = {**SPEC, **asked}
    workers, spread_out = spec["workers"], spec["backend"] != "serial"
    phases = {"launch_s": 3.1 if spread_out else 1.2, "load_s": 0.2, "warmup_s": 0.1, "train_s": train_s, "evaluate_s": 0.2}
    phases |= {"teardown_s": 0.3 if spread_out else 0.01}
    split = {"compute_s": 0.8 * train_s, "communicate_s": 0.15 * train_s if spread_out else None, "input_s": 0.05 * train_s}
    wall_s, busy = sum(phases.values()), workers * spec["threads"] ** 0.5
    rows = spec["samples"] * (workers if spec["scaling"] == "growing" else 1)
    record = Record(
        id="-".join(str(spec[name]) for name in ("workload", "backend", "workers", "threads", "repeat")),
        spec=spec,
        status="ok",
        started_at="2026-01-01T00:00:00Z",
        resolved={"world_size": workers, "rows_per_epoch": rows, "oversubscribed": False},
        wall_s=wall_s,
        phases={**phases, "yardstick_s": None, "save_s": None},
        train_split=split,
        resources={"cpu_s": busy * wall_s, "cpu_percent": 98.0 * busy, "peak_pss_bytes": 300_000_000 * workers},
        quality={"accuracy": 0.97},
        history=({"epoch": 1, "loss": 0.3, "accuracy": 0.97, "elapsed_s": train_s},),
        data={"name": "mnist", "source": "made up", "sha256": "a1b2c3d4e5f60718", "rows": {"train": 8192, "test": 2048}},
        init_sha256="0f1e2d3c",
        machine=MACHINE,
        versions={"manyhands": "0.1.0", "torch": "2.13.0"},
        code={"commit": "abcdef0123456789", "dirty": False},
        plan={"id": "example", "position": 0, "order_seed": 0},
        command=f"manyhands run {spec['workload']} --backend {spec['backend']} --workers {workers}",
    )
    return replace(record, **changes)


def example_records(
    workloads: Sequence[str] = ("cnn",),
    repeats: int = 3,
    speeds: Mapping[tuple[str, int, int], float] = SPEEDS,
    noise: float = 0.02,
    seed: int = 0,
) -> list[Record]:
    """Runs of every cell in every repeat: 12 s divided by the true speed-up, with log-normal noise and a drift for each block."""
    chance = random.Random(seed)
    records = []
    for workload in workloads:
        for repeat in range(repeats):
            drift = chance.lognormvariate(0, 0.05)
            for (backend, workers, threads), speed in speeds.items():
                asked = {"workload": workload, "backend": backend, "workers": workers, "threads": threads, "repeat": repeat}
                records.append(example_record(12.0 / speed * drift * chance.lognormvariate(0, noise), asked))
    return records


def example_strategies(
    repeats: int = 3, history: Mapping[str, Sequence[float]] | None = None, target: str | None = None
) -> list[Record]:
    """Runs of the strategies, with a limit. `history`: strategy -> the accuracy after each epoch, where that is not 0.97 after the only one."""
    found = []
    for repeat in range(repeats):
        for (backend, workers, sync), taken in STRATEGIES.items():
            train_s = taken * (1 + repeat / 100)
            asked = {"backend": backend, "workers": workers, "sync": sync, "repeat": repeat, "target": target}
            resolved: dict[str, Any] = {"rows_per_epoch": 4096, "steps_per_epoch": 64}
            if workers > 1:
                resolved["sync"] = {"strategy": sync, "exact": sync == "every-step"} | (
                    {"alone_step_s": ALONE_S} if sync == "limit" else {}
                )
            scores = (history or {}).get(sync, (0.97,))
            epochs = tuple(
                {"epoch": epoch, "loss": 0.3, "elapsed_s": train_s * epoch / len(scores)}
                | ({} if sync == "limit" else {"accuracy": score})
                for epoch, score in enumerate(scores, start=1)
            )
            quality = {} if sync == "limit" else {"accuracy": scores[-1]}
            name = f"{backend}-{workers}-{sync}-{repeat}"
            found.append(example_record(train_s, asked, id=name, resolved=resolved, quality=quality, history=epochs))
    return found


def example_exchange(backend: str, workers: int, seconds: Mapping[int, Sequence[float]], repeat: int = 0) -> Record:
    """A run of `collective`; `seconds`: elements of a message -> the times of its repetitions."""
    asked = {"workload": "collective", "backend": backend, "workers": workers, "repeat": repeat, "batch": "per-worker"}
    sizes = [{"elements": elements, "bytes": 4 * elements, "seconds": list(taken)} for elements, taken in seconds.items()]
    resolved = {"strategy": "torch.distributed.all_reduce", "group": "gloo", "device": "cpu", "all_reduce": sizes}
    spent = sum(sum(taken) for taken in seconds.values())
    split = {"compute_s": None, "communicate_s": spent, "input_s": None}
    return example_record(spent, asked, resolved=resolved, train_split=split, quality={}, history=(), data={}, init_sha256=None)

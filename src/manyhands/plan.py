"""The plan: `RunSpec` describes one run, `grid` repeats the cells in blocks, `ordered` shuffles the runs inside each block."""

from __future__ import annotations

import random
import shlex
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from typing import Any

from manyhands.errors import UsageError
from manyhands.record import BASE_LINE, EVERY_STEP
from manyhands.user_files import is_script

BATCH_MODES = ("global", "per-worker")
SCALINGS = ("fixed", "growing")
DEVICES = ("cpu", "cuda")
PREPARES = ("plain", "spark")
MEMORY_LAYOUTS = ("system", "huge-pages", "fixed-addresses", "steady")
YARDSTICKS = ("network", "matrix", "memory")
DEFAULT_BATCH = 64
"""Rows per step where no other number is given."""
READERS = ("obstore", "boto3", "s3torchconnector")
"""Libraries that read a bucket; the first is the default, being the fastest of them in benchmarks/pytest_suite/test_store.py."""


@dataclass(frozen=True, kw_only=True)
class RunSpec:
    """One run of one cell. Counts are whole numbers above 0 unless stated otherwise."""

    workload: str
    backend: str
    workers: int = 1
    threads: int = 1
    """Threads of each worker, for every numeric library in it."""
    epochs: int = 1
    samples: int | None = None
    """Training rows used (per worker when `scaling` is growing); None means all of them."""
    steps: int | None = None
    """Steps of the optimizer, in as many epochs as they take; None trains for `epochs`."""
    max_seconds: float | None = None
    """Seconds of the phase `train` after which training ends with its step; None trains for `epochs`."""
    batch_size: int | None = DEFAULT_BATCH
    """None: as a user's function has it."""
    batch: str = "global"
    """`global`: `batch_size` is shared by the workers. `per-worker`: each worker takes `batch_size`."""
    scaling: str = "fixed"
    """`fixed`: the same rows in total at every worker count. `growing`: `samples` rows for every worker."""
    sync: str = EVERY_STEP
    """The strategy by which the workers of a network agree on their weights: `NAME` or `NAME=VALUE`, see `backends/sync/`."""
    seed: int = 0
    device: str = "cpu"
    score_epochs: bool = False
    """Score the held-out rows after every epoch (outside the `train` phase)."""
    target: str | None = None
    """The quality to reach, such as `accuracy=0.95`; cells are compared by their time until then."""
    data_dir: str | None = None
    """Folder of real data; None means the embedded data, or what `data` names."""
    data: str | None = None
    """Bucket or web address that every worker fetches its data from (`s3://bucket/prefix`, `http(s)://host/folder`)."""
    reader: str = READERS[0]
    """Library that reads a bucket."""
    loader_workers: int | None = None
    """Processes of the DataLoader of each worker, for a user's function; None: as the function has it."""
    shard_data: bool = False
    """True: each worker gets the same contiguous rows in every epoch and fetches only those. False: all rows are shuffled over all workers."""
    save: str | None = None
    """Path or `s3://bucket/key` to which rank 0 writes the trained model; None writes none."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Settings of the workload that differ from its defaults."""
    prepare: str = "plain"
    """`plain`: every worker reads the files and makes its arrays. `spark`: Spark makes them once for all workers."""
    address: str | None = None
    """Address of a running engine, or for `ddp` the host:port where the nodes meet; None starts an engine on loopback."""
    nodes: int = 1
    node_rank: int = 0
    oversubscribe: bool = False
    reuse_engine: bool = False
    """One started engine serves all its runs; its launch is not part of a run."""
    memory_layout: str = MEMORY_LAYOUTS[0]
    """Layout of the memory of the run's processes, see `measure.memory_layout`."""
    yardstick: tuple[str, ...] = ()
    """Fixed programs timed before and after every epoch; empty means those of the kind, `none` none."""
    memory_limit: int | None = None
    """Bytes that each worker may use; None means no limit."""
    timeout_s: float = 1800.0
    repeat: int = 0

    def __post_init__(self) -> None:
        for name in ("workers", "threads", "epochs", "nodes"):
            _whole(name, getattr(self, name))
        for name in ("samples", "batch_size", "steps", "memory_limit"):
            if getattr(self, name) is not None:
                _whole(name, getattr(self, name))
        _check_length(self)
        for name, allowed in (
            ("batch", BATCH_MODES),
            ("scaling", SCALINGS),
            ("device", DEVICES),
            ("prepare", PREPARES),
            ("reader", READERS),
            ("memory_layout", MEMORY_LAYOUTS),
        ):
            if getattr(self, name) not in allowed:
                raise UsageError(f"{option(name)} {getattr(self, name)!r} is not one of {', '.join(allowed)}")
        object.__setattr__(self, "yardstick", tuple(self.yardstick))
        if wrong := [name for name in self.yardstick if name not in (*YARDSTICKS, "none")]:
            raise UsageError(f"--yardstick {wrong[0]!r} is not one of {', '.join((*YARDSTICKS, 'none'))}")
        if self.data and self.data_dir:
            raise UsageError("--data and --data-dir both name the place of the data; give only one of them")
        if self.shard_data and self.prepare != "plain":
            raise UsageError(
                "with --shard-data every worker reads its own rows; with --windows-by spark, Spark reads the rows for all workers;"
                " give one of them"
            )
        if self.timeout_s <= 0:
            raise UsageError(f"--timeout {self.timeout_s:g} is not above 0 seconds")
        if not 0 <= self.node_rank < self.nodes:
            raise UsageError(f"--node-rank {self.node_rank} is not in 0..{self.nodes - 1}; count nodes from 0")
        if self.workers % self.nodes:
            raise UsageError(
                f"--workers {self.workers} does not spread evenly over --nodes {self.nodes}; use a multiple of {self.nodes}"
            )
        if self.scaling == "growing" and self.samples is None:
            raise UsageError("--scaling growing needs --samples N: the rows that each worker gets")
        if self.total_samples is not None and self.total_samples < self.workers:
            raise UsageError(
                f"--samples {self.samples} does not spread over {self.workers} workers; use at least {self.workers}, or fewer --workers"
            )
        if self.batch == "global" and self.batch_size is not None and self.batch_size % self.workers:
            multiple = -(-self.batch_size // self.workers) * self.workers
            raise UsageError(
                f"a global batch of {self.batch_size} does not split evenly over {self.workers} workers;"
                f" use --batch-size {multiple}, or --batch per-worker"
            )

    @property
    def worker_batch_size(self) -> int:
        """Rows that each worker takes per step; 64 or their share for a function that has not been called yet."""
        rows = DEFAULT_BATCH if self.batch_size is None else self.batch_size
        return rows // self.workers if self.batch == "global" else rows

    @property
    def counts_epochs(self) -> bool:
        """True when training ends after `epochs`, and not after steps or seconds."""
        return self.steps is None and self.max_seconds is None

    @property
    def total_samples(self) -> int | None:
        """Training rows used by all workers together; None means all there are."""
        if self.samples is None or self.scaling == "fixed":
            return self.samples
        return self.samples * self.workers

    def to_dict(self) -> dict[str, Any]:
        """All fields as the values that JSON has."""
        return asdict(self) | {"yardstick": list(self.yardstick)}

    @property
    def cell_key(self) -> str:
        """A text that all runs of a cell share, on all its nodes, and that no other cell has."""
        return repr(replace(self, repeat=0, node_rank=0))

    @property
    def label(self) -> str:
        """A short name of the cell."""
        threads = f", {self.threads} threads" if self.threads > 1 else ""
        loaders = "" if self.loader_workers is None else f", {self.loader_workers} loader workers"
        sync = "" if self.sync == EVERY_STEP else f", {self.sync.rpartition('/')[2]}"
        return f"{self.workload.rpartition('/')[2]} on {self.backend.rpartition('/')[2]} x {self.workers}{threads}{loaders}{sync}"

    def command(self, max_load: float | None = None) -> str:
        """The command line that makes this run again. `max_load`: that of the plan, which is no property of a run."""
        words = ["manyhands", "run", self.workload, "--backend", self.backend]
        length = ("epochs",) if self.counts_epochs else ("steps", "max_seconds")
        for name in (
            "workers",
            "threads",
            *length,
            "loader_workers",
            "samples",
            "batch_size",
            "batch",
            "scaling",
            "seed",
            "device",
        ):
            if (value := getattr(self, name)) is not None:
                words += [option(name), str(value)]
        for name in ("sync", "target", "memory_layout"):
            if (value := getattr(self, name)) != DEFAULTS[name]:
                words += [option(name), value]
        if self.yardstick:
            words += ["--yardstick", ",".join(self.yardstick)]
        if self.memory_limit is not None:
            words += ["--memory-limit", f"{self.memory_limit}B"]
        for name in ("data_dir", "data", "save", "address"):
            if (value := getattr(self, name)) is not None:
                words += [option(name), value]
        for name in ("prepare", "reader"):
            if (value := getattr(self, name)) != DEFAULTS[name]:
                words += [option(name), value]
        if self.nodes > 1:
            words += ["--nodes", str(self.nodes), "--node-rank", str(self.node_rank)]
        arguments = self.settings.get("arguments", ()) if is_script(self.workload) else ()
        for name, value in self.settings.items():
            words += [] if arguments else ["--set", f"{name}={','.join(value) if isinstance(value, list | tuple) else value}"]
        words += [option(name) for name in ("score_epochs", "shard_data", "oversubscribe", "reuse_engine") if getattr(self, name)]
        if self.backend != BASE_LINE:
            words.append("--no-base-line")
        if max_load is not None:
            words += ["--max-load", f"{max_load:g}"]
        words += ["--timeout", f"{self.timeout_s:g}", "--repeats", "1"]
        return shlex.join([*words, *(["--", *arguments] if arguments else [])])

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> RunSpec:
        return cls(**values)


DEFAULTS = {f.name: f.default for f in fields(RunSpec)}
RENAMED = {"data_dir": "data", "prepare": "windows-by", "reader": "s3-library", "timeout_s": "timeout"}
"""Fields whose option has another name; records keep the names of the fields."""


def option(field_name: str) -> str:
    """The option of `manyhands run` that sets a field, such as `--batch-size` for `batch_size`."""
    return f"--{RENAMED.get(field_name, field_name.replace('_', '-'))}"


def _check_length(spec: RunSpec) -> None:
    """Raises UsageError when the length of training is given twice, or is none."""
    given = [option(name) for name in ("epochs", "steps", "max_seconds") if getattr(spec, name) != DEFAULTS[name]]
    if len(given) > 1:
        raise UsageError(f"{' and '.join(given)} both say when training ends; give only one of them")
    if spec.max_seconds is not None and not spec.max_seconds > 0:
        raise UsageError(f"--max-seconds {spec.max_seconds:g} is not above 0 seconds")
    if spec.loader_workers is not None and (isinstance(spec.loader_workers, bool) or spec.loader_workers < 0):
        raise UsageError(f"--loader-workers {spec.loader_workers} is not a whole number from 0 on")


def _whole(name: str, value: object) -> None:
    if isinstance(value, bool) or not isinstance(value, int) or value < 1:
        raise UsageError(f"{option(name)} {value} is not a whole number above 0")


def check_cores(specs: Iterable[RunSpec], cores: int) -> None:
    """Raises UsageError when a spec needs more threads than usable cores and `oversubscribe` is not set."""
    for spec in specs:
        wanted = spec.workers // spec.nodes * spec.threads
        if wanted > cores and not spec.oversubscribe and (spec.address is None or spec.nodes > 1):
            raise UsageError(
                f"{spec.workers // spec.nodes} workers x {spec.threads} threads are more than the {cores} usable cores;"
                " use fewer, or add --oversubscribe to time them anyway"
            )


def grid(cells: Iterable[RunSpec], repeats: int) -> list[list[RunSpec]]:
    """The cells once per repeat: one block for each repeat, each with every cell once."""
    _whole("repeats", repeats)
    unique = list({cell.cell_key: cell for cell in cells}.values())
    return [[replace(cell, repeat=repeat) for cell in unique] for repeat in range(repeats)]


def ordered(blocks: Iterable[list[RunSpec]], seed: int) -> list[RunSpec]:
    """The runs in the order to make them: shuffled inside each block, so that drift does not look like scaling."""
    chance = random.Random(seed)
    runs: list[RunSpec] = []
    for block in blocks:
        runs += chance.sample(block, len(block))
    return runs

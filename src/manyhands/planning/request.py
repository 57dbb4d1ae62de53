"""`Request`: everything that a user can ask for, each option once, with its type, default, help and spelling.

The command line (`cli/request_options.py`) and the keywords of `manyhands.bench` are both made from it.
"""

from __future__ import annotations

import difflib
from collections.abc import Mapping
from dataclasses import dataclass, field, fields, replace
from typing import Any

from manyhands.errors import UsageError
from manyhands.plan import BATCH_MODES, DEFAULTS, DEVICES, MEMORY_LAYOUTS, PREPARES, READERS, SCALINGS
from manyhands.planning.option_values import (
    ARGUMENTS,
    COUNTS,
    COUNTS_FROM_0,
    DURATION,
    NAMES,
    SECONDS,
    SETTINGS,
    SHARE,
    SIZE,
    SWITCH,
    TARGET,
    UNTIL,
    WHOLE,
    WORD,
    WORKLOADS,
    Kind,
)

CELLS, STUDY, WORK, PLACE, RECORDS = "cells", "study", "work", "place", "records"
"""The headings under which `manyhands run --help` shows the options."""


@dataclass(frozen=True)
class Option:
    """The spelling, the kind of value and the help of a field of `Request`."""

    kind: Kind
    help: str
    """One line; `%(default)s` stands for the default."""
    group: str
    metavar: str | None = None
    choices: tuple[str, ...] = ()
    with_study: bool = False
    """True when the option may be given together with a study, which sets all others itself."""
    old_flag: str | None = None
    """A spelling that goes with the next release."""


def option(kind: Kind, group: str, text: str, default: Any = None, **more: Any) -> Any:
    """A field with its `Option`."""
    described = {"option": Option(kind, text, group, **more)}
    return field(default_factory=dict, metadata=described) if kind is SETTINGS else field(default=default, metadata=described)


@dataclass(frozen=True, kw_only=True)
class Request:
    """Cells to run and conditions to run them under. `None` or an empty tuple leaves the choice to the plan. Every value is checked and brought to its type.

    Raises UsageError for a value of another type and for a word that is not one of the choices.
    """

    workloads: tuple[str, ...] = option(
        WORKLOADS,
        CELLS,
        "names from 'manyhands list', a script path/to/train.py, or a function or class path/to/file.py:Name",
        (),
    )
    study: str | None = option(
        WORD,
        STUDY,
        "run this published comparison instead of WORKLOAD, see 'manyhands studies'",
        metavar="NAME",
        with_study=True,
    )
    variant: str | None = option(
        WORD,
        STUDY,
        "as published, with the flaws corrected, or both in one plan (default: corrected)",
        metavar="as-published|corrected|both",
        with_study=True,
    )
    budget: str | None = option(
        WORD,
        STUDY,
        "time for the whole study, such as 90s or 10m; scales epochs, rows and repeats (default: 10m)",
        metavar="TIME",
        with_study=True,
    )
    backend: tuple[str, ...] = option(
        NAMES, CELLS, "backends, see 'manyhands list' (default: serial,ddp)", (), metavar="NAME,..."
    )
    workers: tuple[int, ...] = option(COUNTS, CELLS, "worker counts (default: 1,2 as far as the cores go)", (), metavar="N,...")
    loader_workers: tuple[int, ...] = option(
        COUNTS_FROM_0,
        CELLS,
        "processes of each worker's DataLoader, for a function path/to/file.py:build; several numbers make several cells"
        " (default: the function's)",
        (),
        metavar="N,...",
    )
    sync: tuple[str, ...] = option(
        NAMES,
        CELLS,
        "how several workers of a network agree on their weights, see 'manyhands list'; several strategies make several cells"
        " (default: every-step)",
        (),
        metavar="NAME[=VALUE],...",
    )
    limit: bool = option(
        SWITCH,
        CELLS,
        "add the twin without any exchange of each network cell of several workers: the time that no strategy can beat, never a"
        " result",
        False,
    )
    threads: int = option(WHOLE, CELLS, "threads per worker (default: %(default)s)", DEFAULTS["threads"], metavar="N")
    repeats: int | None = option(
        WHOLE,
        CELLS,
        "launches of every cell, in shuffled blocks; with --until the least number (default: 3; 2 with --until)",
        metavar="N",
        with_study=True,
    )
    no_base_line: bool = option(
        SWITCH, CELLS, "do not add the base line (serial, 1 worker), which a plan without serial gets by itself", False
    )
    until: str | float | None = option(
        UNTIL,
        CELLS,
        "add blocks until this is known; winner: which cell is the fastest; 5%%: every speed-up to within 5%% (default: winner"
        " in the default plan, else no added blocks)",
        metavar="winner|SHARE",
    )
    max_time: float | None = option(
        DURATION,
        CELLS,
        "begin no block that would end after this time, such as 3m (default: with --until, 10m for the added blocks; just under"
        " 3m in the default plan)",
        metavar="TIME",
    )
    oversubscribe: bool = option(
        SWITCH, CELLS, "allow more workers x threads than cores; the records say so", False, with_study=True
    )
    epochs: int | None = option(WHOLE, WORK, "passes over the training rows (default: the workload's)", metavar="N")
    steps: int | None = option(
        WHOLE,
        WORK,
        "steps of the optimizer in place of --epochs, for networks and functions; epochs follow each other until then",
        metavar="N",
    )
    max_seconds: float | None = option(
        SECONDS,
        WORK,
        "seconds of training in place of --epochs: cells are compared by their rows a second",
        metavar="SECONDS",
    )
    samples: int | None = option(WHOLE, WORK, "number of training rows (default: all)", metavar="N")
    batch_size: int | None = option(WHOLE, WORK, "rows per step (default: the workload's)", metavar="N")
    batch: str = option(
        WORD,
        WORK,
        "global: --batch-size is the rows per step of all workers together, so the optimisation is the same at every"
        " worker count; per-worker: the rows per step of each worker (default: %(default)s)",
        DEFAULTS["batch"],
        choices=BATCH_MODES,
    )
    scaling: str = option(
        WORD,
        WORK,
        "fixed: the same rows in total at every worker count; growing: --samples rows for each worker (default: %(default)s)",
        DEFAULTS["scaling"],
        choices=SCALINGS,
    )
    seed: int = option(
        WHOLE, WORK, "seed of weights, order of rows and dropout (default: %(default)s)", DEFAULTS["seed"], metavar="N"
    )
    set: Mapping[str, Any] = option(
        SETTINGS,
        WORK,
        "a setting of the workload, see 'manyhands list WORKLOAD'; can be given again",
        metavar="NAME=VALUE",
    )
    args: tuple[str, ...] = option(ARGUMENTS, WORK, "everything after -- goes to the script that is run", (), metavar="ARGUMENT")
    target: str | None = option(
        TARGET,
        WORK,
        "compare cells by their training time until the model is so good; scores every epoch, and a cell that misses it never"
        " wins",
        metavar="METRIC=VALUE",
    )
    score_epochs: bool = option(SWITCH, WORK, "score the held-out rows after every epoch, outside the phase 'train'", False)
    data: str | None = option(
        WORD,
        WORK,
        "a folder, s3://bucket/prefix or http(s)://host/folder; each worker fetches the rows it needs (S3 endpoint:"
        " AWS_ENDPOINT_URL; default: MANYHANDS_DATA, else the embedded data)",
        metavar="PLACE",
        with_study=True,
    )
    s3_library: str = option(
        WORD,
        WORK,
        "library that reads a bucket (default: %(default)s)",
        READERS[0],
        choices=READERS,
        with_study=True,
        old_flag="--reader",
    )
    shard_data: bool = option(
        SWITCH,
        WORK,
        "each worker trains on the same contiguous rows in every epoch and fetches only those (default: all rows are"
        " shuffled over all workers)",
        False,
    )
    save: str | None = option(WORD, WORK, "where to put the trained model: a path, or s3://bucket/key", metavar="PLACE")
    windows_by: str = option(
        WORD,
        WORK,
        "who makes the windows of stock prices; plain: each worker; spark: Spark, once for all workers, only on the backend"
        " spark (default: %(default)s)",
        DEFAULTS["prepare"],
        choices=PREPARES,
        old_flag="--prepare",
    )
    memory_limit: int | None = option(
        SIZE, WORK, "memory limit of each worker, such as 200MB (default: no limit)", metavar="SIZE"
    )
    memory_layout: str = option(
        WORD,
        PLACE,
        "layout of the memory of every process of a run: as the system has it, huge-pages, fixed-addresses, or steady, which is"
        " both (default: %(default)s)",
        DEFAULTS["memory_layout"],
        choices=MEMORY_LAYOUTS,
        metavar="LAYOUT",
    )
    yardstick: tuple[str, ...] = option(
        NAMES,
        PLACE,
        "small fixed programs that each worker times between its epochs: network, matrix, memory; none (default: network for"
        " networks)",
        (),
        metavar="NAME,...",
    )
    device: str = option(
        WORD, PLACE, "processor or GPU (default: %(default)s)", DEFAULTS["device"], choices=DEVICES, with_study=True
    )
    address: str | None = option(
        WORD,
        PLACE,
        "a running engine to use; for ddp and fabric-ddp the address on node 0 where the nodes meet",
        metavar="HOST:PORT",
    )
    nodes: int = option(
        WHOLE,
        PLACE,
        "machines that share the workers of ddp or fabric-ddp (default: 1, or those of the SLURM job step)",
        DEFAULTS["nodes"],
        metavar="N",
    )
    node_rank: int = option(WHOLE, PLACE, "number of this machine, from 0 (default: 0)", DEFAULTS["node_rank"], metavar="N")
    reuse_engine: bool = option(
        SWITCH,
        PLACE,
        "start each engine once for all its runs; the launch is then reported separately and is not part of a run",
        False,
    )
    timeout: float = option(
        SECONDS,
        RECORDS,
        "longest time of one run (default: %(default)g)",
        DEFAULTS["timeout_s"],
        metavar="SECONDS",
        with_study=True,
    )
    max_load: float | None = option(
        SHARE,
        RECORDS,
        "share of the cores that other programs may use; a launch beside more is repeated and left out (default:"
        " MANYHANDS_MAX_LOAD, else what the launch leaves free)",
        metavar="SHARE",
        with_study=True,
    )
    order_seed: int = option(
        WHOLE, RECORDS, "seed of the shuffled order of runs (default: %(default)s)", 0, metavar="N", with_study=True
    )

    def __post_init__(self) -> None:
        for name, described in OPTIONS.items():
            object.__setattr__(self, name, checked(name, described, getattr(self, name)))

    @classmethod
    def of(cls, *workloads: Any, **options: Any) -> Request:
        """The request for these workloads, or another request with some options changed.

        A workload is a name, a path, or a function or class at the top of a file. Raises UsageError for an option that does not exist.
        """
        for name in options:
            if name not in OPTIONS:
                close = difflib.get_close_matches(name, OPTIONS, n=1)
                hint = (
                    f"did you mean {close[0]!r}?"
                    if close
                    else f"a setting of a workload goes into set={{{name!r}: ...}}; options: {', '.join(OPTIONS)}"
                )
                raise UsageError(f"no option {name!r}; {hint}")
        if workloads and "workloads" in options:
            raise UsageError("workloads are given twice: as arguments and as workloads=")
        if len(workloads) == 1 and isinstance(workloads[0], Request):
            return replace(workloads[0], **options)
        one_list = len(workloads) == 1 and not isinstance(workloads[0], str)
        named: dict[str, Any] = {"workloads": workloads[0] if one_list else workloads} if workloads else {}
        return cls(**named | options)

    @property
    def is_default(self) -> bool:
        """True when no workload, no backend and no worker count is given: the default plan."""
        return not (self.workloads or self.backend or self.workers)

    def given(self) -> dict[str, Any]:
        """The options that are not at their default."""
        plain = Request()
        return {name: value for name in OPTIONS if (value := getattr(self, name)) != getattr(plain, name)}


OPTIONS: Mapping[str, Option] = {f.name: f.metadata["option"] for f in fields(Request)}
WHOLE_PLANS = (
    "until",
    "max_time",
    "max_load",
    "study",
    "variant",
    "budget",
    "nodes",
    "node_rank",
    "reuse_engine",
    "sync",
    "limit",
)
"""Options that choose more than the cells of one workload on this machine, so no suite of pytest or asv carries them out."""


def flag(name: str) -> str:
    """The option of the command line for a field, such as `--batch-size` for `batch_size`; workloads and arguments have none."""
    return {"workloads": "WORKLOAD", "args": "--"}.get(name, f"--{name.replace('_', '-')}")


def checked(name: str, described: Option, value: Any, spelling: str = "") -> Any:
    """The value in the option's type; raises UsageError with the option, the value and what is allowed.

    `spelling`: the name of the option in the error message, where it is not that of the command line.
    """
    if value is None:
        return DEFAULT_VALUES[name]
    spelling = spelling or flag(name)
    value = value_of(spelling, described.kind, value)
    if described.choices and value not in described.choices:
        raise UsageError(f"{spelling} {value!r} is not one of {', '.join(described.choices)}")
    return value


def value_of(spelling: str, kind: Kind, value: Any) -> Any:
    """The value in the type of its kind; raises UsageError with the spelling of the option, the value and what is allowed."""
    try:
        return kind.read(value) if isinstance(value, str) else kind.check(value)
    except UsageError as error:
        raise UsageError(f"{spelling} {error}") from None
    except (TypeError, ValueError):
        raise UsageError(f"{spelling} {value!r} is not {kind.description}") from None


DEFAULT_VALUES: Mapping[str, Any] = {f.name: {} if f.metadata["option"].kind is SETTINGS else f.default for f in fields(Request)}

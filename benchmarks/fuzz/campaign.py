"""Mutated files for every reader, and a table of what became of them: `python -m benchmarks.fuzz.campaign --inputs 1000000`.

Every input is made from the seed, the reader's name and a number. A finding keeps its input beside the table's folder, and is made again by

    python -m benchmarks.fuzz.campaign --replay idx 12345 --seed 1
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty, SimpleQueue
from threading import Lock
from typing import Any

from benchmarks.fuzz import child
from benchmarks.fuzz.child import FINDINGS, MEMORY, OUTCOMES, SECONDS
from benchmarks.fuzz.mutate import chosen
from benchmarks.fuzz.readers import readers

from manyhands.machine import describe_machine, installed_versions

ROOT = Path(__file__).resolve().parents[2]
CHUNK = 2000
"""Inputs of one job."""
STUCK_S = 300
"""Seconds on one number after which a process is ended: it waits for something, or its code does not come back to Python."""
LOOK_S = 5.0
"""Seconds between two looks at the number."""
JOBS_AT_ONCE = 20
"""Jobs of one process, which loads all libraries once."""
FAST = Path("/dev/shm")
"""A folder in memory: converted tables are written with fsync."""
Job = tuple[str, int, int]
"""Reader, first number, number after the last."""


@dataclass
class Outcomes:
    """What became of the inputs of one reader."""

    counts: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0
    findings: list[tuple[int, str, str]] = field(default_factory=list)
    """Number, outcome, and what was raised."""


Found = Mapping[str, Outcomes]
Seen = Callable[[Found], None]


def shares(inputs: int, names: Sequence[str] = ()) -> dict[str, int]:
    """The number of inputs of each reader, `inputs` in all; slow readers get fewer."""
    chosen = {name: reader for name, reader in readers().items() if not names or name in names}
    whole = sum(reader.share for reader in chosen.values())
    counts = {name: round(inputs * reader.share / whole) for name, reader in chosen.items()}
    counts[max(counts, key=counts.__getitem__)] += inputs - sum(counts.values())
    return counts


def run(
    inputs: int, seed: int, keep: Path, processes: int = 1, names: Sequence[str] = (), seen: Seen = lambda found: None
) -> dict[str, Outcomes]:
    """Reader -> what became of its inputs. The inputs of findings are kept in `keep`; `seen` gets what is known after every job."""
    queue: SimpleQueue[Job] = SimpleQueue()
    for name, count in shares(inputs, names).items():
        for first in range(0, count, CHUNK):
            queue.put((name, first, min(count, first + CHUNK)))
    found = {name: Outcomes() for name in shares(inputs, names)}
    done = Lock()

    def work() -> None:
        for part in _carried_out(queue, seed, keep):
            with done:
                own = found[part["reader"]]
                own.counts.update(part["outcomes"])
                own.cpu_s += part["cpu_s"]
                own.findings += [(number, outcome, text) for number, outcome, text in part["findings"]]
                seen(found)

    with ThreadPoolExecutor(processes) as threads:
        for running in [threads.submit(work) for _ in range(processes)]:
            running.result()
    return found


def _carried_out(queue: SimpleQueue[Job], seed: int, keep: Path) -> Iterator[dict[str, Any]]:
    """The results of the jobs that one process takes from the queue. A job in which it dies is done again without that input."""
    while jobs := list(_taken(queue)):
        while jobs:
            parts, outcome, number = _of_process(jobs, seed, keep)
            yield from parts
            jobs = jobs[len(parts) :]
            if jobs:
                name, first, last = jobs[0]
                yield {"reader": name, "outcomes": {outcome: 1}, "findings": [[number, outcome, "its process"]], "cpu_s": 0.0}
                jobs[:1] = [job for job in ((name, first, number), (name, number + 1, last)) if job[1] < job[2]]


def _taken(queue: SimpleQueue[Job]) -> Iterator[Job]:
    """Up to JOBS_AT_ONCE jobs."""
    with suppress(Empty):
        for _ in range(JOBS_AT_ONCE):
            yield queue.get_nowait()


def _of_process(jobs: Sequence[Job], seed: int, keep: Path) -> tuple[list[dict[str, Any]], str, int]:
    """The results of the jobs that a process finished; if it did not finish all, its outcome and the number that it was reading."""
    with tempfile.TemporaryDirectory(prefix="manyhands-fuzz-", dir=FAST if FAST.is_dir() else None) as name:
        folder = Path(name)
        (folder / "jobs.json").write_text(json.dumps({"seed": seed, "jobs": jobs}))
        environment = os.environ | {"PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        process = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.fuzz.child", name],
            cwd=folder,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        try:
            (out, errors), stuck = _watched(process, folder / "now")
        finally:
            process.kill()
            process.wait()
        sys.stderr.write(errors)
        parts = [json.loads(line) for line in out.splitlines()]
        for kept in (folder / "findings").glob("*"):
            keep.mkdir(parents=True, exist_ok=True)
            shutil.copy(kept, keep)
        if len(parts) == len(jobs):
            return parts, "", 0
        if not stuck and process.returncode >= 0:
            raise RuntimeError(f"the process that reads ended with {process.returncode}: {errors[-2000:]}")
        return parts, "hang" if stuck else "death", int((folder / "now").read_text().split()[0])


def _watched(process: subprocess.Popen[str], now: Path) -> tuple[tuple[str, str], bool]:
    """Output and errors of the process, and True when it was ended because one input took too long."""
    seen, since = "", time.monotonic()
    while True:
        try:
            return process.communicate(timeout=LOOK_S), False
        except subprocess.TimeoutExpired:
            number = now.read_text() if now.exists() else ""
            if not number or number != seen:
                seen, since = number, time.monotonic()
            elif time.monotonic() - since > STUCK_S:
                process.kill()
                return process.communicate(), True


def table(found: Found, seed: int, spent_s: float, processes: int) -> str:
    """The page of a campaign, as Markdown."""
    inputs = sum(one.counts.total() for one in found.values())
    findings = sum(one.counts[outcome] for one in found.values() for outcome in FINDINGS)
    lines = [
        "# What do mutated files do to the readers?",
        "",
        f"{inputs:,} files, each a seeded mutation of a small file that its reader reads: {findings} findings. A file is read as the commands",
        "do, down to what they compute from it. Allowed are a value and the project's own error of one line (refused). A finding is any",
        f"other exception, a warning of a library, more than {SECONDS} s of CPU or {STUCK_S} s in all (hang), more than {MEMORY >> 20} MiB beyond what the libraries take",
        "(memory), or the death of the process.",
        "",
        f"Made by `python -m benchmarks.fuzz.campaign --inputs {inputs} --seed {seed} --processes {processes}` in {spent_s:.0f} s on {_machine()}.",
        f"Versions: {_versions()}.",
        "",
        f"| reader | inputs | {' | '.join(OUTCOMES)} | seconds of CPU |",
        f"|---|---|{'---|' * len(OUTCOMES)}---|",
    ]
    for name, one in found.items():
        counts = " | ".join(f"{one.counts[outcome]:,}" for outcome in OUTCOMES)
        lines.append(f"| {name} | {one.counts.total():,} | {counts} | {one.cpu_s:.0f} |")
    totals = " | ".join(f"{sum(one.counts[outcome] for one in found.values()):,}" for outcome in OUTCOMES)
    lines.append(f"| all | {inputs:,} | {totals} | {sum(one.cpu_s for one in found.values()):.0f} |")
    lines += ["", "Any input can be made again from the seed, its reader and its number, from 0:", "", "```console"]
    lines += ["$ python -m benchmarks.fuzz.campaign --replay libsvm 12345 --seed 1", "```", ""]
    for name, one in found.items():
        lines += [f"- {name}, number {number}: {outcome}: {text}" for number, outcome, text in one.findings[:20]]
    return "\n".join(lines).rstrip() + "\n"


def _machine() -> str:
    known = describe_machine()
    return f"{known['cpu_model']}, {known['cores']} cores, Python {known['python']}"


def _versions() -> str:
    names = ("manyhands", "numpy", "pandas", "scikit-learn", "torch")
    return ", ".join(f"{name} {version}" for name, version in installed_versions(names).items())


def replay(name: str, number: int, seed: int, keep: Path) -> None:
    """Reads one input again, without limits, and prints what becomes of it."""
    reader = readers()[name]
    with tempfile.TemporaryDirectory(prefix="manyhands-fuzz-") as folder:
        os.environ["MANYHANDS_CACHE"] = str(Path(folder) / "cache")
        content = chosen(reader.seeds(), seed, name, number)
        keep.mkdir(parents=True, exist_ok=True)
        print(f"{len(content)} bytes, kept as {child.keep(keep, reader, seed, number)}")
        path = Path(folder) / reader.file
        path.write_bytes(content)
        print(reader.read(path))


def main() -> int:
    """Runs a campaign and writes its page; returns 1 when there are findings."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--inputs", type=int, default=1_000_000)
    options.add_argument("--seed", type=int, default=1)
    options.add_argument("--processes", type=int, default=2)
    options.add_argument("--readers", default="", help="names, separated by semicolons (default: all)")
    options.add_argument("--out", type=Path, help="write the page to this file")
    options.add_argument("--keep", type=Path, default=Path("fuzz-findings"), help="folder for the inputs of findings")
    options.add_argument("--replay", nargs=2, metavar=("READER", "NUMBER"), help="read one input again")
    given = options.parse_args()
    if given.replay:
        replay(given.replay[0], int(given.replay[1]), given.seed, given.keep)
        return 0
    began = time.monotonic()

    def write(found: Found) -> None:
        if given.out:
            given.out.write_text(table(found, given.seed, time.monotonic() - began, given.processes))

    found = run(given.inputs, given.seed, given.keep, given.processes, tuple(filter(None, given.readers.split(";"))), write)
    print(table(found, given.seed, time.monotonic() - began, given.processes))
    return 1 if any(one.findings for one in found.values()) else 0


if __name__ == "__main__":
    sys.exit(main())

"""Reads mutated files in a process of its own, with a limit of memory and of time for each: `python -m benchmarks.fuzz.child FOLDER`.

In: FOLDER/jobs.json with `seed` and `jobs`, a list of [reader, first number, number after the last]. Files go into the folder.
Out: one JSON line for each job with its outcomes. The number that is read is in `folder/now`, so that the parent knows it after a death.
"""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import sys
import time
import traceback
import warnings
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.fuzz.mutate import chosen
from benchmarks.fuzz.readers import Reader, readers

from manyhands.errors import AsRead, DamagedLine, ManyhandsError

MEMORY = 1 << 30
"""Bytes of address space that all inputs together may take beyond what the process has when all readers are warm."""
SECONDS = 10
"""Longest CPU time of one input, which a busy machine does not change."""
CLEAN = 100
"""Inputs after which the cache of converted tables is removed."""
OUTCOMES = ("value", "refused", "crash", "hang", "memory", "death")
"""A value, the project's own error of one line, or a finding: any other exception or warning, no end, no memory, a killed process."""
FINDINGS = OUTCOMES[2:]


class Hang(BaseException):
    """An input took more CPU time than SECONDS."""


def main() -> None:
    """Carries out the jobs."""
    folder = Path(sys.argv[1])
    task = json.loads((folder / "jobs.json").read_text())
    os.environ["MANYHANDS_CACHE"] = str(folder / "cache")
    warnings.simplefilter("error")
    for own in (AsRead, DamagedLine):
        warnings.simplefilter("ignore", own)
    wanted = [readers()[name] for name in dict.fromkeys(name for name, _, _ in task["jobs"])]
    for reader in wanted:
        warm(reader, folder)
    limit = _address_space() + MEMORY
    resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
    for name, first, last in task["jobs"]:
        print(json.dumps(carry_out(readers()[name], task["seed"], range(first, last), folder)), flush=True)


def _hang(number: int, frame: object) -> None:
    raise Hang


def _address_space() -> int:
    """Bytes of address space of this process."""
    return int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()


def warm(reader: Reader, folder: Path) -> None:
    """Reads every seed once, so that all libraries are loaded. A seed may be one that the reader refuses."""
    for content in reader.seeds():
        outcome, found = read(reader, content, folder)
        if outcome in FINDINGS:
            print(f"{reader.name}: its own seed is a {outcome}: {found}", file=sys.stderr)


def read(reader: Reader, content: bytes, folder: Path) -> tuple[str, str]:
    """The outcome of one input, and what was raised."""
    path = folder / reader.file
    path.write_bytes(content)
    before = signal.signal(signal.SIGPROF, _hang)
    signal.setitimer(signal.ITIMER_PROF, SECONDS)
    try:
        reader.read(path)
        return "value", ""
    except ManyhandsError as error:
        text = str(error)
        return ("refused", text) if len(text.splitlines()) == 1 else ("crash", f"an error of several lines: {text!r}")
    except Hang:
        return "hang", f"more than {SECONDS} s of CPU"
    except MemoryError as error:
        return "memory", _place(error)
    except Exception as error:
        return "crash", _place(error)
    finally:
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.signal(signal.SIGPROF, before)


def _place(error: Exception) -> str:
    """The error and the lines of our code that it came through."""
    frames = [frame for frame in traceback.extract_tb(error.__traceback__) if "manyhands" in frame.filename]
    lines = " < ".join(f"{Path(frame.filename).name}:{frame.lineno}" for frame in reversed(frames[-4:]))
    return f"{type(error).__name__}: {str(error)[:200]} at {lines}"


def carry_out(reader: Reader, seed: int, numbers: range, folder: Path) -> dict[str, Any]:
    """The outcomes of these inputs of a reader, and its findings with their inputs in `folder/findings`."""
    outcomes: Counter[str] = Counter()
    findings = []
    began = time.process_time()
    with (folder / "now").open("wb", buffering=0) as now:
        for number in numbers:
            os.pwrite(now.fileno(), f"{number:>12} {reader.name}\n".encode(), 0)
            content = chosen(reader.seeds(), seed, reader.name, number)
            outcome, found = read(reader, content, folder)
            outcomes[outcome] += 1
            if outcome in FINDINGS:
                keep(folder / "findings", reader, seed, number)
                findings.append([number, outcome, found])
            if number % CLEAN == 0:
                shutil.rmtree(folder / "cache", ignore_errors=True)
    return {
        "reader": reader.name,
        "first": numbers.start,
        "last": numbers.stop,
        "outcomes": outcomes,
        "findings": findings,
        "cpu_s": time.process_time() - began,
    }


def keep(folder: Path, reader: Reader, seed: int, number: int) -> Path:
    """Keeps an input as a file whose name says how to make it again."""
    kept = folder / f"{reader.name.replace(' ', '-').replace(',', '')}-seed{seed}-{number}-{reader.file}"
    kept.parent.mkdir(exist_ok=True)
    kept.write_bytes(chosen(reader.seeds(), seed, reader.name, number))
    return kept


if __name__ == "__main__":
    main()

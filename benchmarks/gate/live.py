"""Runs the pytest suite on this machine, again and again on the same code, and every second time with every step 20 % slower.

    python -m benchmarks.gate.live docs/results/gate/runs.jsonl --pairs 10

Every run is compared with the unchanged run before it by `--benchmark-compare-fail=min:10%`, so ten pairs of unchanged runs and ten pairs
with a slower one take 21 runs. The six cells are two networks on `serial` and on `ddp` with one worker and two. A run takes about three
minutes on two quiet cores, all of them an hour. Each run adds a line to the file: its exit code, the smallest round of every benchmark in
seconds, and the benchmarks that failed. At the end the rates are printed.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from manyhands import commits

CELLS = ["--mh-workloads", "cnn,rnn", "--mh-backends", "serial,ddp", "--mh-workers", "1,2"]
SAVE = ["--benchmark-autosave"]
GATE = ["--benchmark-compare", "--benchmark-compare-fail=min:10%"]
FIRST, UNCHANGED, SLOWER = "first", "unchanged", "20 % slower"
"""Kinds of runs: the first has nothing to be compared with."""
SITE = Path(commits.__file__).parent / "planted"
"""Its sitecustomize.py makes every step slower by the share in MANYHANDS_PLANTED."""
FAILED = re.compile(r"^\t(\S.*) \(\d+_\S*\) - Field 'min' has failed", re.MULTILINE)
"""pytest-benchmark's line about a benchmark above the threshold; the base line's file stands in brackets."""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path)
    parser.add_argument("--pairs", type=int, default=10)
    parser.add_argument("--rounds", help="launches of each cell, in place of the suite's own number")
    options = parser.parse_args()
    words = [*CELLS, *(["--mh-rounds", options.rounds] if options.rounds else [])]
    options.out.parent.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory() as folder:
        for kind in (FIRST, *[SLOWER, UNCHANGED] * options.pairs):
            more = {FIRST: SAVE, UNCHANGED: [*SAVE, *GATE], SLOWER: GATE}[kind]
            variables = slower("0.2") if kind == SLOWER else {}
            line: dict[str, Any] = {"kind": kind} | run([*words, *more, f"--benchmark-storage=file://{folder}"], variables)
            with options.out.open("a") as out:
                out.write(json.dumps(line) + "\n")
            print(
                f"{kind}: exit code {line['code']}, {line['took_s']} s, failed: {', '.join(line['failed']) or 'none'}", flush=True
            )
    summarise([json.loads(line) for line in options.out.read_text().splitlines()])


def slower(share: str) -> dict[str, str]:
    """The variables that make every step slower by the share."""
    path = os.pathsep.join([str(SITE), *filter(None, [os.environ.get("PYTHONPATH")])])
    return {"PYTHONPATH": path, "MANYHANDS_PLANTED": share}


def run(words: Sequence[str], variables: Mapping[str, str]) -> dict[str, Any]:
    """One run of the suite. Raises RuntimeError with pytest's output when a test of it fails."""
    with TemporaryDirectory() as folder:
        kept = Path(folder) / "kept.json"
        suite = ["benchmarks/pytest_suite/test_training.py", "-q", "-p", "no:cacheprovider", "--benchmark-only"]
        command = [sys.executable, "-m", "pytest", *suite, f"--benchmark-json={kept}", *words]
        began = time.monotonic()
        done = subprocess.run(command, env=os.environ | variables, capture_output=True, text=True, check=False)
        took_s = time.monotonic() - began
        shown = done.stdout + done.stderr
        if not kept.exists() or "not compared" in shown or re.search(r"^FAILED|^ERROR|\d failed", shown, re.MULTILINE):
            raise RuntimeError(shown)
        least = {one["name"]: round(one["stats"]["min"], 6) for one in json.loads(kept.read_text())["benchmarks"]}
    return {
        "ended_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "took_s": round(took_s),
        "load_1m": round(os.getloadavg()[0], 1),
        "code": done.returncode,
        "failed": FAILED.findall(shown),
        "min_s": least,
    }


def summarise(lines: Sequence[Mapping[str, Any]]) -> None:
    """Prints how many unchanged runs failed, and how many cells of the slower ones were found by their epoch."""
    unchanged = [line for line in lines if line["kind"] == UNCHANGED]
    slowed = [line for line in lines if line["kind"] == SLOWER]
    epochs = [name for line in slowed for name in line["min_s"] if name.endswith(": epoch")]
    found = [name for line in slowed for name in line["failed"] if name.endswith(": epoch")]
    print(f"unchanged: {sum(line['code'] != 0 for line in unchanged)} of {len(unchanged)} pairs of runs fail")
    print(f"20 % slower: {len(found)} of {len(epochs)} cells are found, in {len(slowed)} pairs of runs")


if __name__ == "__main__":
    main()

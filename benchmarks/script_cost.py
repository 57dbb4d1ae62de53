"""The CPU time that `manyhands run train.py` adds to `python train.py`, in interleaved pairs.

    python benchmarks/script_cost.py --pairs 20 --out docs/results/script-cost.json docs/examples/characters.py --steps 600

A pair starts the script bare and as `serial` starts it, with one thread, in an order that alternates from pair to pair (ABBA), so that
what slows the machine for a while meets both. Compared is the CPU time, user and system, of the script's process. Two tiny scripts are
compared first: they show the constant part, which is all there is without marks. Printed is the median ratio and difference with its
95 % interval, and the CPU seconds that a whole run spends outside of the script's process.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from math import comb
from pathlib import Path

from manyhands.backends.scripts.script_run import ScriptRun
from manyhands.machine import describe_code, describe_machine, installed_versions
from manyhands.measure.allocator import ALLOCATOR
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec
from manyhands.run import RunContext, measure

TINY = {"an empty script": "", "import torch": "import torch\n"}
Pair = tuple[float, float]
"""CPU seconds of the bare script, and of the script that manyhands starts."""


def cpu_s(command: Sequence[str]) -> float:
    """CPU seconds, user and system, of a command that ends well."""
    environ = {**os.environ, **thread_variables(1), **ALLOCATOR}
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, env=environ)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{' '.join(command)} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def spec_of(script: str, arguments: Sequence[str]) -> RunSpec:
    """The run of a script on `serial`."""
    settings = {"arguments": list(arguments)} if arguments else {}
    return RunSpec(workload=os.path.abspath(script), backend="serial", batch="per-worker", settings=settings)


def pairs_of(script: str, arguments: Sequence[str], count: int) -> list[Pair]:
    """So many pairs, after one of each that warms the caches of files."""
    bare = [sys.executable, script, *arguments]
    found: list[Pair] = []
    with tempfile.TemporaryDirectory() as folder:
        for number in range(count + 1):
            ours = ScriptRun.of(spec_of(script, arguments), Path(folder)).python
            if number % 2:
                found.append((cpu_s(bare), cpu_s(ours)))
            else:
                found.append((cpu_s(ours), cpu_s(bare))[::-1])
    return found[1:]


def median_of(values: Sequence[float]) -> tuple[float, float, float]:
    """The median with its 95 % interval, between two of the values: it holds for any distribution."""
    ordered, count = sorted(values), len(values)
    left_out = max((k for k in range(count // 2) if 2 * sum(comb(count, i) for i in range(k + 1)) <= 0.05 * 2**count), default=0)
    return ordered[left_out], statistics.median(ordered), ordered[count - 1 - left_out]


def line_of(name: str, pairs: Sequence[Pair]) -> str:
    """The result in a line."""
    low, ratio, high = median_of([ours / bare for bare, ours in pairs])
    less, more_s, most = median_of([ours - bare for bare, ours in pairs])
    return (
        f"{name}: {ratio:.4f} x [{low:.4f}, {high:.4f}] of {statistics.median(bare for bare, _ in pairs):.3f} CPU s,"
        f" {1000 * more_s:+.1f} ms [{1000 * less:+.1f}, {1000 * most:+.1f}], {len(pairs)} pairs"
    )


def outside_s(script: str, arguments: Sequence[str]) -> Pair:
    """CPU seconds of a whole run: outside of the script's process, and in it."""
    record = measure(spec_of(script, arguments), RunContext())
    if not record.ok:
        raise SystemExit(record.reason)
    (worker,) = record.per_worker
    own = worker["cpu_user_s"] + worker["cpu_system_s"]
    return record.resources["cpu_s"] - own, own


def main(script: str, arguments: Sequence[str], count: int, out: Path | None) -> None:
    """Measures the pairs, prints the results, and keeps all values."""
    kept: dict[str, list[Pair]] = {}
    with tempfile.TemporaryDirectory() as folder:
        for name, text in TINY.items():
            tiny = Path(folder) / "tiny.py"
            tiny.write_text(text)
            kept[name] = pairs_of(str(tiny), [], count)
            print(line_of(name, kept[name]), flush=True)
    name = " ".join([script, *arguments])
    kept[name] = pairs_of(script, arguments, count)
    print(line_of(name, kept[name]), flush=True)
    outside = outside_s(script, arguments)
    print(f"outside of it, a whole run spends {outside[0]:.2f} CPU s beside its {outside[1]:.2f}")
    if out:
        about = {"machine": describe_machine(), "versions": installed_versions(), "code": describe_code()}
        found = {"cpu_s": {name: [[round(one, 6) for one in pair] for pair in pairs] for name, pairs in kept.items()}}
        text = json.dumps(about | found | {"whole_run_outside_s": outside[0]})
        out.write_text(f"{text}\n")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description="CPU time that manyhands adds to a script")
    parser.add_argument("--pairs", type=int, default=20)
    parser.add_argument("--out", type=Path)
    parser.add_argument("script")
    parser.add_argument("arguments", nargs=argparse.REMAINDER)
    given = parser.parse_args()
    main(given.script, given.arguments, given.pairs, given.out)

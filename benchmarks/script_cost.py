"""The CPU time that `manyhands run train.py` adds to `python train.py`, in pairs in one run: `python benchmarks/script_cost.py SCRIPT [ARGUMENT ...]`.

Each pair starts the script bare and as `serial` starts it, in turn and in random order, with one thread. Printed: the median ratio of
the CPU time of the two processes with its quartiles, and the CPU seconds that a whole run spends outside of the script's process.
"""

from __future__ import annotations

import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from manyhands.backends.scripts.script_run import ScriptRun
from manyhands.measure.allocator import ALLOCATOR
from manyhands.measure.threads import thread_variables
from manyhands.plan import RunSpec
from manyhands.run import RunContext, measure

PAIRS = 12


def cpu_s(command: list[str]) -> float:
    """CPU seconds, user and system, of a command that ends well."""
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, env={**os.environ, **thread_variables(1), **ALLOCATOR})
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise SystemExit(f"{command} ended with {process.returncode}")
    return used.ru_utime + used.ru_stime


def main(script: str, arguments: list[str]) -> None:
    """Measures the pairs and prints the result."""
    spec = RunSpec(workload=os.path.abspath(script), backend="serial", batch="per-worker", settings={"arguments": arguments})
    ratios = []
    with tempfile.TemporaryDirectory() as folder:
        for _ in range(PAIRS):
            commands = {"bare": [sys.executable, script, *arguments], "ours": ScriptRun.of(spec, Path(folder)).python}
            used = {name: cpu_s(commands[name]) for name in random.sample(sorted(commands), 2)}
            ratios.append(used["ours"] / used["bare"])
    low, median, high = statistics.quantiles(ratios, n=4)
    print(f"CPU time of the script's process: {median:.4f} x `python {script}`, quartiles {low:.4f} to {high:.4f}, {PAIRS} pairs")
    record = measure(spec, RunContext())
    (worker,) = record.per_worker
    own = worker["cpu_user_s"] + worker["cpu_system_s"]
    print(f"outside of it, a whole run spends {record.resources['cpu_s'] - own:.2f} CPU s beside its {own:.2f}")


if __name__ == "__main__":
    main(sys.argv[1], sys.argv[2:])

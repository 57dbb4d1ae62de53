"""Micro-benchmarks of `benchmarks/pytest_suite` as cells: one launch is one run of pytest-benchmark on one side."""

from __future__ import annotations

import json
import subprocess
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path

from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.results import CellResult, Limits, failed, together
from manyhands.commits.comparison import Bench, run_bench
from manyhands.commits.revisions import CannotMeasure, Revision
from manyhands.measure.other_programs import Busy
from manyhands.parent import end_with_parent

PLUGIN = Path("src/manyhands/pytest_plugin.py")
SUITE = Path("benchmarks/pytest_suite")
LAUNCH_S = 600.0


def compare_micro(
    revisions: tuple[Revision, Revision], expression: str, limits: Callable[[int], Limits], say: Callable[[str], None]
) -> tuple[CellResult, ...]:
    """The benchmarks that pytest's `-k` chooses, all of them in every launch. A benchmark that one side lacks is reported and not judged.

    `limits`: number of verdicts -> the limits of the comparison. Raises CannotMeasure when a side has none of them, or fails.
    """
    known = [set(launch(revision, expression)) for revision in revisions]
    both = sorted(known[0] & known[1])
    missing = [
        failed(name, CannotMeasure(f"{name} is missing in {revisions[0 if name in known[1] else 1].label}"))
        for name in sorted(known[0] ^ known[1])
    ]
    say(f"{len(both)} benchmarks a launch: {', '.join(both)}")
    bounds = limits(len(both))
    chosen = Bench(tuple(both), lambda number: launch(revisions[number], expression), ("time",))
    return (*together(run_bench(chosen, bounds, say) if both else (), bounds.budget), *missing)


def launch(revision: Revision, expression: str) -> Mapping[str, Sample]:
    """Benchmark -> the median of its rounds in one launch."""
    if not (revision.folder / SUITE).is_dir():
        raise CannotMeasure(f"{revision.label} has no {SUITE}")
    before, began = Busy.now(), time.monotonic()
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "benchmarks.json")
        # The installed manyhands may be of another commit: its plug-in may be missing, or this side may have none and options of its own.
        own = ["-p", "manyhands.pytest_plugin"] if (revision.folder / PLUGIN).exists() else []
        options = [
            "-p",
            "no:manyhands",
            *own,
            "--benchmark-only",
            "-k",
            expression,
            "-q",
            "-p",
            "no:cacheprovider",
            f"--benchmark-json={out}",
        ]
        try:
            done = subprocess.run(
                [str(revision.python), "-m", "pytest", str(SUITE), *options],
                cwd=revision.folder,
                env=revision.environment(),
                capture_output=True,
                text=True,
                check=False,
                timeout=LAUNCH_S,
                preexec_fn=end_with_parent,
            )
        except subprocess.TimeoutExpired:
            raise CannotMeasure(f"{SUITE} of {revision.label} was not done after {LAUNCH_S:g} s") from None
        if done.returncode or not out.exists():
            raise CannotMeasure(
                f"{SUITE} -k '{expression}' of {revision.label} does not run: {_why(done.returncode, done.stdout + done.stderr)}"
            )
        content = json.loads(out.read_text())
    others, stolen = Busy.now().others_since(before, 0.0)
    wall_s = time.monotonic() - began
    return {
        found["name"]: Sample({"time": float(found["stats"]["median"])}, (), others, stolen, wall_s)
        for found in content["benchmarks"]
    }


def _why(code: int, output: str) -> str:
    if code == 5:
        return "no benchmark has this name"
    return (output.strip().splitlines() or [f"pytest ended with {code}"])[-1]

"""The pairs of `benchmarks/script_cost.py`: what it says about a script whose cost is known."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from benchmarks.script_cost import cpu_s, line_of, median_of  # noqa: E402


def test_the_interval_of_a_median_is_that_of_the_sign_test() -> None:
    """Of 20 values the sixth from both ends: the interval covers the median in 95.9 of 100 cases."""
    values = [float(number) for number in range(20, 0, -1)]
    assert median_of(values) == (6.0, 10.5, 15.0)


def test_a_line_has_ratio_and_difference() -> None:
    assert line_of("train.py", [(10.0, 10.1)] * 6) == (
        "train.py: 1.0100 x [1.0100, 1.0100] of 10.000 CPU s, +100.0 ms [+100.0, +100.0], 6 pairs"
    )


def test_cpu_time_counts_no_sleep_and_a_failed_script_ends_the_measurement() -> None:
    asleep = cpu_s([sys.executable, "-c", "import time; time.sleep(1.0)"])
    busy = cpu_s(
        [sys.executable, "-c", "import time\nbegan = time.process_time()\nwhile time.process_time() < began + 0.5: pass"]
    )
    assert busy >= 0.5
    assert asleep < busy
    with pytest.raises(SystemExit, match="ended with 3"):
        cpu_s([sys.executable, "-c", "raise SystemExit(3)"])


@pytest.mark.slow
def test_it_measures_a_script_and_keeps_its_pairs(tmp_path: Path) -> None:
    (tmp_path / "train.py").write_text("import sys\nassert sys.argv[1:] == ['--steps', '3']\n")
    words = [sys.executable, "-m", "benchmarks.script_cost", "--pairs", "2", "--out", str(tmp_path / "kept.json")]
    done = subprocess.run(
        [*words, str(tmp_path / "train.py"), "--steps", "3"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == 4
    pairs = json.loads((tmp_path / "kept.json").read_text())["cpu_s"]
    assert list(pairs) == ["an empty script", "import torch", f"{tmp_path / 'train.py'} --steps 3"]
    assert all(len(found) == 2 and min(map(min, found)) > 0 for found in pairs.values())
    assert min(map(min, pairs["import torch"])) > max(map(max, pairs["an empty script"]))

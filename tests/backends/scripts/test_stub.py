"""A script's process is what `python script.py` gives it, however the script ends, and leaves a report."""

from __future__ import annotations

import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psutil
import pytest

from manyhands.backends.scripts.script_run import ScriptRun
from manyhands.backends.scripts.worker_process import run_worker
from manyhands.errors import EngineError
from manyhands.measure.resources import wait_for_descendants
from manyhands.plan import RunSpec

ITSELF = """
import json, os, sys
print(json.dumps({
    "argv": sys.argv, "path": sys.path[:2], "name": __name__, "file": __file__, "folder": os.getcwd(),
    "unbuffered": sys.stdout.write_through, "main": sys.modules["__main__"].__file__,
    "environment": sorted(name for name in os.environ if name.startswith("PYTHON")),
    "ours": sorted(name for name in sys.modules if name.startswith("manyhands.")),
}))
"""


def started(text: str, tmp_path: Path, arguments: Sequence[str] = (), **environ: str) -> ScriptRun:
    """The run of a script with this text, after it has ended."""
    script = tmp_path / "project" / "train.py"
    script.parent.mkdir(exist_ok=True)
    script.write_text(text)
    settings = {"arguments": list(arguments)}
    run = ScriptRun.of(RunSpec(workload=str(script), backend="serial", batch="per-worker", settings=settings), tmp_path)
    run_worker(run, environ)
    return run


def output(run: ScriptRun) -> str:
    return (run.folder / "rank-0.out").read_text()


def report(run: ScriptRun) -> dict[str, Any]:
    (only,) = run.reports()
    return only


def test_the_script_sees_what_python_shows_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    run = started(ITSELF, tmp_path, ["--lr", "0.1"], PYTHONSAFEPATH="1", PYTHONUNBUFFERED="1")
    script = tmp_path / "project" / "train.py"
    clean = {name: value for name, value in os.environ.items() if name not in ("PYTHONSAFEPATH", "PYTHONUNBUFFERED")}
    bare = subprocess.run([sys.executable, script, "--lr", "0.1"], capture_output=True, text=True, check=True, env=clean)
    assert json.loads(output(run)) == json.loads(bare.stdout)


def test_modules_beside_the_script_import_and_are_named_with_their_hash(tmp_path: Path) -> None:
    folder = tmp_path / "project"
    (folder / "parts").mkdir(parents=True)
    (folder / "model.py").write_text("WIDTH = 3\n")
    (folder / "parts" / "loss.py").write_text("import json\n")
    (folder / "not_imported.py").write_text("")
    run = started("import model, parts.loss, json, random", tmp_path)
    code = report(run)["code"]
    assert list(code) == ["model.py", "parts/loss.py", "train.py"]
    assert code["model.py"] == hashlib.sha256(b"WIDTH = 3\n").hexdigest()


@pytest.mark.parametrize(
    ("end", "code", "error"),
    [
        ("pass", 0, None),
        ("import sys; sys.exit(0)", 0, None),
        ("import sys; sys.exit(3)", 3, None),
        ("import sys; sys.exit('no data')", 1, "no data"),
        ("raise ValueError('wrong width')", 1, "ValueError: wrong width"),
        ("import os; os._exit(4)", 4, None),
        ("import os; os._exit(0)", 0, None),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", -9, None),
        ("1 +", 1, "SyntaxError: invalid syntax"),
    ],
)
def test_every_end_has_a_report(end: str, code: int, error: str | None, tmp_path: Path) -> None:
    run = started(f"print('begun')\n{end}\n", tmp_path)
    assert (report(run)["exit_code"], report(run)["error"]) == (code, error)


def test_a_traceback_shows_the_script_and_not_what_started_it(tmp_path: Path) -> None:
    shown = output(started("def fit():\n    1 / 0\nfit()\n", tmp_path))
    assert shown.startswith("Traceback (most recent call last):\n")
    assert shown.count("  File ") == 2
    assert "runpy" not in shown
    assert "stub.py" not in shown


def test_a_forked_child_leaves_no_report_of_its_own(tmp_path: Path) -> None:
    run = started("import os\nchild = os.fork()\nif child: os.waitpid(child, 0)\nprint(bool(child), flush=True)\n", tmp_path)
    assert output(run) == "False\nTrue\n"
    assert report(run)["pid"] not in (0, os.getpid())


def test_what_threads_and_atexit_do_is_part_of_the_script(tmp_path: Path) -> None:
    text = (
        "import atexit, threading, time\natexit.register(time.sleep, 0.1)\n"
        "threading.Thread(target=time.sleep, args=(0.2,)).start()\n"
    )
    left = report(started(text, tmp_path))
    assert left["ended"] - left["started"] >= 0.3


def test_spawned_processes_find_functions_of_the_script(tmp_path: Path) -> None:
    text = (
        "import multiprocessing\ndef double(x): return 2 * x\n"
        "if __name__ == '__main__':\n"
        "    with multiprocessing.get_context('spawn').Pool(1) as pool: print(pool.map(double, [4]))\n"
    )
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    run = started(text, tmp_path)
    assert output(run) == "[8]\n"
    wait_for_descendants(before)  # the tracker of Python's processes ends after the script


def test_times_and_memory_are_those_of_the_process(tmp_path: Path) -> None:
    left = report(started("x = bytearray(b'x' * 50_000_000)\nsum(range(2_000_000))\n", tmp_path))
    assert left["peak_rss_bytes"] >= left["peak_pss_bytes"] > 50e6
    assert left["cpu_user_s"] + left["cpu_system_s"] > 0
    assert not left["grouped"]


def test_an_unusual_end_is_an_error_in_one_line(tmp_path: Path) -> None:
    run = started("import sys; print('width 3 is no number'); sys.exit(3)", tmp_path)
    with pytest.raises(EngineError, match=r"^serial worker 0 ended with exit code 3: width 3 is no number$"):
        run.fit()

"""manyhands from Python: in a script, in a notebook, twice, interrupted, and with what is impossible."""

from __future__ import annotations

import importlib
import json
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import psutil
import pytest
from engines import descendants

import manyhands as mh
from manyhands.apart import NEXT
from manyhands.record import read_records
from manyhands.user_files import load

CHEAP = {"backend": "serial", "workers": 1, "samples": 500, "progress": False}
"""K-means on 500 rows in one process: the shortest run there is."""


def script(folder: Path, code: str) -> subprocess.Popen[str]:
    """A Python that runs a file with this code, with no `__main__` guard in it."""
    file = folder / "script.py"
    file.write_text(dedent(code))
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, str(file)], cwd=folder, text=True, **pipes)


def test_every_public_name_is_there_and_no_module_has_it() -> None:
    for name in mh.__all__:
        assert getattr(mh, name) is not None
        if name != "errors":
            with pytest.raises(ModuleNotFoundError):
                importlib.import_module(f"manyhands.{name}")
    assert set(mh.__all__) <= set(dir(mh))


def test_a_name_that_does_not_exist_is_answered_with_those_that_do() -> None:
    with pytest.raises(AttributeError, match=r"no attribute 'benchmark'; it has .*bench"):
        _ = mh.benchmark


def test_importing_the_package_costs_next_to_nothing() -> None:
    """In the modules that it loads, because their number is the same on a busy machine; importing NumPy alone loads above 100."""
    count = "import sys; before = set(sys.modules); import manyhands; print(*set(sys.modules) - before)"
    done = subprocess.run([sys.executable, "-c", count], capture_output=True, text=True, check=True)
    loaded = done.stdout.split()
    assert len(loaded) < 40
    assert [name for name in loaded if name.startswith("manyhands.")] == []


@pytest.mark.parametrize(
    ("workload", "options", "error", "reason"),
    [
        ("nope", {}, mh.errors.UsageError, "unknown workload 'nope'; known: cnn,"),
        ("kmeans", {"backend": "nope"}, mh.errors.UsageError, "unknown backend 'nope'; known: "),
        ("kmeans", {"workers": "two"}, mh.errors.UsageError, "--workers 'two' is not a list of whole numbers"),
        ("kmeans", {"data": "/no/such/folder"}, mh.errors.DataError, "no folder /no/such/folder"),
        (
            "kmeans",
            {"backend": "ddp", "workers": 1},
            mh.errors.UsageError,
            "nothing can be run: kmeans on ddp x 1: ddp offers no",
        ),
        ("kmeans", {"save": "m.pt"}, mh.errors.UsageError, "--save is for networks, not for clustering"),
        ("kmeans", {"out": "/proc/x.jsonl"}, mh.errors.RecordError, "cannot write records to /proc/x.jsonl"),
        ("kmeans", {"budget": "10m"}, mh.errors.UsageError, "--budget 10m is for a study"),
        ("kmeans", {"args": ["--lr", "0.1"]}, mh.errors.UsageError, "'-- --lr 0.1' is for a script, and kmeans is none"),
        ("train.py", {}, mh.errors.UsageError, "no script .*train.py; give the path of a Python file"),
    ],
)
def test_the_impossible_is_one_line_and_makes_no_record(
    workload: str, options: dict[str, object], error: type[Exception], reason: str, tmp_path: Path
) -> None:
    with pytest.raises(error, match=reason) as raised:
        mh.bench(workload, **CHEAP | {"out": tmp_path / "r.jsonl"} | options)
    assert "\n" not in str(raised.value)
    assert list(tmp_path.iterdir()) == []


def test_a_session_shows_its_plan_and_runs_nothing(torch: Any, tmp_path: Path) -> None:
    session = mh.Session("cnn", "rnn", backend=["serial"], workers=[1], repeats=2, out=tmp_path / "r.jsonl")
    assert [(run.workload, run.repeat) for run in session.plan.runs if run.threads == 1].count(("cnn", 0)) == 1
    assert len(session.plan.runs) == 4
    assert list(session.results) == []
    assert list(tmp_path.iterdir()) == []


def test_a_script_and_its_arguments_are_a_plan(torch: Any, tmp_path: Path) -> None:
    (tmp_path / "train.py").touch()
    session = mh.Session(tmp_path / "train.py", args=["--lr", "0.1"], backend="serial", workers=1, repeats=1)
    (run,) = session.plan.runs
    assert (run.workload, run.settings) == (str(tmp_path / "train.py"), {"arguments": ["--lr", "0.1"]})
    assert run.command().endswith(" -- --lr 0.1")


def test_functions_and_classes_themselves_are_workloads(tmp_path: Path) -> None:
    """Also in a list; those of a file by that file, others by one beside the records."""
    (tmp_path / "mine.py").write_text("def build():\n    return 3\n")
    name = f"{tmp_path / 'mine.py'}:build"
    session = mh.Session(workloads=["cnn", load(name), lambda: 3], out=tmp_path / "r.jsonl")
    assert session.request.workloads[:2] == ("cnn", name)
    assert session.request.workloads[2].startswith(f"{tmp_path / 'code'}/")
    assert mh.Session(load(name)).request.workloads == (name,)


def test_a_study_shows_its_plan() -> None:
    plan = mh.Session(study="mlp-ensemble", budget="20m").plan
    assert {run.workload for run in plan.runs} == {"ensemble"}
    assert "a budget of 1200 s decides" in plan.note


@pytest.mark.slow
def test_a_session_gives_its_records_one_by_one_and_waits_while_they_are_looked_at(tmp_path: Path) -> None:
    """It runs twice in one process, keeps what it made, and goes on where it was."""
    out = tmp_path / "r.jsonl"
    session = mh.Session("kmeans", repeats=3, out=out, **CHEAP)
    looked = datetime.now(UTC) - timedelta(milliseconds=1)  # records have whole milliseconds
    for record in session:
        assert record.ok, record.reason
        assert datetime.fromisoformat(record.started_at) >= looked
        assert record.to_json() in out.read_text()
        time.sleep(0.5)
        looked = datetime.now(UTC) - timedelta(milliseconds=1)
        if len(session.results) == 2:
            break
    assert read_records(out) == list(session.results)
    assert len(session.results) == 2
    recalled: list[mh.Record] = []

    class Recalling(mh.Watcher):
        def recalls(self, records: Sequence[mh.Record]) -> None:
            recalled.extend(records)

    results = mh.bench("kmeans", repeats=3, out=out, resume=True, **CHEAP | {"progress": Recalling()})
    assert recalled == list(session.results)
    assert [record.id for record in results][:2] == [record.id for record in session.results]
    assert len(results) == 3
    assert results.path == out


@pytest.mark.slow
def test_a_cell_that_is_left_out_is_a_record_with_its_reason(tmp_path: Path) -> None:
    results = mh.bench("kmeans", repeats=1, out=tmp_path / "r.jsonl", **CHEAP | {"backend": ["serial", "ddp"]})
    assert [record.status for record in results] == ["skipped", "ok"]
    assert results[0].reason is not None
    assert results[0].reason.startswith("ddp offers no clustering workloads")


@pytest.mark.slow
def test_a_watcher_of_ones_own_follows_the_runs(tmp_path: Path) -> None:
    calls: list[str] = []

    class Mine(mh.Watcher):
        def begins(self, runs: object, already: int) -> None:
            calls.append(f"begins, {already} made")

        def starts(self, specs: object) -> None:
            calls.append("starts")

        def ended(self, record: mh.Record) -> None:
            calls.append(f"ended {record.status}")

        def ends(self) -> None:
            calls.append("ends")

    mh.bench("kmeans", repeats=1, out=tmp_path / "r.jsonl", **CHEAP | {"progress": Mine()})
    assert calls == ["begins, 0 made", "starts", "ended ok", "ends"]


@pytest.mark.slow
def test_a_script_without_a_guard_is_no_parent_of_orphans(tmp_path: Path) -> None:
    """What engines leave behind would come to this script if it were what Linux calls a subreaper; its own children stay its own."""
    code = """
        import ctypes
        import subprocess
        import manyhands as mh

        mine = subprocess.Popen(["sleep", "60"])
        results = mh.bench("kmeans", backend="serial", workers=1, samples=500, repeats=1)
        is_reaper = ctypes.c_int(-1)
        ctypes.CDLL(None).prctl(37, ctypes.byref(is_reaper), 0, 0, 0)  # PR_GET_CHILD_SUBREAPER
        print(is_reaper.value, mine.poll(), [record.status for record in results], results.path.exists())
        mine.kill()
        mine.wait()
    """
    shown, errors = script(tmp_path, code).communicate(timeout=120)
    assert shown.splitlines()[-1:] == ["0 None ['ok'] True"], errors
    assert "kmeans on serial x 1, launch 1: ok" in errors


DOORS = """
    from dataclasses import dataclass
    import torch
    import manyhands as mh
    from manyhands.workloads.kmeans import KMeans
    from part import WIDTH

    class Net(torch.nn.Linear):
        def __init__(self):
            super().__init__(WIDTH, 1)

    def build(lr=0.1):
        net = Net()
        rows = torch.utils.data.TensorDataset(torch.ones(32, WIDTH), torch.zeros(32, 1))
        return mh.Training(
            net, torch.optim.SGD(net.parameters(), lr=lr), rows, lambda out, batch: (out - batch[1]).square().mean(),
            batch_size=8, evaluate=lambda model: {"width": WIDTH},
        )

    @dataclass(frozen=True)
    class Own(KMeans):
        "K-means of my own."

    same = {"progress": False, "repeats": 1, "out": "r.jsonl"}
    results = mh.bench(build, backend=["serial", "ddp"], workers=[1, 2], **same)
    again = mh.bench(build, backend=["serial", "ddp"], workers=[1, 2], resume=True, **same)
    other = mh.bench(Own, backend="serial", workers=1, samples=500, **same)
    script = mh.bench("train.py", args=["--lr", "0.1"], backend="serial", workers=1, **same)
"""
"""All three doors in one script or cell: a function and a class that are in no file, and a script with arguments."""
SCRIPT = "import sys\nfrom manyhands import marks\nmarks.metric(words=len(sys.argv) - 1)\n"


def check_doors(records: Sequence[mh.Record]) -> None:
    """The records of `DOORS`: three runs of the function, none of them made again, one of the class, one of the script."""
    assert [record.reason for record in records if record.status == "failed"] == []
    made = [record for record in records if record.ok and record.spec["threads"] == 1]
    function, own, train = made[:3], made[3], made[4]
    assert {(record.spec["backend"], record.spec["workers"]) for record in function} == {("serial", 1), ("ddp", 1), ("ddp", 2)}
    assert len(made) == 5
    for record in function:
        assert record.quality == {"width": 3}
        assert list(record.code["files"]) == ["build.py"]
        assert record.spec["workload"].endswith("/build.py:build")
    assert len({record.code["sha256"] for record in function}) == 1
    assert own.quality["inertia"] > 0
    assert own.spec["workload"].endswith("/Own.py:Own")
    assert train.quality == {"words": 2}


@pytest.mark.slow
def test_a_script_measures_its_own_function_and_class_and_another_script(tmp_path: Path) -> None:
    (tmp_path / "part.py").write_text("WIDTH = 3\n")
    (tmp_path / "train.py").write_text(SCRIPT)
    _, errors = script(tmp_path, DOORS).communicate(timeout=300)
    assert errors == ""
    check_doors(read_records(tmp_path / "r.jsonl"))


def wait_for_a_run(process: subprocess.Popen[str]) -> list[psutil.Process]:
    """The processes below `process` once a driver is on."""
    for _ in range(600):
        if descendants("manyhands.guard", of=process.pid):
            return psutil.Process(process.pid).children(recursive=True)
        time.sleep(0.1)
    raise AssertionError("no run has begun")


LONG = """
    import manyhands as mh

    try:
        for record in mh.Session("cnn", backend="serial", workers=1, samples=64, epochs=EPOCHS, repeats=2, out="r.jsonl"):
            print(record.status, flush=True)
    except KeyboardInterrupt:
        print("interrupted", len(mh.read("r.jsonl")), flush=True)
"""


@pytest.mark.slow
@pytest.mark.parametrize("end", [signal.SIGINT, signal.SIGKILL])
def test_an_interrupted_or_killed_script_leaves_no_process_and_keeps_its_records(end: signal.Signals, tmp_path: Path) -> None:
    process = script(tmp_path, f"EPOCHS = 1\n{dedent(LONG).replace('repeats=2', 'repeats=50')}")
    assert process.stdout is not None
    assert process.stdout.readline() == "ok\n"
    below = wait_for_a_run(process)
    process.send_signal(end)  # to this process alone, as the kernel of a notebook gets it
    shown, errors = process.communicate(timeout=60)
    assert psutil.wait_procs(below, timeout=30)[1] == [], "the session and its run have ended"
    kept = read_records(tmp_path / "r.jsonl")
    assert kept
    assert all(record.ok for record in kept)
    if end == signal.SIGINT:
        assert shown.splitlines()[-1] == f"interrupted {len(kept)}"
        assert f"interrupted; {len(kept)} records are kept in r.jsonl" in errors


@pytest.mark.slow
def test_a_killed_session_is_an_error_that_says_how_to_go_on(tmp_path: Path) -> None:
    session = mh.Session("kmeans", repeats=20, out=tmp_path / "r.jsonl", **CHEAP)
    records = iter(session)
    assert next(records).ok
    descendants("manyhands.apart")[0].kill()
    with pytest.raises(mh.errors.EngineError, match=r"ended with -9 .*; 1 records are in .*go on with resume=True"):
        next(records)


def run_notebook(folder: Path, cells: Sequence[str]) -> list[Any]:
    """The outputs of each cell of a notebook that runs in the folder."""
    import nbclient
    import nbformat

    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(dedent(text)) for text in cells])
    environ = {"IPYTHONDIR": str(folder / "ipython"), "JUPYTER_RUNTIME_DIR": str(folder), "JUPYTER_DATA_DIR": str(folder)}
    with pytest.MonkeyPatch.context() as patch:
        for name, value in environ.items():
            patch.setenv(name, value)
        client = nbclient.NotebookClient(book, timeout=300, kernel_name="python3", resources={"metadata": {"path": str(folder)}})
        client.execute()
    return [cell.outputs for cell in book.cells]


@pytest.mark.slow
def test_in_a_notebook_it_runs_beside_the_loop_of_the_kernel_and_shows_a_table(tmp_path: Path) -> None:
    cells = [
        "import asyncio, manyhands as mh\nasyncio.get_running_loop().is_running()",
        "results = mh.bench('kmeans', backend='serial', workers=1, samples=500, repeats=2, out='r.jsonl')\nresults",
        "results.frame()[['spec.workload', 'status']].to_json()",
    ]
    first, second, third = run_notebook(tmp_path, cells)
    assert first[0].data["text/plain"] == "True"
    (table,) = [output for output in second if output.output_type == "execute_result"]
    assert "<table" in table.data["text/html"]
    lines = "".join(output.text for output in second if output.output_type == "stream")
    assert "kmeans on serial x 1, launch 2: ok" in lines
    assert "\x1b" not in lines, "no bar, which a notebook cannot redraw"
    assert json.loads(third[0].data["text/plain"].strip("'"))["status"] == {"0": "ok", "1": "ok"}
    assert len(read_records(tmp_path / "r.jsonl")) == 2


@pytest.mark.slow
def test_functions_and_classes_of_notebook_cells_are_measured(tmp_path: Path) -> None:
    """A kernel that is started again gives them the same files, so `resume` finds their runs."""
    (tmp_path / "part.py").write_text("WIDTH = 3\n")
    (tmp_path / "train.py").write_text(SCRIPT)
    for _ in range(2):
        run_notebook(
            tmp_path, [DOORS.replace('"out": "r.jsonl"', '"out": "r.jsonl", "resume": True').replace("resume=True, ", "")]
        )
    check_doors(read_records(tmp_path / "r.jsonl"))


@pytest.mark.parametrize(("given", "goes_on"), [(NEXT, True), (b"", False)])
def test_a_session_that_waits_for_its_turn_ends_by_its_closed_input_alone(given: bytes, goes_on: bool) -> None:
    """Not by a signal: one that comes just before the wait would be missed, and the session would wait for ever."""
    code = (
        "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN); from manyhands.apart import wait_for_turn; wait_for_turn()"
    )
    done = subprocess.run([sys.executable, "-c", code], input=given, capture_output=True, timeout=60, check=False)
    assert (done.returncode == 0) == goes_on
    assert (b"KeyboardInterrupt" in done.stderr) != goes_on

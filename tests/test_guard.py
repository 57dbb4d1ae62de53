"""When a parent dies, at any moment and by any signal, nothing of its run is left: no process, no folder, no semaphore."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from engines import wait_until

from manyhands.measure.resources import end_descendants
from manyhands.parent import PARENT, adopt_orphans
from manyhands.shared_memory import FOLDER, remove_semaphores

ENTRIES = {
    "manyhands.guard": "specs.json",
    "manyhands.backends.torchrun.worker": "job.json",
    "manyhands.backends.fabric.worker": "job.json",
}
"""Entry point -> the file that it reads first; here a pipe without a writer, so that the process would wait for ever."""
STARTER = (
    "import os, subprocess, sys, time; environ = os.environ | {sys.argv[1]: str(os.getpid())};"
    " print(subprocess.Popen([sys.executable, '-P', '-m', *sys.argv[2:]], env=environ).pid, flush=True); time.sleep(100)"
)
OWN_BACKEND = """
import multiprocessing, subprocess, sys, time
from manyhands.backends.base import Backend

class Forks(Backend):
    name = "forks"

    def __enter__(self):
        deaf = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(100)"
        orphan = f"import subprocess, sys; subprocess.Popen([sys.executable, '-c', {deaf!r}], start_new_session=True)"
        subprocess.run([sys.executable, "-c", orphan], check=True)
        self.semaphore = multiprocessing.get_context("spawn").Semaphore()
        (self.folder / "here").write_text(self.semaphore._semlock.name)
        time.sleep(100)

    def fit_collective(self, spec):
        pass
"""


@pytest.fixture
def keep() -> Iterator[set[int]]:
    """The processes that were there before; orphans come to this process, and none outlives the test."""
    adopt_orphans()
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    yield before
    end_descendants(before, grace_s=0.5)


def left(keep: set[int]) -> list[psutil.Process]:
    children = [child for child in psutil.Process().children(recursive=True) if child.pid not in keep]
    return [child for child in children if child.status() != psutil.STATUS_ZOMBIE]


@pytest.mark.parametrize("after_s", [0, 0.02, 0.05, 0.2])
@pytest.mark.parametrize("entry", ENTRIES)
def test_process_ends_when_its_parent_is_killed_as_soon_as_it_appears(
    entry: str, after_s: float, tmp_path: Path, keep: set[int]
) -> None:
    folder = tmp_path / "run"
    folder.mkdir()
    os.mkfifo(folder / ENTRIES[entry])
    words = [sys.executable, "-c", STARTER, PARENT, entry, str(folder)]
    with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as starter:
        assert starter.stdout is not None
        assert int(starter.stdout.readline())
        time.sleep(after_s)
        starter.kill()
    wait_until(lambda: not left(keep), lambda: str(left(keep)), 20)
    assert folder.exists() == (entry != "manyhands.guard"), "the guard removes the folder of its run"


def test_killed_parent_leaves_no_process_and_no_folder(tmp_path: Path, keep: set[int], torch: Any) -> None:
    (tmp_path / "own.py").write_text(OWN_BACKEND)
    (tmp_path / "tmp").mkdir()
    environ = os.environ | {"TMPDIR": str(tmp_path / "tmp"), "MANYHANDS_LOCK": str(tmp_path / "lock")}
    words = [
        "run",
        "collective",
        "--backend",
        f"{tmp_path / 'own.py'}:Forks",
        "--workers",
        "2",
        "--repeats",
        "1",
        "--out",
        "r.jsonl",
    ]
    with subprocess.Popen(
        [sys.executable, "-m", "manyhands", *words], cwd=tmp_path, env=environ, stderr=subprocess.PIPE
    ) as parent:
        wait_until(
            lambda: parent.poll() is not None or [here for here in (tmp_path / "tmp").glob("*/engine/here") if here.read_text()]
        )
        assert parent.poll() is None, parent.stderr and parent.stderr.read().decode()
        assert any("time.sleep" in " ".join(child.cmdline()) for child in left(keep))
        (here,) = (tmp_path / "tmp").glob("*/engine/here")
        semaphore = FOLDER / f"sem.{here.read_text().lstrip('/')}"
        assert semaphore.exists()
        parent.kill()
    wait_until(lambda: not left(keep), lambda: str(left(keep)), 20)  # by itself each of them would sleep for 100 s
    wait_until(lambda: not list((tmp_path / "tmp").iterdir()), patience_s=20)
    assert not semaphore.exists()


@pytest.mark.parametrize(("end", "code"), [("os.kill(os.getpid(), 15)", -signal.SIGTERM), ("sys.exit(7)", 7)])
def test_guard_ends_as_the_driver_does(end: str, code: int) -> None:
    planted = f"import os, sys, types; m = types.ModuleType('manyhands.driver'); m.main = lambda folder: {end}"
    run = "sys.modules['manyhands.driver'] = m; from pathlib import Path; from manyhands.guard import main; sys.exit(main(Path('/')))"
    done = subprocess.run([sys.executable, "-c", f"{planted}; {run}"], env=os.environ | {PARENT: str(os.getpid())}, check=False)
    assert done.returncode == code


def test_semaphores_of_ended_processes_are_removed_and_no_others() -> None:
    own, other = (FOLDER / f"sem.loky-{number}-tested" for number in (4194305, 4194306))
    own.touch()
    other.touch()
    try:
        remove_semaphores({4194305})
        assert not own.exists()
        assert other.exists()
    finally:
        other.unlink()

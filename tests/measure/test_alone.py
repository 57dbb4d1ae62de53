"""One measured run at a time."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.measure.alone import alone


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def hold_lock(folder: Path, seconds: float) -> subprocess.Popen[bytes]:
    """A process that has the lock in `folder` and keeps it for so long."""
    code = f"import tempfile, time; tempfile.tempdir = {str(folder)!r}\nfrom manyhands.measure.alone import alone\n"
    code += f"with alone(): print('held', flush=True); time.sleep({seconds})"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    holder.stdout.close()
    return holder


def test_second_run_waits_and_says_so(tmp_path: Path) -> None:
    holder = hold_lock(tmp_path, 0.7)
    said: list[str] = []
    with alone(lambda: said.append("waiting")):
        assert holder.wait(5) == 0
    assert said == ["waiting"]


def test_lock_of_a_run_that_fails_is_free() -> None:
    with pytest.raises(RuntimeError), alone():
        raise RuntimeError
    with alone(lambda: pytest.fail("the lock was not let go")):
        pass


def test_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    holder = hold_lock(tmp_path, 600)
    holder.kill()
    assert holder.wait() == -signal.SIGKILL
    with alone(lambda: pytest.fail("the killed process still has the lock")):
        pass

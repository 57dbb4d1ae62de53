"""One measured run at a time."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.errors import EngineError
from manyhands.measure.alone import VARIABLE, alone, lock_file


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(VARIABLE, str(tmp_path / "lock"))


def hold_lock(folder: Path) -> subprocess.Popen[bytes]:
    """A process with another TMPDIR that has the lock, until its standard input ends."""
    code = "import sys\nfrom manyhands.measure.alone import alone\nwith alone(): print('held', flush=True); sys.stdin.read()"
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    holder = subprocess.Popen([sys.executable, "-c", code], **pipes, env=os.environ | {"TMPDIR": str(folder)})
    assert holder.stdin is not None
    assert holder.stdout is not None
    assert holder.stdout.readline() == b"held\n"
    return holder


def test_second_run_waits_and_says_so(tmp_path: Path) -> None:
    with hold_lock(tmp_path) as holder:
        said: list[str] = []

        def waits() -> None:
            said.append("waiting")
            assert holder.stdin is not None
            holder.stdin.close()

        with alone(waits):
            assert holder.wait(60) == 0
    assert said == ["waiting"]


def test_lock_of_a_run_that_fails_is_free() -> None:
    with pytest.raises(RuntimeError), alone():
        raise RuntimeError
    with alone(lambda: pytest.fail("the lock was not let go")):
        pass


def test_lock_of_a_killed_run_is_free(tmp_path: Path) -> None:
    with hold_lock(tmp_path) as holder:
        holder.kill()
    assert holder.returncode == -signal.SIGKILL
    with alone(lambda: pytest.fail("the killed process still has the lock")):
        pass


def test_lock_is_the_users_on_this_machine_whatever_the_temporary_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv(VARIABLE)
    first = lock_file()
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    assert lock_file() == first
    assert str(os.getuid()) in first.name


def test_lock_that_is_somebody_elses_link_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "lock").symlink_to(tmp_path / "else")
    with pytest.raises(EngineError, match=f"cannot open {tmp_path / 'lock'}, which keeps two runs of a machine apart"), alone():
        pass
    assert not (tmp_path / "else").exists()

"""One measured run at a time."""

import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.measure.alone import alone


@pytest.fixture(autouse=True)
def own_lock(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))


def test_second_run_waits_and_says_so(tmp_path: Path) -> None:
    code = f"import tempfile, time; tempfile.tempdir = {str(tmp_path)!r}\nfrom manyhands.measure.alone import alone\n"
    code += "with alone(): print('held', flush=True); time.sleep(0.7)"
    holder = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE)
    assert holder.stdout is not None
    holder.stdout.readline()
    said: list[str] = []
    with alone(lambda: said.append("waiting")):
        assert holder.wait(5) == 0
    holder.stdout.close()
    assert said == ["waiting"]


def test_lock_of_a_killed_run_is_free() -> None:
    with pytest.raises(RuntimeError), alone():
        raise RuntimeError
    with alone(lambda: pytest.fail("the lock was not let go")):
        pass

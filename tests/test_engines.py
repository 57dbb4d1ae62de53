"""The thread that kills a process of a run: the test beside it fails when the thread failed or killed no process."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Iterator

import psutil
import pytest
from engines import killing


@pytest.fixture
def sleeper() -> Iterator[subprocess.Popen[bytes]]:
    with subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"]) as process:
        yield process
        process.kill()


def test_look_that_ends_with_an_error_is_made_again(sleeper: subprocess.Popen[bytes]) -> None:
    looks: list[int] = []

    def ready() -> bool:
        looks.append(1)
        if len(looks) == 1:
            raise subprocess.CalledProcessError(1, "look")
        return True

    with killing(lambda: psutil.Process(sleeper.pid), ready) as killed:
        assert sleeper.wait(30) == -9
    assert killed.pid == sleeper.pid
    assert killed.ended_after_s >= 0


def test_error_of_the_thread_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="no process was killed: KeyError"), killing(lambda: {}["nothing"]):
        time.sleep(0.5)


def test_run_that_ends_before_a_kill_fails_the_test() -> None:
    with pytest.raises(pytest.fail.Exception, match="the run ended before one was found at work"), killing(lambda: None):
        time.sleep(0.5)

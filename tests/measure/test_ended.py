"""Children that have ended are found with the signal or the exit code that ended them."""

from __future__ import annotations

import subprocess
import sys

from engines import wait_until

from manyhands.measure.ended import ended_children, how


def test_ended_children_are_found_with_how_they_ended() -> None:
    codes_of = ("import os; os.kill(os.getpid(), 9)", "raise SystemExit(3)", "import time; time.sleep(60)")
    killed, failed, alive = (subprocess.Popen([sys.executable, "-c", code]) for code in codes_of)

    def codes() -> dict[int, int]:
        return {ended.pid: ended.code for ended in ended_children()}

    wait_until(lambda: len({killed.pid, failed.pid} & codes().keys()) == 2)
    assert codes()[killed.pid] == -9
    assert codes()[failed.pid] == 3
    assert alive.pid not in codes()
    assert [each.wait() for each in (killed, failed)] == [-9, 3]
    alive.kill()
    alive.wait()
    assert not {killed.pid, failed.pid, alive.pid} & codes().keys()
    assert (how(-9), how(3), how(-40)) == ("was killed by SIGKILL", "ended with exit code 3", "was killed by signal 40")
    assert how(143) == "ended with exit code 143, as after SIGTERM"

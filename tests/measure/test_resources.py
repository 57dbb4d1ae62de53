"""CPU time and memory of a process tree; nothing of it survives."""

import os
import subprocess
import sys
import time

import psutil
import pytest

from manyhands.measure.resources import (
    CREDIT_S,
    SamplingBudget,
    TreeUsage,
    children_cpu_s,
    end_descendants,
    tree_usage,
    wait_sampling,
)
from manyhands.parent import PARENT, adopt_orphans

BUSY = (
    "import time\nx = bytearray(80_000_000)\nend = time.time() + 1.2\nwhile time.time() < end or time.process_time() < 1.0: pass"
)
"""Computes for 1.2 s, and for as long as other programs leave it less than 1 s of CPU time."""


def start(code: str) -> subprocess.Popen[bytes]:
    return subprocess.Popen([sys.executable, "-c", code], start_new_session=True)


def mine() -> set[int]:
    return {child.pid for child in psutil.Process().children(recursive=True)}


def test_usage_counts_this_process_and_its_children() -> None:
    before = tree_usage()
    block = bytearray(64 << 20)
    block[:: 1 << 12] = b"1" * len(block[:: 1 << 12])
    after = tree_usage()
    assert after["pss_bytes"] > before["pss_bytes"] + (48 << 20)
    assert after["cpu_s"] >= before["cpu_s"]


def test_a_busy_child_is_seen_with_its_time_and_memory() -> None:
    usage, before, ticks = TreeUsage(frozenset(mine())), children_cpu_s(), []
    process = start(BUSY)
    assert wait_sampling(process, lambda: 30, usage, lambda: ticks.append(1))
    process.wait()
    assert children_cpu_s() - before > 0.6
    assert usage.peak_pss_bytes is not None
    assert 80_000_000 < usage.peak_pss_bytes < 300_000_000
    assert ticks


def test_time_of_processes_that_the_kernel_collects_is_seen_too() -> None:
    parent = f"""
import signal, subprocess, sys
signal.signal(signal.SIGCHLD, signal.SIG_IGN)
child = subprocess.Popen([sys.executable, "-c", {BUSY!r}])
child.wait()
"""
    usage, before = TreeUsage(frozenset(mine())), children_cpu_s()
    process = start(parent)
    assert wait_sampling(process, lambda: 30, usage, lambda: None)
    process.wait()
    assert children_cpu_s() - before < 0.6
    assert usage.cpu_s > 0.6


def test_waiting_costs_less_than_one_percent_of_a_core() -> None:
    """Beside the memory samples in advance, which do not grow with the wait. A busy loop, or a look each 0.1 s, costs more each time."""
    assert any(cost_of_waiting() < 0.01 for _ in range(3)), "beside other programs the same work takes more CPU time"


def cost_of_waiting() -> float:
    """CPU time of this process per second of waiting for another, without the samples in advance."""
    process = start("import time; time.sleep(2)")
    usage = TreeUsage(frozenset(mine() - {process.pid}))
    began, cpu = time.perf_counter(), time.process_time()
    assert wait_sampling(process, lambda: 30, usage, lambda: None)
    spent_s, waited_s = time.process_time() - cpu, time.perf_counter() - began
    process.wait()
    return (spent_s - CREDIT_S) / waited_s


def test_timeout_comes_back_with_the_process_still_there() -> None:
    keep = mine()
    process = start("import time; time.sleep(60)")
    assert not wait_sampling(process, lambda: 0.3, TreeUsage(), lambda: None)
    assert psutil.pid_exists(process.pid)
    end_descendants(keep)
    process.poll()
    assert mine() <= keep


def test_orphans_are_found_and_ended() -> None:
    adopt_orphans()
    keep = mine()
    sleeper = "subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'], stdout=subprocess.DEVNULL)"
    grandchild = f"import subprocess, sys; print({sleeper}.pid)"
    process = subprocess.Popen([sys.executable, "-c", grandchild], stdout=subprocess.PIPE, start_new_session=True)
    output, _ = process.communicate(timeout=20)
    orphan = int(output)
    assert psutil.pid_exists(orphan)
    assert end_descendants(keep)
    assert not psutil.pid_exists(orphan)


def test_a_process_that_ignores_the_request_is_killed() -> None:
    keep = mine()
    code = "import signal, sys, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('deaf', flush=True); time.sleep(60)"
    process = subprocess.Popen([sys.executable, "-c", code], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout is not None
    process.stdout.readline()
    end_descendants(keep, grace_s=0.5)
    process.stdout.close()
    process.poll()
    assert mine() <= keep


def test_sampling_looks_often_at_first_and_then_as_often_as_it_may() -> None:
    share = 0.002
    budget, at, looks = SamplingBudget(share, CREDIT_S), 0.1, [0.1]
    while at < 100:
        at = budget.next_after(at, 0.002)
        looks.append(at)
    assert looks[1] == pytest.approx(0.2)
    assert len(looks) * 0.002 <= share * looks[-1] + CREDIT_S + 1e-9
    assert len(looks) * 0.002 > 0.9 * share * looks[-1]


def test_a_process_whose_parent_died_before_it_could_ask_for_its_death_ends_at_once() -> None:
    """A shell starts it in the background, ends before it has begun, and left its number as a driver does."""
    code = (
        "import time; time.sleep(1); from manyhands.measure.resources import die_with_parent; die_with_parent(); time.sleep(60)"
    )
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    adopt_orphans()
    shell = f'{PARENT}=$$ {sys.executable} -c "{code}" > /dev/null & echo $!'
    done = subprocess.run(["bash", "-c", shell], stdout=subprocess.PIPE, text=True, check=True)
    orphan = psutil.Process(int(done.stdout))
    try:
        assert orphan.wait(timeout=30) == 1
    finally:
        end_descendants(keep)


def test_a_process_whose_parent_lives_goes_on_and_names_itself_to_its_children() -> None:
    code = f"from manyhands.measure.resources import die_with_parent; import os; die_with_parent(); print(os.environ['{PARENT}'])"
    done = subprocess.Popen(
        [sys.executable, "-c", code], env=os.environ | {PARENT: str(os.getpid())}, stdout=subprocess.PIPE, text=True
    )
    assert done.communicate(timeout=30)[0].strip() == str(done.pid)

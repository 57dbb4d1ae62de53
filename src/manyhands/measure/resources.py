"""CPU time and memory of a whole process tree, sampled beside the run by the parent while it waits.

Linux shares pages between processes, so memory is PSS: each shared page counts once over the tree. Sampling is slowed down until
it costs less than 1 % of one core, so it does not disturb the run.
"""

from __future__ import annotations

import os
import resource
import select
import subprocess
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
import psutil

from manyhands.measure.other_programs import Moment, machine_seconds
from manyhands.parent import die_with_parent as die_with_parent  # users' own backends import it from here
from manyhands.shared_memory import is_tracker

OF_MEMORY, OF_CPU_TIME = 0.004, 0.002
"""Shares of one core that each kind of sampling may use: together less than the 1 % that the whole parent may use."""
SHORTEST_INTERVAL_S = 0.1
TRACKERS_S = 2.0
"""A resource tracker is killed so much later than other processes, because it removes their semaphores when they have ended."""
CREDIT_S = 0.005
"""CPU seconds in advance for memory samples: otherwise a run of one second gets a single sample, while Python starts."""


@dataclass
class TreeUsage:
    """CPU time and memory of a process tree. Times in seconds, memory in bytes."""

    ignore: frozenset[int] = frozenset()
    """Descendants of this process that do not belong to the tree."""
    samples: list[tuple[float, float, int]] = field(default_factory=list)
    """(seconds since the start, CPU seconds so far of all processes seen, PSS of the living ones in bytes)."""
    seen: dict[psutil.Process, float] = field(default_factory=dict)
    """CPU seconds of each process at the last look at it."""
    looks: list[tuple[float, float]] = field(default_factory=list)
    """(seconds since the start, CPU seconds so far), more often than `samples`."""
    gone: set[psutil.Process] = field(default_factory=set)
    """Processes in `seen` that have ended: the system may reuse their numbers."""
    moments: list[Moment] = field(default_factory=list)
    """CPU time of the whole machine and of the tree, as often as `looks`; empty where the system hides the machine's."""
    known: set[int] = field(default_factory=lambda: set(psutil.pids()))
    """Numbers of all processes of the machine at the last look."""
    collected_s: float = field(default_factory=lambda: children_cpu_s())
    """CPU seconds of this process's collected children before the tree was started."""
    parent_s: float = field(default_factory=time.process_time)
    """CPU seconds of this process before the tree was started."""

    def __post_init__(self) -> None:
        self._note(0.0)

    @property
    def peak_pss_bytes(self) -> int | None:
        return max((pss for _, _, pss in self.samples), default=None)

    @property
    def cpu_s(self) -> float:
        """CPU seconds of all processes seen, each up to the last look at it: slightly less than they used."""
        return sum(self.seen.values())

    def cpu_between(self, began_s: float, ended_s: float) -> float:
        """CPU seconds of the processes seen, between two times in seconds since the start."""
        times, spent = zip((0.0, 0.0), *self.looks, strict=True)
        began, ended = np.interp((began_s, ended_s), times, spent)
        return float(ended - began)

    def sample(self, since_s: float) -> float:
        """Adds a sample of the descendants of this process; returns the CPU seconds that the sample cost."""
        began = time.thread_time()
        pss = 0
        for process in psutil.Process().children(recursive=True):
            if process.pid in self.ignore:
                continue
            try:
                pss += process.memory_full_info().pss
            except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
                continue
            self.seen.setdefault(process, 0.0)
        self.look(since_s)
        self.samples.append((round(since_s, 3), round(self.cpu_s, 3), pss))
        return time.thread_time() - began

    def look(self, since_s: float) -> float:
        """Reads the CPU time of the processes seen before and of new ones, which is much cheaper; returns the CPU seconds that the look cost.

        For a process that the kernel collects without its parent, as with Ray's raylet, the last look is the only account.
        """
        began = time.thread_time()
        self._meet()
        of_living = 0.0
        for process in self.seen.keys() - self.gone:
            try:
                times = process.cpu_times()
            except psutil.Error:
                self.gone.add(process)
            else:
                self.seen[process] = times.user + times.system
                of_living += sum(times[:4])
        self.looks.append((since_s, self.cpu_s))
        self._note(since_s, of_living)
        return time.thread_time() - began

    def _meet(self) -> None:
        """Adds processes that were started since the last look by processes of the tree."""
        now = set(psutil.pids())
        own = {process.pid for process in self.seen.keys() - self.gone} | {os.getpid()}
        for number in sorted(now - self.known - self.ignore):
            with suppress(psutil.Error):
                process = psutil.Process(number)
                if process.ppid() in own:
                    self.seen.setdefault(process, 0.0)
                    own.add(number)
        self.known = now

    def _note(self, since_s: float, of_living_s: float = 0.0) -> None:
        """Adds a moment. `of_living_s`: CPU seconds of the living processes of the tree, with those of the children that they collected.

        Of two accounts of the tree the larger counts: one lacks processes that their parents do not wait for, the other what a process used after the last look.
        """
        if (machine := machine_seconds()) is None:
            return
        tree_s = max(self.cpu_s, of_living_s + children_cpu_s() - self.collected_s)
        before_s = self.moments[-1].own_s if self.moments else 0.0
        own_s = max(before_s, tree_s + time.process_time() - self.parent_s)
        self.moments.append(Moment(since_s, *machine, own_s))

    def ended(self, since_s: float) -> None:
        """Adds the last moment, when all processes of the tree are gone and collected."""
        self._note(since_s)


@dataclass
class SamplingBudget:
    """Time of the next sample, so that all samples together cost at most `share` of a core plus `credit_s` CPU seconds."""

    share: float
    credit_s: float = 0.0
    spent_s: float = 0.0

    def next_after(self, elapsed_s: float, cost_s: float) -> float:
        """Seconds from the start at which the budget pays for another sample with the cost of the last one."""
        self.spent_s += cost_s
        return max(elapsed_s + SHORTEST_INTERVAL_S, (self.spent_s + cost_s - self.credit_s) / self.share)


def wait_sampling(
    process: subprocess.Popen[bytes], deadline: Callable[[], float], usage: TreeUsage, tick: Callable[[], None]
) -> bool:
    """Blocks until `process` ends, sampling its tree; True when it ended by itself, False when the deadline came first.

    `deadline`: seconds from now, called again after every tick. `tick` is called about once a second.
    """
    start = time.perf_counter()
    descriptor = os.pidfd_open(process.pid)
    poll = select.poll()
    poll.register(descriptor, select.POLLIN)
    elapsed, next_sample, next_look, next_tick, timeout_s = 0.0, SHORTEST_INTERVAL_S, SHORTEST_INTERVAL_S, 1.0, deadline()
    sampling, looking = SamplingBudget(OF_MEMORY, CREDIT_S), SamplingBudget(OF_CPU_TIME)
    try:
        while elapsed < timeout_s:
            if poll.poll(1000 * (min(next_sample, next_look, next_tick, timeout_s) - elapsed)):
                return True
            elapsed = time.perf_counter() - start
            if elapsed >= next_sample:
                next_sample = sampling.next_after(elapsed, usage.sample(elapsed))
            if elapsed >= next_look:
                next_look = looking.next_after(elapsed, usage.look(elapsed))
            if elapsed >= next_tick:
                tick()
                next_tick, timeout_s = elapsed + 1.0, deadline()
        return False
    finally:
        os.close(descriptor)


def end_descendants(keep: set[int], grace_s: float = 5.0) -> list[str]:
    """Ends every descendant of this process except those in `keep`: SIGTERM first, SIGKILL after `grace_s`; returns their names."""
    ended: list[str] = []
    deadline = time.perf_counter() + grace_s
    asked: set[int] = set()
    while left := [child for child in psutil.Process().children(recursive=True) if child.pid not in keep]:
        for child in left:
            try:
                if child.status() == psutil.STATUS_ZOMBIE:
                    continue
                if child.pid not in asked:
                    ended.append(child.name())
                    asked.add(child.pid)
                    child.terminate()
                elif time.perf_counter() > deadline + (TRACKERS_S if is_tracker(child.pid) else 0):
                    child.kill()
            except psutil.NoSuchProcess:
                continue
        psutil.wait_procs(left, timeout=0.2)
        reap(keep)
    return ended


def descendants_named(prefix: str) -> list[psutil.Process]:
    """The living descendants of this process whose name begins with `prefix`."""
    found = []
    for process in psutil.Process().children(recursive=True):
        with suppress(psutil.NoSuchProcess):
            if process.name().startswith(prefix):
                found.append(process)
    return found


def wait_until_ended(processes: Sequence[psutil.Process], within_s: float = 20.0) -> None:
    """Returns when all processes have ended, or after `within_s`; a zombie has ended."""
    deadline = time.perf_counter() + within_s
    while any(map(is_alive, processes)) and time.perf_counter() < deadline:
        time.sleep(0.02)


def is_alive(process: psutil.Process) -> bool:
    """True when the process runs and is no zombie."""
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_for_descendants(keep: set[int], within_s: float = 5.0) -> None:
    """Returns when no descendant of this process except those in `keep` is left, or after `within_s`: engines end a moment late."""
    deadline = time.perf_counter() + within_s
    while time.perf_counter() < deadline:
        reap(keep)
        if not [child for child in psutil.Process().children(recursive=True) if child.pid not in keep]:
            return
        time.sleep(0.02)


def reap(keep: set[int]) -> None:
    """Collects the dead children of this process except those in `keep`, which adds their CPU time to `children_cpu_s`."""
    for child in psutil.Process().children():
        if child.pid not in keep:
            try:
                os.waitpid(child.pid, os.WNOHANG)
            except ChildProcessError:
                continue


def children_cpu_s() -> float:
    """User and system seconds of all collected children, and of the children that they collected."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def tree_cpu_s() -> float:
    """User and system seconds so far of this process, its living descendants, and the dead ones that they collected."""
    total = 0.0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            total += sum(process.cpu_times()[:4])
        except psutil.NoSuchProcess:
            continue
    return total


def tree_usage() -> dict[str, float]:
    """`cpu_s` so far and `pss_bytes` now of this process and its living descendants; takes about a millisecond a process."""
    pss = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            pss += process.memory_full_info().pss
        except (psutil.NoSuchProcess, psutil.AccessDenied, psutil.ZombieProcess):
            continue
    return {"cpu_s": tree_cpu_s(), "pss_bytes": pss}


def own_cpu_s() -> tuple[float, float]:
    """User and system seconds of this process so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime, used.ru_stime

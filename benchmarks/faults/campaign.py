"""Strikes runs of every backend with faults, and checks what becomes of each: `docs/results/faults.md`.

    python -m benchmarks.faults.campaign OUT.jsonl --count 20 --seed 1

For each backend a plan of equal runs is made with `manyhands run --resume`, again and again, and each run is struck once at a random moment
of a phase. Checked: one record with a true reason, the rest of the plan goes on, no process, port or file is left, and at the end
`--resume` without strikes completes the plan. OUT.jsonl gets a line for each strike. The exit code is 1 when a check failed.
"""

from __future__ import annotations

import argparse
import json
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import psutil
from benchmarks.faults.reasons import is_true
from benchmarks.faults.stand import Stand, is_isolated, isolated_command, open_stand, set_loopback, wait_until_nothing_is_left
from benchmarks.faults.strikes import BACKENDS, NETWORKS, Strike, drawn, named
from benchmarks.faults.victims import find, guard_of

from manyhands.measure.resources import end_descendants
from manyhands.parent import adopt_orphans
from manyhands.record import PHASES, Record, read_records
from manyhands.stopping import stoppable

SENT = {"kill": signal.SIGKILL, "stop": signal.SIGSTOP, "terminate": signal.SIGTERM, "interrupt": signal.SIGINT}
INTERRUPTED = (130, -signal.SIGINT, -signal.SIGTERM)
"""Exit codes of an interrupted `manyhands run`, and of one that was struck before it listened."""
REPEATS = 3
LOOK_S = 0.02
STOPPED_PARENT_S = 2.0
"""A stopped parent goes on after this time: it cannot end by itself."""
CLEARED_S = 15.0
"""Longest time after the end of a run, or of `manyhands run`, until nothing of it is left."""
LONGEST_S = 600.0
EARLIER = 0.7
"""A strike that came too late is repeated in the next run, at this share of its time."""
TRIES = 4
SLOWER = 2.5
"""A run may take so many times as long as the first one, but at least the time-out that was asked for."""
NETWORK = [f"{Path(__file__).with_name('net.py')}:Showing", "--samples", "256", "--epochs", "3", "--yardstick", "none"]
ENSEMBLE = ["ensemble", "--samples", "600"]
OF_STORE = ["--data", "s3://faults/mnist", "--save", "s3://faults/models/rnn.pt"]
"""Options of the runs whose store is struck; all others need no store."""


@dataclass
class Outcome:
    """What became of one strike."""

    backend: str
    number: int
    strike: Strike
    at_s: float = 0.0
    """Seconds from the start of the run to the strike."""
    ended_after_s: float | None = None
    """Seconds from the strike to the end of the run."""
    missed: bool = False
    """True when the run had ended before its moment came, or its target was not there."""
    status: str | None = None
    reason: str | None = None
    wrong: list[str] = field(default_factory=list)
    """The checks that failed."""

    def to_json(self) -> str:
        """One line."""
        return json.dumps(asdict(self))


class Plan:
    """The runs of one backend, the file of their records, and the process that makes them."""

    def __init__(self, backend: str, stand: Stand, name: str, options: Sequence[str] = ()) -> None:
        self.backend, self.stand, self.repeats, self.timeout_s = backend, stand, REPEATS, LONGEST_S
        self.out = stand.folder / f"{name}.jsonl"
        self.log = stand.folder / f"{name}.log"
        self.mark = stand.folder / "mark"
        work = [*NETWORK, "--set", f"mark={self.mark}", *options] if backend in NETWORKS else ENSEMBLE
        self.words = ["run", *work, "--no-base-line", "--backend", backend, "--workers", "1" if backend == "serial" else "2"]

    def start(self) -> subprocess.Popen[bytes]:
        """`manyhands run --resume` of all runs that the file does not have."""
        options = ["--repeats", str(self.repeats), "--timeout", f"{self.timeout_s:g}", "--out", str(self.out), "--resume"]
        with self.log.open("ab") as log:
            return subprocess.Popen(
                [sys.executable, "-m", "manyhands", *self.words, *options],
                cwd=self.stand.folder,
                env=self.stand.environment,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def records(self) -> list[Record]:
        """All records so far."""
        return read_records(self.out) if self.out.exists() else []

    def open_runs(self) -> int:
        """Runs of the plan that have no good record."""
        return self.repeats - sum(record.ok for record in self.records())


@dataclass(frozen=True)
class Moment:
    """When a strike comes: `after_s` seconds after the start of the run or, with `in_training`, of its training."""

    after_s: float
    in_training: bool

    def is_now(self, run_s: float, training_s: float | None) -> bool:
        """`run_s`: seconds since the start of the run; `training_s`: since that of its training, None before."""
        if self.in_training:
            return training_s is not None and training_s >= self.after_s
        return run_s >= self.after_s or training_s is not None

    def earlier(self) -> Moment:
        """For another try, when the run had ended before the moment came."""
        return replace(self, after_s=EARLIER * self.after_s)


def moment(strike: Strike, phases: dict[str, float], shows_training: bool) -> Moment:
    """The moment of a strike; `phases` are the seconds of a run without one. Time is counted from training on where a run shows that."""
    order = PHASES[: PHASES.index(strike.phase)]
    in_training = shows_training and "train" in (*order, strike.phase)
    counted = order[order.index("train") :] if in_training and "train" in order else () if in_training else order
    before = sum(phases.get(f"{phase}_s") or 0.0 for phase in counted)
    return Moment(before + strike.share * (phases.get(f"{strike.phase}_s") or 0.0), in_training)


def carry_out(backend: str, strikes: Sequence[Strike], stand: Stand, timeout_s: float, seed: int) -> Iterator[Outcome]:
    """Strikes one run after the other, and gives what became of each; afterwards the plans are completed."""
    chance = random.Random(f"victims-{backend}-{seed}")
    numbered = list(enumerate(strikes))
    plans = {"plain": Plan(backend, stand, "plain"), "store": Plan(backend, stand, "store", OF_STORE)}
    for name, plan in plans.items():
        if own := [(number, strike) for number, strike in numbered if (strike.kind == "store killed") == (name == "store")]:
            if name == "store":
                stand.start_store()
            yield from struck(plan, own, first_run(plan, timeout_s), chance)


def struck(
    plan: Plan, strikes: Sequence[tuple[int, Strike]], phases: dict[str, float], chance: random.Random
) -> Iterator[Outcome]:
    """What became of each numbered strike on a run of this plan, which is completed afterwards."""
    todo = [(number, strike, moment(strike, phases, plan.backend in NETWORKS), TRIES) for number, strike in strikes]
    while todo:
        if plan.open_runs() == 0:
            plan.out.unlink()
        process = plan.start()
        parent = psutil.Process(process.pid)
        outcome: Outcome | None = None
        while todo and (guard := next_guard(parent, process)):
            number, strike, due, tries = todo.pop(0)
            outcome = one_strike(Outcome(plan.backend, number, strike), plan, parent, guard, process, due, chance)
            ended = process.poll() is not None
            outcome.wrong += after_run(plan, None if ended else parent)
            if outcome.missed and tries > 1 and not outcome.wrong:
                todo.insert(0, (number, strike, due.earlier(), tries - 1))
            else:
                yield outcome
        if not todo and process.poll() is None:
            process.terminate()  # what is left of the plan is made without strikes
        if process.wait(LONGEST_S) == -signal.SIGKILL and not (outcome and outcome.strike.target == "parent"):
            raise SystemExit(f"{plan.backend}: manyhands run ended with {process.returncode}: {plan.log.read_text()[-2000:]}")
    complete(plan)


def first_run(plan: Plan, timeout_s: float) -> dict[str, float]:
    """The phases of a run without a strike, whose record is not kept. The time-out of later runs follows from it."""
    plan.timeout_s = LONGEST_S
    process = plan.start()
    while not plan.records() and process.poll() is None:
        time.sleep(LOOK_S)
    process.terminate()
    process.wait(LONGEST_S)
    if not (records := plan.records()) or not records[0].ok:
        reason = records[0].reason if records else plan.log.read_text()[-2000:]
        raise SystemExit(f"{plan.backend}: a run without a strike failed: {reason}")
    plan.out.unlink()
    plan.timeout_s = max(timeout_s, SLOWER * (records[0].wall_s or 0.0))
    left, _ = wait_until_nothing_is_left(plan.stand, CLEARED_S)
    if left:
        raise SystemExit(f"{plan.backend}: left behind without a strike: {left}")
    return {name: value or 0.0 for name, value in records[0].phases.items()}


def complete(plan: Plan) -> None:
    """Makes all runs that are left without a strike; raises SystemExit when that fails."""
    process = plan.start()
    code = process.wait(LONGEST_S)
    left, _ = wait_until_nothing_is_left(plan.stand, CLEARED_S)
    if code or plan.open_runs() or left:
        raise SystemExit(
            f"{plan.backend}: --resume did not complete the plan: exit code {code}, {plan.open_runs()} runs are open, left: {left}:"
            f" {plan.log.read_text()[-2000:]}"
        )


def next_guard(parent: psutil.Process, process: subprocess.Popen[bytes]) -> psutil.Process | None:
    """The guard of the next run; None when there is none."""
    while process.poll() is None:
        if guard := guard_of(parent):
            return guard
        time.sleep(LOOK_S)
    return None


def one_strike(
    outcome: Outcome,
    plan: Plan,
    parent: psutil.Process,
    guard: psutil.Process,
    process: subprocess.Popen[bytes],
    due: Moment,
    chance: random.Random,
) -> Outcome:
    """Strikes the run of this guard at its moment, waits for the end of the run, and checks its record."""
    plan.mark.unlink(missing_ok=True)
    started, training, before, strike = time.monotonic(), None, plan.records(), outcome.strike
    victim = None
    while is_on(guard) and process.poll() is None:
        now = time.monotonic()
        training = training or (now if plan.mark.exists() else None)
        if due.is_now(now - started, now - training if training else None):
            victim = find(plan.backend, strike.target, parent, guard, chance) if strike.kind in SENT else None
            if victim or strike.kind not in SENT:
                break
        time.sleep(LOOK_S)
    outcome.at_s = round(time.monotonic() - started, 3)
    outcome.missed = not is_on(guard) or not blow(strike, plan.stand, victim)
    struck = time.monotonic()
    if strike.kind == "stop" and strike.target == "parent":
        time.sleep(STOPPED_PARENT_S)
        parent.resume()
    while process.poll() is None and (
        is_on(guard) or (len(plan.records()) == len(before) and time.monotonic() - struck < LONGEST_S)
    ):
        time.sleep(LOOK_S)
    outcome.ended_after_s = round(time.monotonic() - struck, 3)
    plan.stand.mend()
    judge(outcome, plan.records()[len(before) :], process)
    return outcome


def blow(strike: Strike, stand: Stand, victim: psutil.Process | None) -> bool:
    """Strikes; False when the victim had ended before."""
    if strike.kind == "disk full":
        stand.fill_disk()
    elif strike.kind == "folder gone":
        stand.remove_run_folders()
    elif strike.kind == "network down":
        set_loopback("down")
    elif strike.kind == "store killed":
        stand.kill_store()
    elif victim is None:
        return False
    else:
        try:
            victim.send_signal(SENT[strike.kind])
        except psutil.Error:
            return False
    return True


def is_on(guard: psutil.Process) -> bool:
    """True while the guard of a run lives."""
    try:
        return guard.is_running() and guard.status() != psutil.STATUS_ZOMBIE
    except psutil.Error:
        return False


def judge(outcome: Outcome, made: Sequence[Record], process: subprocess.Popen[bytes]) -> None:
    """Puts the record of the struck run into the outcome, and what is wrong with it."""
    strike = outcome.strike
    if strike.target == "parent" and strike.kind != "stop" and not outcome.missed:
        code = process.wait(LONGEST_S)
        outcome.status = f"ended with {code}"
        wanted = [-signal.SIGKILL] if strike.kind == "kill" else INTERRUPTED
        if code not in wanted and not made:
            outcome.wrong.append(f"manyhands run ended with {code}, not {wanted}")
        return
    if len(made) == 2 and made[0].ok and strike.kind not in SENT:
        made = made[1:]  # that run ended well just then, and the place was struck under the next one
    if len(made) != 1:
        outcome.wrong.append(f"{len(made)} records")
    if not made:
        return
    outcome.status, outcome.reason = made[0].status, made[0].reason
    if not made[0].ok and (outcome.missed or not is_true(strike, str(made[0].reason))):
        outcome.wrong.append("the reason is not the strike")


def after_run(plan: Plan, parent: psutil.Process | None) -> list[str]:
    """What is wrong after a run: things that it left behind. `parent`: the process that makes the next run, if it is there."""
    began = time.monotonic()
    while left := remaining(plan, parent):
        if time.monotonic() - began > CLEARED_S:
            return [f"left behind: {left}"]
        time.sleep(LOOK_S)
    return []


def remaining(plan: Plan, parent: psutil.Process | None) -> list[str]:
    """What is left of runs that have ended; where the next run is on, files and ports are its own."""
    left = plan.stand.left([parent] if parent else [])
    return [item for item in left if item.startswith("process ")] if parent else left


def results(backend: str, options: Any) -> Iterator[Outcome]:
    """The outcome of every strike on one backend, in a place of its own."""
    adopt_orphans()
    keep = {child.pid for child in psutil.Process().children(recursive=True)}
    with (
        stoppable(),
        tempfile.TemporaryDirectory(prefix="faults-", ignore_cleanup_errors=True) as folder,
        open_stand(Path(folder)) as stand,
        ExitStack() as stack,
    ):
        stack.callback(end_descendants, keep)
        strikes = drawn(backend, options.count, options.seed, stand.isolated)
        if options.only:
            strikes = named(backend, options.only.split(","), options.seed, stand.isolated)
        yield from carry_out(backend, strikes, stand, options.timeout, options.seed)


def main(arguments: Sequence[str] | None = None) -> int:
    """Adds a line for each strike to the file; 1 when a check failed."""
    options = parse(arguments)
    if (
        not is_isolated()
        and (command := isolated_command([sys.executable, "-m", "benchmarks.faults.campaign", *sys.argv[1:]]))[0] == "unshare"
    ):
        return subprocess.run(command, check=False).returncode
    options.out.parent.mkdir(parents=True, exist_ok=True)
    wrong = 0
    for backend in options.backends.split(","):
        lines = options.out.read_text().splitlines() if options.out.exists() else []
        kept = [line for line in lines if not is_replaced(json.loads(line), backend, options.only)]
        options.out.write_text("".join(f"{line}\n" for line in kept))
        for outcome in results(backend, options):
            line = json.loads(outcome.to_json()) | {"seed": options.seed, "isolated": is_isolated()}
            with options.out.open("a") as out:
                out.write(json.dumps(line).replace(tempfile.gettempdir(), "TMPDIR") + "\n")
            wrong += bool(outcome.wrong)
            print(describe(outcome), flush=True)
    return 1 if wrong else 0


def is_replaced(line: dict[str, Any], backend: str, only: str | None) -> bool:
    """True when the outcome of an earlier campaign is made again by this one."""
    name = f"{line['strike']['kind']} {line['strike']['target']}".strip()
    return line["backend"] == backend and (only is None or name in only.split(","))


def describe(outcome: Outcome) -> str:
    """A line for the terminal."""
    became = f"{outcome.status}: {outcome.reason}" if outcome.reason else str(outcome.status)
    missed = " (missed)" if outcome.missed else ""
    wrong = f"  WRONG: {'; '.join(outcome.wrong)}" if outcome.wrong else ""
    return f"{outcome.backend} {outcome.number}: {outcome.strike.name} in {outcome.strike.phase} at {outcome.at_s:.1f} s{missed}: {became}{wrong}"


def parse(arguments: Sequence[str] | None) -> Any:
    """The command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("out", type=Path, metavar="OUT.jsonl", help="file for the outcomes; those of other backends stay in it")
    parser.add_argument("--backends", default=",".join(BACKENDS), help="names with commas between them (default: all)")
    parser.add_argument("--count", type=int, default=20, help="strikes for each backend")
    parser.add_argument("--only", metavar="NAMES", help="strikes with these names alone, such as 'kill rank,disk full'")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--timeout", type=float, default=60.0, help="shortest time-out of a run in seconds")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())

"""Which block comes next, on invented launches whose times and costs are known."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

import pytest

from manyhands.analysis.example import example_record
from manyhands.blocks import Blocks
from manyhands.plan import RunSpec, grid, ordered
from manyhands.planning.goal import Goal
from manyhands.planning.plan import Plan
from manyhands.record import Record

SPEEDS = {"serial": 1.0, "ddp": 1.5, "fabric-ddp": 1.52, "ray": 0.7}
COSTS = {"serial": 2.0, "ddp": 3.0, "fabric-ddp": 5.0, "ray": 18.0}


class Machine:
    """Makes records of launches, on a clock of its own."""

    def __init__(self, noise: float = 0.05, speeds: Mapping[str, float] = SPEEDS, loud: Sequence[int] = ()) -> None:
        """`loud`: numbers of the launches, from 0, beside which another program uses a core. A speed of 0 is a run that fails."""
        self.now, self.noise, self.speeds, self.loud = 0.0, noise, speeds, loud
        self.chance = random.Random(1)
        self.made: list[tuple[str, RunSpec]] = []
        self.records: list[Record] = []

    def launch(self, spec: RunSpec) -> Record:
        wall_s = COSTS[spec.backend] * self.chance.uniform(0.95, 1.05)
        self.now += wall_s + 0.1
        number = len(self.records)
        about = {"id": f"r{number}", "wall_s": wall_s, "started_at": f"2026-01-01T00:00:{number:03}"}
        if not self.speeds[spec.backend]:
            return example_record(1.0, spec.to_dict(), status="failed", reason="it broke", phases={}, **about)
        train_s = self.chance.lognormvariate(0, self.noise) / self.speeds[spec.backend]
        used_s = wall_s if number in self.loud else 0.0
        spans = {name: {"seconds": wall_s, "used_s": used_s, "stolen_s": 0.0} for name in ("run", "train")}
        beside = {"allowed_cores": 0.25, "allowed_stolen_cores": 0.25, **spans}
        return example_record(train_s, spec.to_dict(), resources={"other_programs": beside}, **about)

    def carry_out(self, plan: Plan, before: Sequence[Record] = ()) -> Blocks:
        """All blocks of a plan, as a session makes them."""
        blocks = Blocks(plan, before, clock=lambda: self.now)
        for block in blocks:
            for spec in block.runs:
                if blocks.is_over(block):
                    break
                record = self.launch(spec)
                blocks.add(record)
                self.records.append(record)
                self.made.append((block.why, spec))
        return blocks

    def counts(self, why: str) -> Counter[str]:
        return Counter(spec.backend for reason, spec in self.made if reason == why)


def plan(goal: Goal, repeats: int = 2, backends: Sequence[str] = tuple(SPEEDS)) -> Plan:
    cells = [RunSpec(workload="cnn", backend=name, samples=4096, workers=1 if name == "serial" else 2) for name in backends]
    return Plan(ordered(grid(cells, repeats), 0), repeats=repeats, goal=goal)


@pytest.fixture(autouse=True)
def _quiet_now(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing else runs when disturbed launches are about to be repeated."""
    monkeypatch.setattr("manyhands.blocks._busy_beside", lambda runs, max_load: None)


def test_without_a_goal_the_plan_makes_its_own_blocks() -> None:
    machine = Machine()
    blocks = machine.carry_out(plan(Goal(), repeats=3))
    assert machine.counts("least") == dict.fromkeys(SPEEDS, 3)
    assert len(machine.made) == 12
    assert blocks.remarks == []


def test_blocks_are_added_for_candidates_and_the_base_line_alone_until_the_time_ends() -> None:
    machine = Machine()
    blocks = machine.carry_out(plan(Goal("winner", 120.0)))
    added = machine.counts("open: winner")
    assert added.keys() == {"serial", "ddp", "fabric-ddp"}, "ray is slower, and known to be"
    assert added["serial"] == added["ddp"] >= added["fabric-ddp"] > 0
    assert 100 < machine.now <= 120
    (line,) = blocks.remarks
    assert line.startswith("--until winner: open for cnn: fabric-ddp x 2, ddp x 2; about ")
    assert line.endswith("would tell: add --resume")
    repeats = [spec.repeat for why, spec in machine.made if why == "open: winner" and spec.backend == "serial"]
    assert repeats == list(range(2, 2 + len(repeats))), "every added block has a number of its own"


def test_it_ends_as_soon_as_one_cell_is_the_fastest() -> None:
    machine = Machine(speeds=SPEEDS | {"fabric-ddp": 3.0})
    blocks = machine.carry_out(plan(Goal("winner", 1000.0)))
    assert machine.now < 100
    assert blocks.remarks == []


def test_expensive_cells_join_fewer_of_the_added_blocks() -> None:
    machine = Machine(noise=0.3, speeds=dict.fromkeys(SPEEDS, 1.0))
    machine.carry_out(plan(Goal("winner", 300.0)))
    added = machine.counts("open: winner")
    assert 0 < added["ray"] < added["fabric-ddp"] < added["serial"]


def test_a_half_width_keeps_every_wide_cell_open() -> None:
    machine = Machine()
    blocks = machine.carry_out(plan(Goal(0.05, 10_000.0)))
    assert machine.counts("open: 5%").keys() == SPEEDS.keys()
    assert blocks.remarks == []
    machine = Machine()
    assert "--until 0.1%: open for cnn" in machine.carry_out(plan(Goal(0.001, 100.0))).remarks[0]


def test_resumed_it_goes_on_where_it_ended() -> None:
    first = Machine()
    first.carry_out(plan(Goal("winner", 120.0)))
    second = Machine()
    second.carry_out(plan(Goal("winner", 40.0)), first.records)
    assert second.counts("least") == {}
    assert len(second.counts("open: winner")) >= 2
    assert min(spec.repeat for _, spec in second.made) > max(spec.repeat for _, spec in first.made)


def test_a_given_time_also_ends_the_plans_own_blocks() -> None:
    machine = Machine()
    blocks = machine.carry_out(plan(Goal(None, 70.0, True, True), repeats=5))
    assert machine.counts("least") == dict.fromkeys(SPEEDS, 2)
    assert blocks.remarks == ["--max-time 70s was enough for 2 of the 5 blocks of --repeats"]
    assert not blocks.is_short


def test_a_time_shorter_than_one_block_is_one_line() -> None:
    machine = Machine()
    blocks = machine.carry_out(plan(Goal("winner", 4.0, True, True)))
    assert blocks.is_short
    (line,) = blocks.remarks
    assert line.startswith(
        f"--max-time 4s is shorter than one block: {len(machine.made)} of 4 cells were launched; a block takes about"
    )
    assert "give --max-time" in line


def test_expensive_cells_have_one_launch_where_the_default_plan_has_no_time_for_two() -> None:
    """Its first block is never cut; of the second the cells that are cheap enough are launched."""
    machine = Machine(noise=0.2)
    blocks = machine.carry_out(plan(Goal("winner", 45.0, limits_least=True)))
    assert machine.counts("least") == dict.fromkeys(SPEEDS, 1)
    assert machine.counts("open: winner")["ddp"] > 0
    assert machine.counts("open: winner")["ray"] == 0
    assert machine.now <= 45
    assert blocks.remarks[0] == "--max-time 45s was enough for 1 of the 2 blocks of --repeats"
    slow = Machine()
    assert not slow.carry_out(plan(Goal("winner", 4.0, limits_least=True))).is_short
    assert slow.counts("least") == dict.fromkeys(SPEEDS, 1)


def test_a_cell_that_always_fails_ends_no_question_and_is_named() -> None:
    machine = Machine(speeds=SPEEDS | {"fabric-ddp": 0.0})
    blocks = machine.carry_out(plan(Goal("winner", 1000.0)))
    assert machine.counts("open: winner").keys() <= {"serial", "ddp"}
    assert blocks.remarks == ["--until winner: cnn on fabric-ddp x 2 failed in every launch and is left out"]


def test_a_disturbed_launch_is_repeated_once_at_the_end() -> None:
    machine = Machine(loud=[2, 5])
    blocks = machine.carry_out(plan(Goal(), repeats=2))
    again = [spec for why, spec in machine.made if why == "repeated: disturbed"]
    assert sorted(again, key=repr) == sorted((machine.made[2][1], machine.made[5][1]), key=repr)
    assert [why for why, _ in machine.made[-2:]] == ["repeated: disturbed"] * 2
    assert blocks.remarks == []


def test_a_launch_that_is_disturbed_twice_is_not_repeated_again() -> None:
    machine = Machine(loud=[2, 8])
    machine.carry_out(plan(Goal(), repeats=2))
    assert len(machine.made) == 9


def test_a_disturbed_launch_is_made_again_by_resume() -> None:
    machine = Machine(loud=[2])
    spec = plan(Goal(), repeats=1)
    blocks = Blocks(spec, [], clock=lambda: 0.0)
    for run in spec.runs:
        machine.records.append(machine.launch(run))
    blocks = Blocks(spec, machine.records)
    assert blocks.todo == [spec.runs[2]]


def test_nothing_is_repeated_while_others_still_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.blocks._busy_beside", lambda runs, max_load: 1.0)
    machine = Machine(loud=[2])
    blocks = machine.carry_out(plan(Goal(), repeats=2))
    assert len(machine.made) == 8
    assert blocks.remarks == [
        "1 disturbed launch is not repeated, because other programs still use 1.0 cores; add --resume when they have ended"
    ]


def test_when_every_launch_is_disturbed_nothing_is_added_and_one_line_says_so() -> None:
    machine = Machine(loud=range(1000))
    blocks = machine.carry_out(plan(Goal("winner", 1000.0)))
    assert len(machine.made) == 8
    (line,) = blocks.remarks
    assert line.startswith("other programs ran beside every launch (other programs used 1.00 cores during train")


def test_disturbed_launches_answer_no_question() -> None:
    """The fastest cell is disturbed in the plan's own blocks, so it is launched until it has quiet launches."""
    machine = Machine(noise=0.01, speeds={"serial": 1.0, "ddp": 2.0}, loud=[0, 3])
    machine.carry_out(plan(Goal("winner", 1000.0), backends=("serial", "ddp")))
    assert len(machine.made) > 4


def test_settings_that_a_file_returns_as_lists_are_the_same_cell() -> None:
    cell = RunSpec(workload="lstm", backend="serial", samples=64, settings={"symbols": ("AES", "ALL")})
    record = example_record(1.0, cell.to_dict())
    again = Record.from_json(record.to_json())
    assert Blocks(Plan([cell]), [again]).todo == []
    assert Blocks(Plan([replace(cell, repeat=1)]), [again]).todo != []

"""Made-up series with a change at a known commit."""

from __future__ import annotations

import numpy as np
import pytest

from manyhands.analysis.history.change_points import change_points, drift, shift
from manyhands.analysis.history.found import find
from manyhands.analysis.history.series import CommitSeries, CommitValue, Order

pytest.importorskip("ruptures", reason="needs ruptures: pip install 'manyhands[history]'")
pytest.importorskip("asv", reason="needs asv: pip install 'manyhands[history]'")


def series(levels: list[float], noise: float = 0.01, seed: int = 0) -> CommitSeries:
    chance = np.random.default_rng(seed)
    return CommitSeries(
        "b", "s", tuple(CommitValue(f"c{number:02}", level * chance.lognormal(0, noise)) for number, level in enumerate(levels))
    )


def test_a_lasting_step_is_found_where_it_is_and_as_large_as_it_is() -> None:
    (found,) = change_points(series([1.0] * 12 + [1.1] * 10, noise=0.005))
    assert (found.after, found.by) == ("c11", "c12")
    assert found.shift.ratio == pytest.approx(1.1, abs=0.02)
    assert found.shift.low is not None
    assert found.shift.high is not None
    assert found.shift.low < 1.1 < found.shift.high
    assert found.shift.confidence > 0.99


def test_each_change_is_measured_up_to_the_next() -> None:
    found = change_points(series([1.0] * 10 + [1.3] * 8 + [1.0] * 10))
    assert [(one.after, one.by) for one in found] == [("c09", "c10"), ("c17", "c18")]
    assert found[0].shift.ratio == pytest.approx(1.3, abs=0.03)
    assert found[1].shift.ratio == pytest.approx(1 / 1.3, abs=0.03)


def test_noise_is_no_change() -> None:
    assert sum(bool(change_points(series([1.0] * 25, noise=0.03, seed=seed))) for seed in range(40)) <= 3


def test_one_commit_that_was_measured_badly_is_no_change() -> None:
    assert change_points(series([1.0] * 10 + [1.5] + [1.0] * 10)) == []


def test_too_few_commits_say_nothing() -> None:
    assert change_points(series([1.0, 1.0, 2.0, 2.0])) == []


def test_creeping_is_seen_against_the_last_release() -> None:
    """0.6 % a commit: no step, but 12 % over twenty commits."""
    creeping = series([1.0] * 8 + [1.006**number for number in range(20)], noise=0.004)
    commits = tuple(point.commit for point in creeping.points)
    found = drift(creeping, Order(commits, (("v0", "c02"), ("v1", "c07"))))
    assert found is not None
    assert (found.release, found.commits) == ("v1", 20)
    assert found.shift.ratio == pytest.approx(1.006**17.5, abs=0.02)
    assert found.shift.confidence > 0.95


def test_without_a_release_nothing_is_said_about_drift() -> None:
    known = series([1.0] * 8)
    commits = tuple(point.commit for point in known.points)
    assert drift(known, Order(commits, ())) is None
    assert drift(known, Order(commits, (("v1", "c07"),))) is None


def test_a_shift_between_two_few_has_no_bounds() -> None:
    found = shift([0.0, 0.0], [0.1])
    assert found.ratio == pytest.approx(1.105, abs=0.001)
    assert found.low is None
    assert found.confidence < 0.95


def test_the_range_of_commits_holds_the_true_one_also_when_it_is_not_clear() -> None:
    held = reported = 0
    for seed in range(60):
        for found in change_points(series([1.0] * 12 + [1.08] * 12, noise=0.03, seed=seed)):
            reported += 1
            held += int(found.after[1:]) < 12 <= int(found.by[1:])
    assert reported >= 40
    assert held / reported >= 0.85


def test_bounds_of_a_shift_hold_it_as_often_as_they_say() -> None:
    chance = np.random.default_rng(0)
    for before, after in ((4, 4), (3, 6), (8, 8)):
        held = 0
        for _ in range(600):
            found = shift(chance.normal(0, 1, before).tolist(), chance.normal(0, 1, after).tolist())
            assert found.low is not None
            assert found.high is not None
            held += found.low <= 1 <= found.high
        assert held / 600 > 0.935
    assert shift([0.0, 0.1, 0.2], [0.3, 0.4, 0.5]).low is None, "three against three cannot be surer than 90 %"


def test_creeping_is_not_found_in_fifty_series_that_only_scatter() -> None:
    wrong = 0
    for seed in range(20):
        scattered = [series([1.0] * 30, noise=0.05, seed=100 * seed + number) for number in range(50)]
        commits = tuple(point.commit for point in scattered[0].points)
        wrong += bool(find(scattered, Order(commits, (("v1", "c09"),)), 0.05).crept)
    assert wrong <= 3


def test_too_few_commits_at_a_release_say_nothing_about_drift() -> None:
    doubled = series([1.0] * 2 + [2.0] * 5)
    commits = tuple(point.commit for point in doubled.points)
    assert drift(doubled, Order(commits, (("v1", "c01"),))) is None

from __future__ import annotations

import numpy as np
import pytest

from manyhands.analysis.verdicts.error_rates import ErrorRates, Rate, load, save, smallest_found
from manyhands.analysis.verdicts.metrics import Sample
from manyhands.analysis.verdicts.other_tests import TESTS
from manyhands.analysis.verdicts.other_tools import RULES, replay_rule
from manyhands.analysis.verdicts.replay import replay
from manyhands.analysis.verdicts.sequential import Budget
from manyhands.analysis.verdicts.steady import Steady
from manyhands.commits.rates_cache import rates_file
from manyhands.errors import RecordError

BUDGET = Budget(verdicts=4)


def pool(spread: float, count: int = 120) -> list[Sample]:
    chance = np.random.default_rng(0)
    return [Sample({"cpu": 1.0}, tuple(0.1 * chance.lognormal(0, spread) * np.ones(8)), wall_s=4.0) for _ in range(count)]


def test_a_pool_of_quiet_launches_finds_what_is_slower_and_nothing_else() -> None:
    launches = pool(0.03)
    unchanged, slower = (replay(launches, "time", Steady(0, True), injected, BUDGET, 300, 200) for injected in (0.0, 0.1))
    assert unchanged.rate("worse").times <= 1
    assert slower.rate("worse").share > 0.95
    assert slower.within["300"] >= slower.within["60"]
    assert 60 < slower.seconds <= 300
    assert smallest_found([unchanged, slower], "300") == 0.1
    assert smallest_found([unchanged], "300") is None


def test_a_short_time_finds_less() -> None:
    launches = pool(0.1)
    long, short = (replay(launches, "time", Steady(0, True), 0.05, BUDGET, seconds, 100) for seconds in (1000, 60))
    assert short.rate("worse").times < long.rate("worse").times
    assert short.verdicts["undecided"] > 90


def test_a_rate_has_bounds() -> None:
    none = Rate(0, 300)
    assert none.bounds == pytest.approx((0, 0.0122), abs=1e-4)
    assert str(Rate(19, 20)) == "19 of 20 (95 % [75.1 %, 99.9 %])"


def test_rates_are_kept_for_a_machine_and_quoted(
    monkeypatch: pytest.MonkeyPatch, tmp_path_factory: pytest.TempPathFactory
) -> None:
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path_factory.mktemp("cache")))
    machine = {"host": "h", "cpu_model": "c", "cores": 2, "memory_bytes": 1, "load_1m": 0.3}
    scenarios = tuple(replay(pool(0.03), "time", Steady(0, True), injected, BUDGET, 300, 20) for injected in (0.0, 0.05))
    rates = ErrorRates(machine, "2026-11-21T00:00:00+00:00", "HEAD (abc)", "rnn on serial x 1", 120, BUDGET, 300.0, scenarios)
    assert load(rates_file(machine)) is None
    save(rates, rates_file(machine))
    assert load(rates_file(machine | {"load_1m": 2.0, "host": "other"})) == rates
    assert load(rates_file(machine | {"cores": 4})) is None
    assert "unchanged called slower 0 of 20 (0 % [0 %, 16.8 %]) drawn from 120 launches; +5 % called slower" in rates.quote(
        BUDGET, 300.0
    )
    assert ", 2026-11-21: unchanged" in rates.quote(BUDGET, 300.0)
    assert "2026-11-21 with alpha 0.01, verdicts 4, time 300 s:" in rates.quote(Budget(alpha=0.05), 60.0)
    rates_file(machine).write_text("{}")
    with pytest.raises(RecordError, match="make them anew with 'manyhands calibrate'"):
        load(rates_file(machine))


@pytest.mark.parametrize("test", TESTS)
def test_other_tests_judge_the_same_draws(test: str) -> None:
    unchanged, slower = (replay(pool(0.02), "time", Steady(0, True), share, BUDGET, 300, 15, test=test) for share in (0.0, 0.2))
    assert unchanged.test == test
    assert unchanged.rate("worse").times <= 1
    assert slower.rate("worse").times == 15


@pytest.mark.parametrize("name", RULES)
def test_rules_of_other_tools_see_what_is_far_slower_and_nothing_in_quiet_launches(name: str) -> None:
    unchanged, slower = (replay_rule(varied(0.002), name, share, 200) for share in (0.0, 0.5))
    assert unchanged.rate("worse").times == 0
    assert slower.rate("worse").times == 200
    assert (unchanged.test, unchanged.pairs) == (name, RULES[name].launches)


def test_thresholds_without_a_test_raise_false_alarms_on_noisy_launches() -> None:
    found = {name: replay_rule(varied(0.15), name, 0.0, 1000).rate("worse").share for name in RULES}
    assert found["pytest-benchmark min:5%"] > 0.2
    assert found["asv, factor 1.1"] < found["asv, factor 1.05"]


def varied(spread: float) -> list[Sample]:
    """Launches that differ by `spread`, with epochs that differ far less."""
    chance = np.random.default_rng(1)
    levels = chance.lognormal(0, spread, 60)
    return [Sample({}, tuple(level * chance.lognormal(0, 0.002, 8)), wall_s=4.0) for level in levels]

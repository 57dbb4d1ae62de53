"""Mutated files of every form that manyhands reads: each is a value or the project's own error of one line."""

from __future__ import annotations

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from manyhands.errors import DataError

ROOT = Path(__file__).parents[1]
INPUTS = 10_000
SEED = 17
FEW = 50
"""Inputs of a slow reader below which it may happen that none of them is refused."""

pytestmark = pytest.mark.skipif(not (ROOT / "benchmarks").is_dir(), reason="needs the folder benchmarks/ of the repository")


@pytest.fixture
def fuzz(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The parts of `benchmarks/fuzz`."""
    monkeypatch.syspath_prepend(str(ROOT))
    from benchmarks.fuzz import campaign, child, mutate, readers

    class Parts:
        run, shares, table = campaign.run, campaign.shares, campaign.table
        child_, mutate_, readers_ = child, mutate, readers

    return Parts


def test_ten_thousand_mutated_files_are_values_or_errors_of_one_line(fuzz: Any, tmp_path: Path) -> None:
    found = fuzz.run(INPUTS, SEED, tmp_path / "findings")
    problems = [f"{name} {number}: {outcome}: {text}" for name, one in found.items() for number, outcome, text in one.findings]
    again = f"python -m benchmarks.fuzz.campaign --seed {SEED} --replay READER NUMBER"
    assert problems == [], f"made again by: {again}"
    assert sum(one.counts.total() for one in found.values()) == INPUTS
    for name, one in found.items():
        assert one.counts["refused"] or one.counts.total() < FEW, name
        assert one.counts["value"], name
    page = fuzz.table(found, SEED, 1.0, 1)
    assert f"{INPUTS:,} files" in page
    assert "0 findings" in page


def test_every_reader_gets_some_of_the_inputs(fuzz: Any) -> None:
    shares = fuzz.shares(INPUTS)
    assert set(shares) == set(fuzz.readers_.readers())
    assert sum(shares.values()) == INPUTS
    assert min(shares.values()) > 0


def test_the_same_seed_and_number_give_the_same_file_and_others_another(fuzz: Any) -> None:
    seeds = fuzz.readers_.readers()["libsvm"].seeds()
    made = {(seed, number): fuzz.mutate_.chosen(seeds, seed, "libsvm", number) for seed in (1, 2) for number in range(50)}
    assert made == {key: fuzz.mutate_.chosen(seeds, key[0], "libsvm", key[1]) for key in made}
    assert len(set(made.values())) > 90


def test_values_of_json_change_at_any_depth(fuzz: Any) -> None:
    values = {"a": [{"b": 1, "c": [2, 3]}], "d": {"e": {"f": 4}}}
    made = set()
    for seed in range(300):
        changed = json.loads(json.dumps(values))
        fuzz.mutate_.change_value(changed, Random(seed))
        made.add(json.dumps(changed))
    assert len(made) > 100


@pytest.mark.parametrize(
    ("raised", "outcome"),
    [
        (DataError("one line"), "refused"),
        (ValueError("not ours"), "crash"),
        (MemoryError(), "memory"),
        (None, "value"),
        ("hang", "hang"),
    ],
    ids=str,
)
def test_an_outcome_is_what_the_reader_does(
    fuzz: Any, tmp_path: Path, raised: Any, outcome: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fuzz.child_, "SECONDS", 0.05)

    def read(path: Path) -> object:
        while raised == "hang":
            pass
        if raised:
            raise raised
        return path.read_bytes()

    reader = fuzz.readers_.Reader("made up", read, lambda: [b"a"], 1)
    assert fuzz.child_.read(reader, b"a", tmp_path)[0] == outcome


def test_the_input_of_a_finding_is_kept_with_its_seed(fuzz: Any, tmp_path: Path) -> None:
    def read(path: Path) -> object:
        raise ValueError(path.read_bytes())

    reader = fuzz.readers_.Reader("made up", read, lambda: [b"a,b\n1,2\n"], 1)
    done = fuzz.child_.carry_out(reader, 5, range(3), tmp_path)
    assert done["outcomes"] == {"crash": 3}
    assert [number for number, _, _ in done["findings"]] == [0, 1, 2]
    kept = tmp_path / "findings" / "made-up-seed5-1-input"
    assert kept.read_bytes() == fuzz.mutate_.chosen(reader.seeds(), 5, "made up", 1)

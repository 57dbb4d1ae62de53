"""`predict` from Python: the numbers of `manyhands predict`, views that are safe, and one line for what is impossible."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from manyhands.analysis.allreduce import ring_s
from manyhands.analysis.example import example_exchange, example_record
from manyhands.cli import main
from manyhands.errors import Unavailable, UsageError
from manyhands.predictions import predict
from manyhands.results import Results, read

NETWORK = Path(__file__).parent.parent / "docs/results/network"
RESOLVED = {"rows_per_epoch": 4096, "steps_per_epoch": 64, "parameter_bytes": 9_000_000}
GIVEN = "25Gbps,20us"


def trained(workload: str = "cnn", **changes: Any) -> list[Any]:
    """Two launches of a network on one and two workers."""
    asked = [{"workload": workload, "backend": "ddp", "workers": n, "repeat": repeat} for n in (1, 2) for repeat in range(2)]
    return [
        example_record(1 / spec["workers"] + spec["repeat"] / 100, spec, **{"resolved": RESOLVED} | changes) for spec in asked
    ]


def test_prints_what_the_command_prints(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "records.jsonl"
    path.write_text("".join(record.to_json() + "\n" for record in trained()))
    assert main(["predict", str(path), "--network", GIVEN]) == 0
    found = predict(read(path), network=GIVEN)
    assert str(found) == capsys.readouterr().out.strip("\n")
    for form, text in (("markdown", found.to_markdown()), ("json", found.to_json())):
        assert main(["predict", str(path), "--network", GIVEN, "--format", form]) == 0
        assert capsys.readouterr().out == text
    assert repr(found) == "<Predictions: cnn on ddp; 8, 64, 1024 workers>"


@pytest.mark.parametrize("path", sorted(NETWORK.glob("*.jsonl")), ids=lambda path: path.stem)
def test_frame_has_the_numbers_of_the_json(path: Path) -> None:
    found = predict(read(path), workers=[64, 8, 8, 1024], network=None if path.stem != "one-host" else GIVEN)
    frame = found.frame()
    families = json.loads(found.to_json())["predictions"]
    rows = [row for family in families for row in family["forecasts"]]
    made = frame[frame["reason"].isna()]
    assert list(frame["workers"].unique()) == [8, 64, 1024]
    assert [*zip(made["workers"], made["algorithm"], strict=True)] == [(row["workers"], row["algorithm"]) for row in rows]
    for name, key in (("speedup", "speedup"), ("efficiency", "efficiency"), ("busy_s", "busy"), ("exposed_s", "exposed")):
        assert list(made[name]) == [row[key] for row in rows]
    assert list(made["train_s"]) == [row["train"]["value"] for row in rows]
    assert list(made["train_low_s"]) == [row["train"]["low"] for row in rows]
    none = frame[frame["reason"].notna()]
    impossible = [(int(count), reason) for family in families for count, reason in family["impossible"].items()]
    assert [*zip(none["workers"], none["reason"], strict=True)] == impossible
    assert none["train_s"].isna().all()


def test_takes_the_link_from_collective_records() -> None:
    seconds = {10**power: [ring_s(2, 4 * 10**power, 1e-4, 1e-9)] for power in range(8)}
    found = predict([*trained(), example_exchange("ddp", 2, seconds)], workers=8)
    assert "measured by collective on ddp with 2 workers" in " ".join(str(found).split())
    assert list(found.frame()["workers"]) == [8, 8]


def test_a_family_that_cannot_be_predicted_has_its_reason_in_every_row() -> None:
    found = predict(trained(resolved=RESOLVED | {"oversubscribed": True}), workers="8,64", network=GIVEN)
    frame = found.frame()
    assert list(frame["workers"]) == [8, 64]
    assert frame["reason"].str.contains("whose compute time was measured").all()
    assert "whose compute time was measured" in found._repr_html_()


def test_html_has_the_table_and_the_assumptions_and_is_escaped() -> None:
    page = predict(trained("<script>x</script>"), network=GIVEN)._repr_html_()
    assert "<script" not in page
    assert "<b>&lt;script&gt;x" in page
    assert page.count("<tr>") == 1 + 2 * 2
    assert "<li>assumed: alpha 20.0 µs a step" in page


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"workers": "8,x"}, "--workers '8,x' is not a list of whole numbers above 0"),
        ({"workers": [0]}, r"--workers \[0\] is not a list of whole numbers above 0"),
        ({"workers": []}, r"--workers \[\] is not a list"),
        ({"workers": ()}, r"--workers \(\) is not a list"),
        ({"workers": [2.5]}, r"--workers \[2.5\] is not a list"),
        ({"workers": None}, "--workers None is not a list"),
        ({"network": "fast"}, "--network 'fast' is not a bandwidth above 0 and a latency"),
        ({"network": 25}, "--network 25 is not a text"),
        ({"network": None}, "the link of cnn on ddp is not known: give --network"),
    ],
)
def test_impossible_options_are_one_line(options: Any, message: str) -> None:
    with pytest.raises(UsageError, match=message) as caught:
        predict(Results(trained()), **{"network": GIVEN} | options)
    assert "\n" not in str(caught.value)


def test_records_without_a_network_and_paths_are_one_line() -> None:
    with pytest.raises(UsageError, match="no network with its parameters counted in this set of records, which has cnn; measure"):
        predict([example_record(1.0, {})], network=GIVEN)
    with pytest.raises(UsageError, match="which has no measured run"):
        predict([], network=GIVEN)
    with pytest.raises(UsageError, match=r"not the path 'a.jsonl'; read a file with read\('a.jsonl'\)"):
        predict("a.jsonl", network=GIVEN)  # type: ignore[arg-type]


def test_without_pandas_the_frame_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    found = predict(trained(), network=GIVEN)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(Unavailable, match="pip install pandas"):
        found.frame()

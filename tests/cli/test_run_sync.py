"""`manyhands run --sync --limit --target` from the command line to the table, on two workers of ddp."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.cli import main
from manyhands.record import read_records


@pytest.mark.slow
def test_a_strategy_with_its_limit_and_a_target(tmp_path: Path, torch: object, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "records.jsonl"
    asked = ["--backend", "ddp", "--workers", "2", "--sync", "local=4", "--limit", "--target", "accuracy=0.01", "--oversubscribe"]
    assert main(["run", "cnn", *asked, "--samples", "512", "--epochs", "2", "--repeats", "1", "--out", str(out)]) == 0
    records = {record.spec["sync"]: record for record in read_records(out) if record.spec["workers"] == 2}
    assert set(records) == {"local=4", "limit"}
    assert [records["limit"].quality, "accuracy" in records["limit"].history[0]] == [{}, False]
    assert "accuracy" in records["local=4"].history[0]
    assert records["limit"].resolved["sync"]["bytes_sent_per_step"] == 0
    assert records["local=4"].train_split["synchronise_s"] > 0
    shown = " ".join(capsys.readouterr().out.split())
    assert "It reaches accuracy 0.01 in" in shown
    assert "ddp (local=4), 2 workers x 1 thread: " in shown
    assert "of the limit, which is the same without any exchange" in shown
    assert "ddp (limit)" not in shown


def test_a_strategy_of_one_worker_is_refused_in_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    for asked, message in (
        (["--sync", "zero1", "--workers", "1"], "--sync zero1 is about what several workers exchange"),
        (["--sync", "lokal=8", "--workers", "2"], "unknown strategy 'lokal'; known: accumulate, "),
        (["--sync", "local=0", "--workers", "2"], "--sync local=0: local takes a whole number from 2 on"),
        (["--target", "good", "--workers", "2"], "--target: 'good' is not a metric and the number to reach"),
    ):
        try:
            code = main(["run", "mlp", "--backend", "ddp", "--oversubscribe", "--dry-run", *asked])
        except SystemExit as exit:
            code = exit.code
        assert code == 2
        error = capsys.readouterr().err.strip().splitlines()[-1]
        assert message in error

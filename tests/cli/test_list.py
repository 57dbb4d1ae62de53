from __future__ import annotations

from typing import Any

import pytest

from manyhands.cli import main
from manyhands.plugins import backend_classes, workload_classes


def shown(width: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    monkeypatch.setenv("COLUMNS", str(width))
    assert main(["list"]) == 0
    return capsys.readouterr().out


def test_in_80_columns_every_name_is_whole_and_the_support_table_is_one(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = shown(80, monkeypatch, capsys)
    assert max(map(len, output.splitlines())) <= 80
    assert "…" not in output
    for name, one in {**workload_classes(), **backend_classes()}.items():
        (line,) = [line for line in output.split("which go together")[0].splitlines() if line.split()[:1] == [name]]
        assert one.summary.split()[0] in line
    assert output.count("─\n") == 1


def test_a_reason_stands_once_for_all_cells_that_share_it(
    torch: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    lines = shown(200, monkeypatch, capsys).splitlines()
    table = {line.split()[0]: line.split()[1:] for line in lines[lines.index("which go together") :] if line}
    place = sorted(backend_classes()).index("fabric-dp")
    numbers = {table[name][place] for name in ("cnn", "lstm", "mlp", "rnn")}
    (number,) = numbers
    assert number.isdigit()
    (reason,) = [line for line in lines if line.startswith(f"{number}  ")]
    assert "needs --device cuda" in reason
    assert table["kmeans"][sorted(backend_classes()).index("ddp")] == "-"
    assert sum("offers no workload of this kind" in line for line in lines) == 1


def test_a_narrow_terminal_gets_a_further_table_rather_than_a_cut_name(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    output = shown(50, monkeypatch, capsys)
    assert max(map(len, output.splitlines())) <= 50
    assert output.count("─\n") == 2

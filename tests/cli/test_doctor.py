from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

import pytest

from manyhands.cli import main
from manyhands.data.make import make_set
from manyhands.plugins import backend_classes


def lines(shown: str) -> dict[str, tuple[str, str]]:
    """What was looked at -> ok or no, and what was found."""
    found = {}
    for line in shown.splitlines():
        mark, what, words = line.split(maxsplit=2)
        found[what] = (mark, words)
    return found


def test_everything_is_looked_at_and_told_in_one_line_each(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("MANYHANDS_DATA", raising=False)
    assert main(["doctor"]) == 0
    found = lines(capsys.readouterr().out)
    assert set(found) == {"machine", "memory", "python", "gpu", "data", *backend_classes()}
    assert "usable of" in found["machine"][1]
    assert found["serial"][0] == "ok"
    assert found["data"] == ("ok", "embedded data; name a folder of real data with --data or MANYHANDS_DATA")


def test_engine_that_is_missing_says_how_to_get_it(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.machine.find_spec", lambda name: None if name == "ray" else find_spec(name))
    assert main(["doctor"]) == 0
    mark, words = lines(capsys.readouterr().out)["ray"]
    assert mark == "no"
    assert "pip install 'manyhands[ray]'" in words


def test_damaged_data_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_set("mnist", tmp_path)
    assert main(["doctor", "--data-dir", str(tmp_path)]) == 0
    assert lines(capsys.readouterr().out)["data"] == ("ok", f"{tmp_path}: complete")
    images = next((tmp_path / "mnist").glob("t10k-images*"))
    images.write_bytes(images.read_bytes()[:100])
    assert main(["doctor", "--data-dir", str(tmp_path)]) == 0
    mark, words = lines(capsys.readouterr().out)["data"]
    assert mark == "no"
    assert images.name in words

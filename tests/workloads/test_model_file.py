"""Saved models: there and back, weights only, and refused by name."""

from __future__ import annotations

import io
import pickle
from pathlib import Path
from typing import Any

import pytest

from manyhands.errors import DataError, UsageError
from manyhands.workloads.cnn import Cnn
from manyhands.workloads.lstm import Lstm
from manyhands.workloads.mlp import Mlp

pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")

from manyhands.workloads._model_file import FORMAT, pack, restore, unpack


def test_there_and_back_with_settings() -> None:
    workload = Lstm(window=20, hidden=8, symbols=("AES", "GIS"))
    network = workload.model()
    model = unpack(pack(workload, network), "m.pt")
    again, restored = restore(model, Lstm, "m.pt")
    assert again == workload
    assert restored.state_dict().keys() == network.state_dict().keys()
    assert all(bool((value == network.state_dict()[name]).all()) for name, value in restored.state_dict().items())


def test_a_model_of_another_workload_is_refused_by_name() -> None:
    workload = Mlp(layers=1)
    with pytest.raises(UsageError, match=r"m\.pt is a model of 'mlp', not of 'lstm'; use --workload mlp"):
        restore(unpack(pack(workload, workload.model()), "m.pt"), Lstm, "m.pt")


class Bomb:
    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (Path("exploded"),)


def test_code_in_a_file_is_not_run(torch: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    content = io.BytesIO()
    torch.save({"format": FORMAT, "workload": "mlp", "settings": {}, "state_dict": Bomb()}, content)
    for bad in (content.getvalue(), pickle.dumps(Bomb())):
        with pytest.raises(DataError, match=r"m\.pt is not a model that can be loaded with weights only"):
            unpack(bad, "m.pt")
    assert not (tmp_path / "exploded").exists()


def test_what_is_no_model_is_refused(torch: Any) -> None:
    def saved(value: object) -> bytes:
        content = io.BytesIO()
        torch.save(value, content)
        return content.getvalue()

    workload = Mlp(layers=1)
    whole = pack(workload, workload.model())
    for bad in (b"", b"no model", whole[: len(whole) // 2]):
        with pytest.raises(DataError, match="is not a model that can be loaded"):
            unpack(bad, "m.pt")
    for bad in (saved([1, 2]), saved({"state_dict": {}})):
        with pytest.raises(DataError, match="holds no model of manyhands"):
            unpack(bad, "m.pt")
    with pytest.raises(DataError, match="model format 99 is unknown"):
        unpack(saved({"format": 99, "workload": "mlp", "settings": {}, "state_dict": {}}), "m.pt")


def test_weights_that_do_not_fit_are_refused(torch: Any) -> None:
    workload = Mlp(layers=1)
    model = unpack(pack(workload, workload.model()), "m.pt")
    model.settings["layers"] = 2
    with pytest.raises(DataError, match="its weights do not fit the network of mlp"):
        restore(model, Mlp, "m.pt")


@pytest.mark.parametrize(
    "changed",
    [
        {"settings": [1]},
        {"settings": {"hidden": [1]}},
        {"settings": {"hidden": -1}},
        {"settings": {"hidden": 10**9}},
        {"state_dict": {"0": 1}},
    ],
    ids=str,
)
def test_damaged_settings_are_refused_before_they_ask_for_memory(torch: Any, changed: dict[str, Any]) -> None:
    whole = torch.load(io.BytesIO(pack(Cnn(), Cnn().model())), weights_only=True) | changed
    content = io.BytesIO()
    torch.save(whole, content)
    with pytest.raises((DataError, UsageError)) as caught:
        restore(unpack(content.getvalue(), "m.pt"), Cnn, "m.pt")
    assert "\n" not in str(caught.value)

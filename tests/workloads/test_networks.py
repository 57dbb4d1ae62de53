"""The four networks: shapes, settings, scores, and that each of them learns."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from manyhands.errors import DataError, UsageError
from manyhands.plugins import workload_class
from manyhands.workloads.base import Arrays, NetworkWorkload
from manyhands.workloads.lstm import Lstm
from manyhands.workloads.mlp import Mlp
from manyhands.workloads.rnn import Rnn

NETWORKS = ["lstm", "rnn", "cnn", "mlp"]


def network(name: str, **settings: object) -> NetworkWorkload:
    workload = workload_class(name).from_settings(settings)
    assert isinstance(workload, NetworkWorkload)
    return workload


@pytest.mark.parametrize("name", NETWORKS)
def test_model_takes_the_rows_and_gives_a_loss(name: str) -> None:
    torch = pytest.importorskip("torch")
    workload = network(name)
    arrays = workload.load(None)
    x, y = torch.from_numpy(arrays.x_train[:8].copy()), torch.from_numpy(arrays.y_train[:8].copy())
    outputs = workload.model()(workload.prepare(x))
    assert outputs.shape == ((8,) if name == "lstm" else (8, 10))
    assert workload.loss(outputs, y).shape == ()


def test_rnn_lowers_its_learning_rate_after_every_epoch_when_asked() -> None:
    workload = Rnn(learning_rate=0.01, decay=0.5)
    assert [workload.learning_rate_at(epoch) for epoch in (1, 2, 3)] == [0.01, 0.005, 0.0025]
    assert Rnn().learning_rate_at(3) is None
    with pytest.raises(UsageError, match="decay=2 is not above 0 and at most 1"):
        Rnn(decay=2)


def test_mlp_has_the_published_shape() -> None:
    torch = pytest.importorskip("torch")
    widths = [module.out_features for module in Mlp().model() if isinstance(module, torch.nn.Linear)]
    assert widths == [128, *[512] * 9, 10]


def test_settings_are_read_as_the_type_of_their_default() -> None:
    assert Mlp.from_settings({"dropout": "0.5", "layers": "3", "he_initialisation": "false"}) == Mlp(
        dropout=0.5, layers=3, he_initialisation=False
    )
    assert Lstm.from_settings({"symbols": "AES,ALL"}).symbols == ("AES", "ALL")
    assert Lstm.from_settings({"symbols": ["AES"]}).symbols == ("AES",)


@pytest.mark.parametrize(
    ("workload", "settings", "words"),
    [
        (Rnn, {"cell": "perceptron"}, "cell=perceptron is none of lstm, gru, rnn"),
        (Rnn, {"hidden": "many"}, "rnn hidden=many is not of type int; the default is 64"),
        (Mlp, {"he_initialisation": "perhaps"}, "neither true nor false"),
        (Mlp, {"width": "3"}, "mlp has no setting 'width'; known: learning_rate, dropout"),
    ],
)
def test_impossible_setting_is_refused(workload: type[NetworkWorkload], settings: dict[str, str], words: str) -> None:
    with pytest.raises(UsageError, match=words):
        workload.from_settings(settings)


def test_fewer_samples_are_a_part_of_more() -> None:
    rows = np.arange(100)
    arrays = Arrays(rows, rows, rows, rows, "made")
    few, more = arrays.training_rows(10), arrays.training_rows(40)
    assert set(few.x_train) <= set(more.x_train)
    assert len(set(more.x_train)) == 40
    assert arrays.training_rows(None) is arrays
    with pytest.raises(DataError, match="made has 100 training rows, 101 were asked for"):
        arrays.training_rows(101)


def test_accuracy_is_the_share_of_right_answers() -> None:
    targets = np.array([0, 1, 2, 3])
    outputs = np.eye(10, dtype=np.float32)[[0, 1, 2, 9]]
    assert network("cnn").score(outputs, Arrays(targets, targets, targets, targets, "made")) == {"accuracy": 0.75}


def test_price_errors_are_in_percent_and_in_the_price_unit_beside_the_naive_forecast() -> None:
    y = np.array([1.0, -1.0], dtype=np.float32)
    extra = {"mean": np.array([100.0, 100.0]), "scale": np.array([10.0, 10.0]), "last_close": np.array([110.0, 99.0])}
    quality = Lstm().score(np.array([2.0, -1.0], dtype=np.float32), Arrays(y, y, y, y, "made", extra))
    assert quality["mape_percent"] == pytest.approx(100 * (10 / 110) / 2)
    assert quality["rmse"] == pytest.approx(np.sqrt(10**2 / 2))
    assert quality["naive_mape_percent"] == pytest.approx(100 * (9 / 90) / 2)
    assert quality["naive_rmse"] == pytest.approx(np.sqrt(9**2 / 2))


@pytest.mark.slow
@pytest.mark.parametrize(("name", "accuracy"), [("rnn", 0.96), ("cnn", 0.985), ("mlp", 0.95)])
def test_reaches_its_accuracy_on_the_real_digits_in_five_epochs(name: str, accuracy: float, real_data: Path) -> None:
    from manyhands.machine import usable_cores
    from manyhands.plan import RunSpec
    from manyhands.run import Surroundings, measure

    if not (real_data / "mnist").is_dir():
        pytest.skip("needs the real MNIST files: name their folder with MANYHANDS_DATA")
    spec = RunSpec(workload=name, backend="serial", threads=usable_cores(), epochs=5, data_dir=str(real_data))
    record = measure(spec, Surroundings())
    assert record.ok, record.reason
    assert record.quality["accuracy"] >= accuracy


@pytest.mark.slow
def test_mlp_learns_far_less_without_he_initialisation() -> None:
    from manyhands.plan import RunSpec
    from manyhands.run import Surroundings, measure

    def accuracy(he: bool) -> float:
        spec = RunSpec(workload="mlp", backend="serial", samples=4096, epochs=2, settings={"he_initialisation": he})
        record = measure(spec, Surroundings())
        assert record.ok, record.reason
        return float(record.quality["accuracy"])

    assert accuracy(True) > accuracy(False) + 0.2

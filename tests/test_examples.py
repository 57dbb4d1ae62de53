"""The files of `docs/examples`: the backend and the workload in one file each do what ours do."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import pytest
from engines import descendants, measured, small_spec
from listening import listening

from manyhands.record import Record
from manyhands.run import RunContext, measure

pytestmark = pytest.mark.slow

ROOT = Path(__file__).parents[1]
EXAMPLES = ROOT / "docs" / "examples"
PROCESSES = f"{EXAMPLES / 'processes.py'}:Processes"
TUMOURS = f"{EXAMPLES / 'tumours.py'}:Tumours"
FAULTY = f"{ROOT / 'tests' / 'backends' / 'uneven_nets.py'}:Faulty"
"""A network whose second rank fails."""
workers = partial(descendants, "multiprocessing.spawn")


def losses(record: Record) -> list[float]:
    return [epoch["loss"] for epoch in record.history]


def test_both_examples_learn_what_serial_and_ddp_learn(tmp_path: Path) -> None:
    """The example workload on the example backend, against our backends."""
    spec = partial(small_spec, workload=TUMOURS, epochs=3, batch_size=32, samples=None)
    serial = measured(spec("serial", workers=1), tmp_path)
    ddp = measured(spec("ddp"), tmp_path)
    with listening(0.5) as heard:
        one, two = (measured(spec(PROCESSES, workers=count), tmp_path) for count in (1, 2))
    assert heard == {"127.0.0.1"}
    assert not workers()

    assert serial.init_sha256 == ddp.init_sha256 == one.init_sha256 == two.init_sha256
    assert serial.data == ddp.data == one.data == two.data
    assert losses(serial)[0] > losses(serial)[-1]
    assert losses(one) == pytest.approx(losses(serial), abs=1e-5)
    assert losses(two) == pytest.approx(losses(serial), abs=1e-4)
    assert losses(two) == pytest.approx(losses(ddp), abs=1e-4)
    assert one.quality == pytest.approx(serial.quality, rel=1e-3)
    for record in (one, two):
        assert [worker["rank"] for worker in record.per_worker] == list(range(record.spec["workers"]))
        for worker in record.per_worker:
            assert set(worker["threads"].values()) == {1}, worker["threads"]


def test_failed_worker_of_the_example_is_a_failed_record_that_names_the_worker(tmp_path: Path) -> None:
    record = measure(small_spec(PROCESSES, workload=FAULTY), RunContext(log_folder=tmp_path))
    assert record.status == "failed"
    assert str(record.reason).startswith("processes worker 1 failed: ValueError: a mistake of this net's own (its output: ")
    assert "ended_by_force" not in record.resources
    assert not workers()

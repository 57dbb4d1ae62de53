"""A worker's report: read from this process, whole after a journey as JSON, and cut down to the fields of a record."""

from __future__ import annotations

import json
import os
import time

import pytest

from manyhands.machine import clock_name, host_name
from manyhands.measure.phases import PhaseClock
from manyhands.measure.resources import own_cpu_s
from manyhands.measure.worker_report import WorkerReport, report_of_this_process


def test_a_report_is_about_the_process_that_makes_it() -> None:
    before, cpu = own_cpu_s(), time.process_time()
    while time.process_time() - cpu < 0.05:
        pass
    report = report_of_this_process(before)
    assert (report.host, report.pid) == (host_name(), os.getpid())
    assert report.cpu_user_s is not None
    assert report.cpu_system_s is not None
    assert 0.03 < report.cpu_user_s + report.cpu_system_s < sum(own_cpu_s())
    assert report.peak_rss_bytes is not None
    assert report.peak_pss_bytes is not None
    assert 0 < report.peak_pss_bytes <= report.peak_rss_bytes
    assert report.rank is None


def test_a_report_takes_its_phases_from_a_clock() -> None:
    clock = PhaseClock()
    for phase in ("load", "train", "load"):
        clock.lap(phase)
    report = WorkerReport("h").timed(clock)
    assert list(report.phases) == ["load_s", "train_s"]
    assert report.phases == {"load_s": clock.seconds["load"], "train_s": clock.seconds["train"]}
    assert (report.clock, report.started, report.ended) == (clock_name(), clock.started, clock.ended)


def test_a_report_survives_json_and_unknown_keys() -> None:
    report = report_of_this_process()
    values = json.loads(json.dumps(report.to_dict())) | {"history": []}
    assert WorkerReport.from_dict(values) == report


def test_a_record_keeps_the_named_fields_in_their_order() -> None:
    report = WorkerReport("h", rank=1)
    assert list(report.to_record(("rank", "host", "tasks")).items()) == [("rank", 1), ("host", "h"), ("tasks", None)]
    assert report.to_record(["train_split"]) == {
        "train_split": dict.fromkeys(("compute_s", "communicate_s", "input_s", "synchronise_s"))
    }
    with pytest.raises(AttributeError):
        report.to_record(("no_field",))

"""The resources of a record: the parent's account, completed by what workers know of themselves."""

from __future__ import annotations

from manyhands.measure.run_usage import RunUsage
from manyhands.measure.worker_report import WorkerReport
from manyhands.plan import RunSpec

USAGE = RunUsage(wall_s=2.0, cpu_s=3.0, peak_pss_bytes=100, load_1m_before=0.5, samples=[(0.1, 0.2, 100)])
WORKERS = [WorkerReport("h", pid=pid, cpu_user_s=1.0, cpu_system_s=0.5, peak_rss_bytes=90, peak_pss_bytes=80) for pid in (1, 2)]


def test_resources_name_what_was_ended_by_force_only_where_something_was() -> None:
    assert list(USAGE.resources()) == ["cpu_s", "cpu_percent", "peak_pss_bytes", "load_1m_before", "samples"]
    assert USAGE.resources()["cpu_percent"] == 150.0
    forced = RunUsage(2.0, 3.0, None, 0.5, [], ended_by_force=["python"])
    assert forced.resources()["ended_by_force"] == ["python"]


def test_the_peak_is_never_below_the_workers_peaks_nor_the_drivers() -> None:
    spec = RunSpec(workload="kmeans", backend="dask", workers=2)
    assert USAGE.with_workers(WORKERS, {}, spec)["peak_pss_bytes"] == 160
    assert USAGE.with_workers(WORKERS, {"usage": [{"pss_bytes": 170}]}, spec)["peak_pss_bytes"] == 170
    assert USAGE.with_workers(WORKERS, {"driver_peak_pss_bytes": 180}, spec)["peak_pss_bytes"] == 180
    assert USAGE.with_workers(WORKERS, {}, spec)["cpu_s"] == 3.0


def test_workers_of_a_cluster_are_added() -> None:
    spec = RunSpec(workload="kmeans", backend="dask", workers=2, address="tcp://10.0.0.1:8786")
    resources = USAGE.with_workers(WORKERS, {}, spec)
    assert (resources["cpu_s"], resources["cpu_percent"]) == (6.0, 300.0)
    assert resources["peak_pss_bytes"] == 100 + 2 * 90
    assert resources["elsewhere"] == {"workers": 2, "cpu_s": 3.0, "peak_rss_bytes": 180}
    unknown = [*WORKERS, WorkerReport("h")]
    assert USAGE.with_workers(unknown, {}, spec)["cpu_s"] is None

"""`manyhands studies` and `manyhands run --study`: errors in one line, the plan, and a real run."""

from __future__ import annotations

from pathlib import Path

import pytest

from manyhands.cli import main
from manyhands.errors import UsageError
from manyhands.plan import RunSpec
from manyhands.planning.request import Request
from manyhands.planning.study import DEFAULT_BUDGET
from manyhands.planning.study_bucket import bucket
from manyhands.planning.study_cells import Planned, StudyStorage, blocks, cells, planned, too_many, works
from manyhands.planning.study_pilot import Pilot, expected_s, pilot_cells
from manyhands.planning.study_plan import left_out
from manyhands.record import read_records
from manyhands.studies.study import AS_PUBLISHED, CORRECTED, VARIANTS, load_study, study_names

REQUEST = Request(timeout=60.0)


@pytest.fixture(autouse=True)
def _embedded_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYHANDS_DATA", raising=False)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--study", "mlp"], "unknown study 'mlp'; known: dask-and-spark, lstm-spark, mlp-ensemble, "),
        (
            ["--study", "mlp-ensemble", "--budget", "soon"],
            "--budget soon is not a time above 0; write for example 90s, 10m or 1h",
        ),
        (["--study", "mlp-ensemble", "--variant", "better"], "--variant 'better' is not one of as-published, corrected, both"),
        (["--budget", "10m"], "--budget 10m is for a study; name one with --study"),
        (["cnn", "--variant", "both"], "--variant both is for a study"),
        (["cnn", "--study", "mlp-ensemble"], "--study mlp-ensemble has its own plan; leave out cnn"),
        (["--study", "mlp-ensemble", "--workers", "2", "--epochs", "3"], "leave out --workers, --epochs"),
        (["--study", "mlp-ensemble", "--batch", "per-worker", "--shard-data"], "leave out --batch, --shard-data"),
        (["--study", "mlp-ensemble", "--data", "s3://a/b"], "mlp-ensemble reads its data from a folder; use --data FOLDER"),
    ],
)
def test_what_cannot_be_meant_is_one_line(words: list[str], said: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", *words]) == 2
    error = capsys.readouterr().err
    assert said in error
    assert len(error.splitlines()) == 1


def test_lists_what_each_study_asks_and_what_spoils_it(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["studies"]) == 0
    listed = " ".join(capsys.readouterr().out.split())
    for name in study_names():
        study = load_study(name)
        assert f"{name} {' '.join(study.title.split())} {' '.join(study.asks.split())}" in listed
    assert len(study_names()) == 5
    assert main(["studies", "lstm-spark"]) == 0
    shown = capsys.readouterr().out
    assert "2 processes: 1.95 (1050.34 ± 55.60 s against 2053.34 ± 89.55 s)" in shown
    assert "! the measured time contains the validation on one process" in shown
    assert main(["studies", "no-such"]) == 2


def test_a_cell_of_both_variants_is_run_once() -> None:
    plan = planned(load_study("mlp-ensemble"), VARIANTS, None)
    least, uses = cells(plan, works(plan, 0.0), StudyStorage(None), REQUEST, 4)
    single = [cell for cell in least if cell.settings.get("single")]
    assert len(single) == 1
    shared = [own for own in uses.values() if {use["variant"] for use in own} == set(VARIANTS)]
    assert [use["part"] for own in shared for use in own].count("single") == 2
    full, _ = cells(plan, works(plan, 1.0), StudyStorage(None), REQUEST, 4)
    assert sorted(cell.epochs for cell in full if cell.settings.get("single")) == [10, 12]


def test_every_repeat_has_a_seed_of_its_own() -> None:
    runs = blocks([RunSpec(workload="rnn", backend="serial")], 3)
    assert [[(run.repeat, run.seed) for run in block] for block in runs] == [[(0, 0)], [(1, 1)], [(2, 2)]]


def test_more_workers_than_cores_are_left_out_unless_asked_for() -> None:
    spec = RunSpec(workload="rnn", backend="ddp", workers=8)
    assert too_many(spec, 4) == "8 workers are more than the 4 usable cores; add --oversubscribe to time them anyway"
    assert too_many(RunSpec(workload="rnn", backend="ddp", workers=8, oversubscribe=True), 4) is None
    refused = left_out(RunSpec(workload="rnn", backend="fabric-dp", workers=4), 2)
    assert refused
    assert "cores" not in refused  # what no core would mend comes first


def test_settings_that_name_files_are_for_real_data_only() -> None:
    plan = planned(load_study("dask-and-spark"), (CORRECTED,), None)
    small = next(entry for entry in plan if entry.part.name == "kmeans-small")
    assert small.rows == 77
    made, _ = cells(plan, works(plan, 0.0), StudyStorage(None), REQUEST, 2)
    assert not any("file" in cell.settings for cell in made)
    real, _ = cells(plan, works(plan, 0.0), StudyStorage("/data"), REQUEST, 2)
    files = {cell.settings["file"] for cell in real if "file" in cell.settings}
    assert files == {"burger-king-menu.csv", "diabetes.csv", "adult.data"}
    assert {cell.data_dir for cell in real if cell.samples == 200_000} == {None}  # made points, beside the real tables


def test_costs_come_from_the_pilot() -> None:
    study = load_study("mlp-ensemble")
    plan = [Planned(CORRECTED, part, 10_000) for part in study.parts(CORRECTED) if part.name == "quarters"]
    ready, _ = cells(plan, works(plan, 0.0), StudyStorage(None), REQUEST, 4)
    pilots = {
        ("serial", "ensemble"): Pilot(fixed_s=1.0, train_s=2.0, row_visits=40_000, evaluate_s=0.5),
        ("joblib", "ensemble"): Pilot(fixed_s=4.0, train_s=3.0, row_visits=40_000),
    }
    full, _ = cells(plan, works(plan, 1.0), StudyStorage(None), REQUEST, 4)
    costs = {(cell.backend, cell.workers): expected_s(cell, pilots) for cell in full}
    rows_s = 2.0 * 12 * 10_000 / 40_000
    assert costs["serial", 1] == pytest.approx(1.0 + 0.5 + rows_s)
    assert costs["joblib", 1] == pytest.approx(4.0 + 1.0 + 0.5 + rows_s)
    assert costs["joblib", 4] == pytest.approx(4.0 + 1.0 + 0.5 + rows_s / 2)
    assert [cell.backend for cell in pilot_cells(ready)] == ["serial", "joblib"]
    assert pilot_cells(ready)[1].workers == 4


def test_a_dry_run_shows_the_smallest_plan(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["run", "--study", "mlp-ensemble", "--variant", "as-published", "--oversubscribe", "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert f"a budget of {60 * int(DEFAULT_BUDGET.removesuffix('m'))} s" in shown
    assert shown.count("manyhands run ensemble") == 4


def test_a_bucket_must_be_named_where_an_endpoint_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    with pytest.raises(UsageError, match="name the one to use with --data"), bucket("mnist-ray-s3", None, None, "obstore"):
        pass
    with bucket("mnist-ray-s3", None, "s3://own/mnist/", "boto3") as place:
        assert (place.data, place.models, place.reader) == ("s3://own/mnist/", "s3://own/mnist-models", "boto3")


def test_a_server_of_our_own_holds_the_digits_for_the_time_of_the_run(monkeypatch: pytest.MonkeyPatch) -> None:
    import os

    boto3 = pytest.importorskip("boto3", reason="needs boto3: pip install 'manyhands[s3]'")
    pytest.importorskip("moto.server", reason="needs moto: pip install 'manyhands[test]'")
    for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "mine")
    with bucket("mnist-ray-s3", None, None, "obstore") as place:
        assert place.data == "s3://manyhands/mnist"
        assert os.environ["AWS_SECRET_ACCESS_KEY"] != "mine"
        assert os.environ["AWS_ENDPOINT_URL"].startswith("http://127.0.0.1:")
        client = boto3.session.Session().client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"], region_name="us-east-1")
        found = {entry["Key"]: entry["Size"] for entry in client.list_objects_v2(Bucket="manyhands")["Contents"]}
        client.close()
        assert found["mnist/train-images-idx3-ubyte"] == 16 + 8192 * 784
        assert len(found) == 4
    assert os.environ["AWS_SECRET_ACCESS_KEY"] == "mine"
    assert "AWS_ENDPOINT_URL" not in os.environ


@pytest.mark.slow
def test_a_study_runs_and_is_shown_and_goes_on_at_its_scale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    out = tmp_path / "mlp.jsonl"
    command = ["run", "--study", "mlp-ensemble", "--variant", AS_PUBLISHED, "--budget", "1s", "--out", str(out)]
    assert main(command) == 0
    told = capsys.readouterr()
    assert "more than the budget: this is the smallest size of the study" in told.err
    assert "1.43 (6.42 s against 9.19 s)" in told.out
    records = read_records(out)
    measured = [record for record in records if record.ok]
    assert {record.spec["backend"] for record in measured} <= {"serial", "joblib"}
    assert all(record.study["uses"][0]["epochs"] == [4, 10] for record in records)
    assert all(record.study["budget_s"] == 1 for record in records)
    assert main([*command, "--resume"]) == 0
    assert "pilot" not in capsys.readouterr().err
    assert len(read_records(out)) == len(records)

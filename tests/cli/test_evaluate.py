"""`manyhands evaluate`: what a run saved scores what the run recorded, from a path or a bucket."""

from __future__ import annotations

import re
from importlib.util import find_spec
from pathlib import Path

import pytest
from object_store import SECRET, Bucket

from manyhands.cli import main
from manyhands.data.idx import LONGEST_HEADER, write_idx
from manyhands.data.mnist import load_mnist
from manyhands.record import Record, read_records

pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")

from manyhands.workloads._model_file import pack
from manyhands.workloads.lstm import Lstm
from manyhands.workloads.mlp import Mlp


@pytest.fixture(autouse=True)
def _embedded_data(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("MANYHANDS_DATA", raising=False)


@pytest.fixture
def model(tmp_path: Path) -> Path:
    workload = Mlp(layers=1)
    (tmp_path / "m.pt").write_bytes(pack(workload, workload.model()))
    return tmp_path / "m.pt"


def test_prints_accuracy_report_and_confusion_matrix(model: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["evaluate", str(model), "--workload", "mlp"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{model}: mlp, 2048 held-out rows of embedded digits"
    accuracy = float(lines[1].split()[1])
    matrix = [[int(count) for count in line.split()] for line in lines[-10:]]
    assert sum(map(sum, matrix)) == 2048
    assert sum(matrix[digit][digit] for digit in range(10)) / 2048 == pytest.approx(accuracy, abs=1e-6)
    assert any(line.split()[:1] == ["precision"] for line in lines)
    assert [sum(row) for row in matrix] == [int(line.split()[-1]) for line in lines[5:15]]


def test_a_forecast_has_errors_and_no_classes(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    workload = Lstm(hidden=4)
    (tmp_path / "m.pt").write_bytes(pack(workload, workload.model()))
    assert main(["evaluate", str(tmp_path / "m.pt"), "--workload", "lstm"]) == 0
    out = capsys.readouterr().out
    assert "naive mape percent" in out
    assert "confusion" not in out


@pytest.mark.parametrize(
    ("workload", "problem"),
    [
        ("cnn", "is a model of 'mlp', not of 'cnn'; use --workload mlp"),
        ("kmeans", "only networks are saved and evaluated"),
        ("nothing", "unknown workload 'nothing'"),
    ],
)
def test_a_model_of_another_workload_is_refused(
    model: Path, workload: str, problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["evaluate", str(model), "--workload", workload]) == 2
    assert problem in capsys.readouterr().err


def test_a_missing_or_damaged_model_is_one_line(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "bad.pt").write_bytes(b"no model")
    for name in ("none.pt", "bad.pt"):
        assert main(["evaluate", str(tmp_path / name), "--workload", "mlp"]) == 2
        assert len(capsys.readouterr().err.splitlines()) == 1


@pytest.fixture
def digits(bucket: Bucket, tmp_path: Path) -> str:
    """The embedded digits in a bucket, the training images in three pieces."""
    made = load_mnist(None)
    for name, array in (
        ("train-images-idx3", made.x_train[:999]),
        ("train-labels-idx1", made.y_train[:999]),
        ("t10k-images-idx3", made.x_test[:200]),
        ("t10k-labels-idx1", made.y_test[:200]),
    ):
        path = tmp_path / f"{name}-ubyte"
        write_idx(path, array)
        content = path.read_bytes()
        if name == "train-images-idx3":
            for number in range(3):
                bucket.put(
                    f"mnist/{path.name}/{number}", content[number * 300_000 : (number + 1) * 300_000 if number < 2 else None]
                )
            bucket.put(f"mnist/{path.name}/xl.meta", b"never read")
        else:
            bucket.put(f"mnist/{path.name}", content)
    return f"{bucket.place}/mnist"


def run(digits: str, out: Path, *words: str) -> Record:
    """The record of the only run."""
    size = ["--repeats", "1", "--no-base-line", "--set", "layers=1", "--batch-size", "60"]
    main(["run", "mlp", *size, "--data", digits, "--out", str(out), *words])
    (record,) = read_records(out)
    return record


@pytest.mark.slow
@pytest.mark.parametrize(
    "words",
    [
        ("--backend", "serial", "--workers", "1"),
        ("--backend", "ddp", "--workers", "2"),
        ("--backend", "ddp", "--workers", "2", "--shard-data", "--samples", "601"),
        ("--backend", "ddp", "--workers", "1", "--s3-library", "boto3"),
        ("--backend", "serial", "--workers", "1", "--s3-library", "s3torchconnector"),
        ("--backend", "ray", "--workers", "2"),
    ],
    ids=" ".join,
)
def test_the_whole_loop(
    digits: str, bucket: Bucket, tmp_path: Path, words: tuple[str, ...], capsys: pytest.CaptureFixture[str]
) -> None:
    """Data from a bucket, the model into it, and back from there to the accuracy that the run recorded.

    Shards together are the same data as those of a single worker.
    """
    for library in ("obstore", *{"ray", "s3torchconnector"}.intersection(words)):
        if find_spec(library) is None:  # an import of Ray would leave variables behind
            pytest.skip(f"needs {library}")
    place = f"{bucket.place}/models/mlp.pt"
    record = run(digits, tmp_path / "r.jsonl", *words, "--save", place, "--oversubscribe")
    assert record.ok, record.reason
    assert record.phases["save_s"]
    rows = 601 if "601" in words else 999
    assert record.data["rows"] == {"train": rows, "test": 200}
    assert record.data["source"] == f"{digits} at {bucket.endpoint}"
    workers = record.per_worker
    assert all(0 < worker["fetch_s"] <= worker["phases"]["load_s"] for worker in workers)
    assert [worker["saved_bytes"] is not None for worker in workers] == [worker["rank"] == 0 for worker in workers]
    test_bytes, label_bytes, header = 200 * 785 + 24, 999 + 8, LONGEST_HEADER
    if "--shard-data" in words:
        moved = [count * 785 + header + label_bytes for count in (300, 301)]
    else:
        moved = [999 * 784 + 16 + label_bytes] * len(workers)
    assert [worker["bytes_moved"] for worker in workers] == [moved[0] + test_bytes, *moved[1:]]
    assert sum(worker["rows_seen"] for worker in workers) == rows
    if "--shard-data" in words:
        one = run(digits, tmp_path / "one.jsonl", "--backend", "serial", "--workers", "1", *words[4:])
        assert one.data == record.data
        assert workers[1]["bytes_moved"] < one.per_worker[0]["bytes_moved"]
    capsys.readouterr()
    assert main(["evaluate", place, "--workload", "mlp", "--data", digits]) == 0
    assert f"\naccuracy {record.quality['accuracy']:g}\n" in capsys.readouterr().out
    assert SECRET not in (tmp_path / "r.jsonl").read_text()


@pytest.mark.slow
@pytest.mark.parametrize("fault", ["no bucket", "no key", "refused", "part missing"])
@pytest.mark.parametrize("backend", ["serial", "ddp"])
def test_a_fault_is_a_failed_record_in_one_line(
    digits: str,
    bucket: Bucket,
    tmp_path: Path,
    backend: str,
    fault: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    pytest.importorskip("obstore")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    place, problem = digits, ""
    if fault == "no bucket":
        place, problem = f"{bucket.place}-none", f"no bucket '{bucket.name}-none' at {bucket.endpoint}"
    elif fault == "no key":
        bucket.raw.delete_object(Bucket=bucket.name, Key="mnist/train-labels-idx1-ubyte")
        problem = "no train-labels-idx1-ubyte, plain or .gz, at"
    elif fault == "refused":
        monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
        problem = r"no connection to http://127\.0\.0\.1:9 for .*, 2 tries in"
    else:
        bucket.raw.delete_object(Bucket=bucket.name, Key="mnist/train-images-idx3-ubyte/1")
        problem = "part train-images-idx3-ubyte/1 is missing"
    workers = "2" if (backend, fault) == ("ddp", "part missing") else "1"
    record = run(place, tmp_path / "r.jsonl", "--backend", backend, "--workers", workers, "--oversubscribe")
    assert record.status == "failed"
    assert record.reason
    assert re.match(problem, record.reason) or re.search(problem, record.reason)
    assert "\n" not in record.reason
    shown = capsys.readouterr()
    logs = "".join(path.read_text() for path in tmp_path.rglob("*.log"))
    for text in (shown.out, shown.err, logs, (tmp_path / "r.jsonl").read_text()):
        assert SECRET not in text
    if fault == "refused":
        assert "try 2 of 2 in 0.5 s" in shown.err + logs


def test_a_model_that_could_not_be_saved_stops_the_run_before_it_starts(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    words = ["run", "mlp", "--backend", "serial", "--workers", "1", "--out", str(tmp_path / "r.jsonl"), "--save"]
    assert main([*words, str(tmp_path)]) == 2
    assert "is a folder" in capsys.readouterr().err
    words[3] = "serial,ddp"
    assert main([*words, str(tmp_path / "m.pt")]) == 2
    assert "2 cells would write their model there" in capsys.readouterr().err
    assert not (tmp_path / "r.jsonl").exists()


def test_data_in_a_bucket_is_for_networks(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["run", "kmeans", "--backend", "serial", "--workers", "1", "--data", "s3://data", "--out", str(tmp_path / "r.jsonl")]
    assert main(words) == 2
    assert "--data is for networks, not for clustering; 'manyhands data get' fetches a bucket" in capsys.readouterr().err

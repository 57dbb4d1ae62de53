"""Small files of every form that manyhands reads, made by the program itself where it writes such files."""

from __future__ import annotations

import gzip
import io
import json
import lzma
import struct
from collections.abc import Sequence
from dataclasses import asdict
from functools import cache
from importlib.resources import files
from pathlib import Path

import numpy as np
from benchmarks.fuzz.mutate import SMALL

from manyhands.analysis.example import example_exchange, example_record, example_records
from manyhands.record import Record


def _with_packed(plain: Sequence[bytes]) -> list[bytes]:
    """The files, and the first of them as gzip and as xz."""
    return [*plain, gzip.compress(plain[0], 1, mtime=0), lzma.compress(plain[0], filters=SMALL)]


def _idx_bytes(code: int, shape: tuple[int, ...], items: bytes) -> bytes:
    return struct.pack(f">HBB{len(shape)}I", 0, code, len(shape), *shape) + items


@cache
def idx() -> list[bytes]:
    """Arrays of four of the six types, and a gzip file of two members, padded with zeros."""
    plain = [
        _idx_bytes(0x08, (3, 2, 2), bytes(range(12))),
        _idx_bytes(0x0C, (4,), np.arange(4, dtype=">i4").tobytes()),
        _idx_bytes(0x0E, (2, 3), np.arange(6, dtype=">f8").tobytes()),
        _idx_bytes(0x0B, (), b"\0\7"),
    ]
    packed = gzip.compress(plain[0][:9], 1, mtime=0) + gzip.compress(plain[0][9:], 1, mtime=0) + bytes(64)
    return [*_with_packed(plain), packed]


@cache
def digit_labels() -> list[bytes]:
    """Labels of four images."""
    return _with_packed([_idx_bytes(0x08, (4,), bytes([0, 9, 3, 1]))])


def write_digits(folder: Path) -> None:
    """The four files of MNIST with four images each."""
    folder.mkdir(parents=True)
    for role in ("train", "t10k"):
        (folder / f"{role}-images-idx3-ubyte").write_bytes(_idx_bytes(0x08, (4, 28, 28), bytes(4 * 28 * 28)))
        (folder / f"{role}-labels-idx1-ubyte").write_bytes(digit_labels()[0])


@cache
def libsvm() -> list[bytes]:
    """Indices from 1 and from 0, labels of all kinds, comments and query numbers."""
    ones = "".join(f"{number % 3} 1:{number} 3:{number / 7:.3f}\n" for number in range(12))
    zeros = "".join(f"{'+1' if number % 2 else '-1'} 0:{number} 2:1e-3 # remark\n" for number in range(12))
    queries = "".join(f"{1234567 + number % 2} qid:{number} 1:0.5 2:{number}\n" for number in range(8))
    return _with_packed([text.encode() for text in (ones, zeros, queries)])


@cache
def tables() -> list[bytes]:
    """Numbers, words as labels, quotes, blanks, a byte-order mark, columns that number the rows, and no header."""
    plain = "a,b,y\n" + "".join(f"{number},{number / 4},{number % 2}\n" for number in range(12))
    numbered = ",id,a,y\r\n" + "".join(
        f"{number},{number},{number * 7 % 5},{'no' if number % 3 else 'yes'}\r\n" for number in range(12)
    )
    quoted = '\ufeffa,"y"\n' + "".join(f'"{number}", "{number % 2}"\n' for number in range(12))
    bare = "".join(f"{number}.5,{number % 3},setosa\n" for number in range(12))
    latin = "größe,y\n" + "".join(f"{number},{number % 2}\n" for number in range(8))
    return [*_with_packed([text.encode() for text in (plain, numbered, quoted, bare)]), latin.encode("latin-1")]


@cache
def european_tables() -> list[bytes]:
    """Semicolons and decimal commas."""
    named = "a;b;y\n" + "".join(f"{number},5;{number};{number % 2}\n" for number in range(12))
    return _with_packed([named.encode(), named.partition("\n")[2].encode()])


@cache
def points() -> list[bytes]:
    """Two columns of numbers, with and without names."""
    named = "x,y\n" + "".join(f"{number},{number / 3:.4f}\n" for number in range(9))
    return _with_packed([named.encode(), named.partition("\n")[2].encode(), b"id," + named.replace("\n", "\n1,").encode()])


@cache
def prices() -> list[bytes]:
    """Both layouts, one with symbols that begin with zeros and a blank."""
    days = [f"2020-01-{day:02d}" for day in range(1, 31)]
    large = "Date,Symbol,Adj Close,Close,High,Low,Open,Volume\n" + "".join(
        f"{day},{symbol},1.{place:02d},1.{place:02d},2.5,0.5,1,{1000 + place}\n"
        for symbol in ("AES", "ALL")
        for place, day in enumerate(days)
    )
    small = "date,open,high,low,close,volume,Name\n" + "".join(
        f"{day},{place},3,1,{place}.5,{9 * place if place else ''},0700\n" for place, day in enumerate(days)
    )
    return _with_packed([large.encode(), small.encode()])


@cache
def parts() -> list[bytes]:
    """Arrays as numpy writes them."""
    found = []
    for array in (np.arange(12, dtype=np.float32).reshape(6, 2), np.arange(5, dtype=np.int32), np.float64(1)):
        stream = io.BytesIO()
        np.save(stream, array)
        found.append(stream.getvalue())
    return found


def _worker(rank: int) -> dict[str, object]:
    return {
        "rank": rank,
        "host": f"h{rank}",
        "pid": 7,
        "threads": {"torch": 1},
        "cpu_user_s": 1.0,
        "cpu_system_s": 0.1,
        "memory_layout": {"huge_pages": True, "fixed_addresses": False},
        "peak_rss_bytes": 10**8,
        "phases": {"load_s": 0.1, "train_s": 1.0},
        "train_split": {"compute_s": 0.8, "communicate_s": 0.1, "input_s": 0.1},
        "yardstick": {"network": [0.1, 0.11, 0.1]},
        "rows_seen": 4096,
        "fetch_s": 0.1,
        "bytes_moved": 1000,
    }


def study_records() -> list[Record]:
    """Records of a study, of which a report compares published figures with measured ones."""
    use = {"variant": "corrected", "part": "networks", "epochs": [1, 2], "samples": [100, 200]}
    about = {
        "name": "mnist-rnn-fabric",
        "uses": [use],
        "repeats": [1, 3],
        "budget_s": 60.0,
        "expected_s": 50.0,
        "pilot_s": 5.0,
        "seeds": "",
    }
    return [
        example_record(9.0 / workers, {"workload": "rnn", "backend": backend, "workers": workers}, study=about)
        for backend, workers in (("serial", 1), ("fabric-ddp", 2))
    ]


def _measured() -> list[Record]:
    """Two cells in two repeats with all that workers, resources and history can hold, a failed and a skipped run."""
    found = []
    for repeat in (0, 1):
        for backend, workers in (("serial", 1), ("ddp", 2)):
            found.append(
                example_record(
                    10 / workers + repeat / 10,
                    {"backend": backend, "workers": workers, "repeat": repeat},
                    id=f"{backend}{repeat}",
                    per_worker=tuple(_worker(rank) for rank in range(workers)),
                    resources={
                        "cpu_s": 9.0,
                        "cpu_percent": 90.0,
                        "peak_pss_bytes": 10**8,
                        "load_1m_before": 0.1,
                        "samples": [[0.1, 0.1, 1e8], [0.2, 0.2, 2e8]],
                    },
                    resolved={
                        "rows_per_epoch": 4096,
                        "steps_per_epoch": 64,
                        "parameter_bytes": 8000,
                        "usage": [{"after": "load", "cpu_s": 1.0, "pss_bytes": 10}],
                        "yardstick": "1",
                    },
                    quality={
                        "accuracy": 0.9,
                        "confusion_matrix": [[5, 1], [0, 4]],
                        "classification_report": {"0": {"precision": 1.0}},
                        "roc_auc": 0.9,
                    },
                    history=tuple({"epoch": epoch, "loss": 1 / epoch, "accuracy": 0.5, "elapsed_s": epoch} for epoch in (1, 2)),
                )
            )
    failed = example_record(1.0, {"backend": "ray"}, status="failed", reason="killed", phases={}, wall_s=None, quality={}, id="f")
    skipped = example_record(
        1.0, {"backend": "dask"}, status="skipped", reason="no dask", phases={}, wall_s=None, quality={}, id="s"
    )
    return [*found, failed, skipped]


def _lines(records: Sequence[Record]) -> bytes:
    return "".join(record.to_json() + "\n" for record in records).encode()


@cache
def records() -> list[bytes]:
    """Files of `manyhands run`: networks, a study, an exchange; with a byte-order mark, and with a last line that was cut."""
    exchange = [example_exchange("ddp", workers, {1024: [0.1, 0.2], 4096: [0.3, 0.3]}) for workers in (2, 4)]
    first = _lines(_measured())
    return [first, _lines(study_records()), _lines(exchange), b"\xef\xbb\xbf" + _lines(example_records(repeats=1)), first[:-90]]


@cache
def short_records() -> list[bytes]:
    """The first two lines of each file of records."""
    return [*(b"".join(content.splitlines(keepends=True)[:2]) for content in records()[:-1]), records()[0].splitlines()[0][:-90]]


@cache
def reports() -> list[bytes]:
    """The JSON of a report, a file of pytest-benchmark, and one record."""
    from manyhands.report.csv_and_json import to_json

    found = example_records(repeats=1)
    values = [json.loads(record.to_json()) for record in found]
    return [
        to_json(found).encode(),
        json.dumps({"benchmarks": [{"extra_info": {"records": values}}]}).encode(),
        json.dumps(values[0]).encode(),
    ]


@cache
def studies() -> list[bytes]:
    """The studies of manyhands."""
    return [path.read_bytes() for path in sorted(files("manyhands.studies").iterdir(), key=str) if path.name.endswith(".toml")]


@cache
def models() -> list[bytes]:
    """A saved network, and models whose fields have other values."""
    import torch

    from manyhands.workloads._model_file import pack
    from manyhands.workloads.cnn import Cnn

    torch.manual_seed(0)
    workload = Cnn(channels=1, hidden=4)
    found = [pack(workload, workload.model())]
    for values in (
        {"format": 1, "workload": "cnn", "settings": {}, "state_dict": {}},
        {"format": 1, "workload": "cnn", "settings": [1], "state_dict": [2]},
        {"format": 1, "workload": "cnn", "settings": {"dropout": "x"}, "state_dict": {"0.weight": 3}},
        [1],
    ):
        stream = io.BytesIO()
        torch.save(values, stream)
        found.append(stream.getvalue())
    return found


@cache
def launches() -> list[bytes]:
    """What `calibrate --out` writes."""
    from manyhands.analysis.verdicts.metrics import Sample
    from manyhands.commits.calibration import Pool, Trial

    samples = [
        Sample(
            {"cpu": 1.0 + number / 50, "memory": 1e8}, (1.0, 1.1 + number / 50), 0.1, 0.0, 3.0, (0.1, 0.1, 0.1), "1 torch 2", ""
        )
        for number in range(12)
    ]
    trials = [Trial(0.1, 60.0, {"time": "worse"}, {"time": 1.1}, {"time": 6}), Trial(0.0, 1.0, {}, {}, {}, "it broke")]
    pool = Pool({"cpu_model": "made-up", "cores": 2}, "abc", "cnn on serial x 1", samples, trials)
    return [json.dumps(asdict(pool) | {"rates": None}).encode()]


@cache
def rates() -> list[bytes]:
    """The error rates of a machine."""
    from manyhands.analysis.verdicts.error_rates import ErrorRates, Scenario
    from manyhands.analysis.verdicts.sequential import Budget

    budget = Budget()
    scenarios = tuple(
        Scenario("time", injected, False, {"worse": 5, "same": 95}, 60.0, 6.0, {"120": 5, "900": 90})
        for injected in (0.0, 0.05, 0.1)
    )
    found = ErrorRates(
        {"cpu_model": "made-up", "cores": 2}, "2026-01-01", "abc", "cnn on serial x 1", 12, budget, 900.0, scenarios
    )
    return [json.dumps(asdict(found)).encode()]


@cache
def pages() -> list[bytes]:
    """A page of a study with a text by people."""
    from manyhands.report.markdown import to_markdown
    from manyhands.report.study.markdown import NOTHING

    return [to_markdown(study_records()).replace(NOTHING, "Two is *more* than one.").encode()]

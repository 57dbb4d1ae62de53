"""How fast a bucket is read, over loopback from a server that does nothing but send: our reading beside each library alone.

`alone` is the shortest code of the library itself; `ours` is `open_store(...).read`, with retries, checks and counting. `cold` is
what a fresh process does from the import of the library on, as each worker of a run does it once; `warm` is a later read on the
open connection. The default reader is the one that is fastest cold.

    pytest benchmarks/pytest_suite/test_store.py --benchmark-only --benchmark-group-by=group -rP
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from statistics import median
from typing import Any

import pytest

from manyhands.data.store.base import Store
from manyhands.data.store.multipart_files import Span, find_files, read_files
from manyhands.data.store.opening import open_store
from manyhands.measure.phases import now
from manyhands.plan import READERS

SERVER = Path(__file__).parents[2] / "tests" / "servers" / "plain_store.py"
SIZE = 60_000 * 784 + 16
"""Bytes of MNIST's training images, decompressed."""
PARTS = 8
DELAY_S = 0.05
ROUNDS = 15
PAIRS = 5


@contextmanager
def served(file: Path, delay_s: float) -> Iterator[str]:
    """The address of a store of its own process."""
    command = [sys.executable, str(SERVER), str(file), str(PARTS), str(delay_s)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout
        assert process.stdin
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
        process.stdin.close()


@pytest.fixture(scope="module")
def blob(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("store") / "blob"
    path.write_bytes(os.urandom(SIZE))
    return path


@pytest.fixture(scope="module")
def endpoint(blob: Path) -> Iterator[str]:
    with served(blob, 0.0) as address:
        yield address


@pytest.fixture(autouse=True)
def _variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("AWS_PROFILE", "AWS_CA_BUNDLE", "AWS_ENDPOINT_URL_S3"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"AWS_ACCESS_KEY_ID": "made", "AWS_SECRET_ACCESS_KEY": "up", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"needs {request.param}: pip install 'manyhands[s3]'")
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    return str(request.param)


def alone(reader: str, endpoint: str) -> Callable[[], Any]:
    """The shortest code that reads the whole object with one library."""
    if reader == "boto3":
        import boto3

        client = boto3.client("s3", endpoint_url=endpoint)
        return lambda: client.get_object(Bucket="benchmark", Key="whole")["Body"].read()
    if reader == "obstore":
        import obstore
        from obstore.store import S3Store

        store = S3Store("benchmark", endpoint=endpoint, client_options={"allow_http": True}, virtual_hosted_style_request=False)
        return lambda: obstore.get(store, "whole").bytes()
    from s3torchconnector import S3ClientConfig, S3MapDataset

    place = "s3://benchmark/whole"
    path_style = S3ClientConfig(force_path_style=True)
    dataset = S3MapDataset.from_prefix(place, region="us-east-1", endpoint=endpoint, s3client_config=path_style)
    return lambda: dataset[0].read()


@pytest.mark.benchmark(group="47 MB object, warm")
def test_library_alone(benchmark: Any, reader: str, endpoint: str) -> None:
    assert len(benchmark.pedantic(alone(reader, endpoint), rounds=ROUNDS, warmup_rounds=2)) == SIZE


@pytest.mark.benchmark(group="47 MB object, warm")
def test_ours(benchmark: Any, reader: str) -> None:
    store = open_store("s3://benchmark", reader)
    assert len(benchmark.pedantic(store.read, ("whole",), rounds=ROUNDS, warmup_rounds=2)) == SIZE


@pytest.mark.benchmark(group="47 MB object, our default beside the libraries alone, in turns")
def test_ours_beside_the_fastest(benchmark: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Target: at least as fast as the fastest library alone. Shown as the ratio of medians and of the best of each."""
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    readers: dict[str, Callable[[], Any]] = {name: alone(name, endpoint) for name in READERS if find_spec(name)}
    store = open_store("s3://benchmark")
    readers["ours"] = lambda: store.read("whole")
    spent: dict[str, list[float]] = {name: [] for name in readers}

    def turn() -> None:
        order = list(readers) if len(spent["ours"]) % 2 else list(reversed(readers))
        for name in order:
            began = now()
            assert len(readers[name]()) == SIZE
            spent[name].append(now() - began)

    benchmark.pedantic(turn, rounds=ROUNDS, warmup_rounds=2)
    medians = {name: median(values) for name, values in spent.items()}
    best = {name: min(values) for name, values in spent.items()}
    others = [name for name in readers if name != "ours"]
    ratio = medians["ours"] / min(medians[name] for name in others)
    ratio_of_best = best["ours"] / min(best[name] for name in others)
    benchmark.extra_info |= {"ratio": ratio, "ratio_of_best": ratio_of_best, "median_s": medians, "best_s": best}
    print(f"\nours / fastest alone: medians {ratio:.2f}, best of each {ratio_of_best:.2f}")
    print("; ".join(f"{name} median {1000 * medians[name]:.0f} ms, best {1000 * best[name]:.0f} ms" for name in readers))


@pytest.mark.benchmark(group="47 MB object, cold: fresh processes in turns")
def test_cold_beside_the_fastest(benchmark: Any, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """What a worker of a run does, once: import, client, connection, read. Target: as fast as the fastest library alone.

    Without the start of Python and of torch, which a run has imported anyway.
    """
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    spent: dict[str, list[float]] = {name: [] for name in ("ours", *(name for name in READERS if find_spec(name)))}
    second: dict[str, list[float]] = {name: [] for name in spent}

    def turn() -> None:
        for name in list(spent) if len(spent["ours"]) % 2 else list(reversed(spent)):
            words = [sys.executable, __file__, name, endpoint]
            cold_s, warm_s = subprocess.run(words, check=True, capture_output=True, text=True).stdout.split()
            spent[name].append(float(cold_s))
            second[name].append(float(warm_s))

    benchmark.pedantic(turn, rounds=PAIRS)
    cold = {name: median(values) for name, values in spent.items()}
    warm = {name: median(values) for name, values in second.items()}
    ratio = cold.pop("ours") / min(cold.values())
    benchmark.extra_info |= {"ratio": ratio, "fetch_cold_s": spent, "fetch_warm_s": second}
    print(f"\ncold: ours / fastest alone {ratio:.2f}")
    print("; ".join(f"{name} cold {1000 * median(spent[name]):.0f} ms, second read {1000 * warm[name]:.0f} ms" for name in spent))


@pytest.mark.benchmark(group=f"{PARTS} parts, {1000 * DELAY_S:.0f} ms a request")
def test_parts_at_the_same_time(benchmark: Any, reader: str, blob: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Target: at least 1.5 x faster than one after the other."""
    with served(blob, DELAY_S) as slow:
        monkeypatch.setenv("AWS_ENDPOINT_URL", slow)
        store = open_store("s3://benchmark", reader)
        file = find_files(store, ["parts"])["parts"]
        apart_s = [timed(lambda: [store.read(part.name) for part in file.parts]) for _ in range(PAIRS)]
        contents = benchmark.pedantic(read_files, (store, [file]), rounds=PAIRS, warmup_rounds=1)[0]
    assert b"".join(contents) == blob.read_bytes()
    together_s = benchmark.stats.stats.median
    benchmark.extra_info |= {"one_after_the_other_s": apart_s, "ratio": median(apart_s) / together_s}
    print(
        f"\n{reader}: one after the other {median(apart_s):.3f} s, together {together_s:.3f} s: {median(apart_s) / together_s:.2f} x"
    )


@pytest.mark.benchmark(group="a worker's share")
@pytest.mark.parametrize("workers", [1, 8])
def test_a_share_is_a_byte_range(benchmark: Any, endpoint: str, workers: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    store: Store = open_store("s3://benchmark")
    span = Span("whole", 16, 16 + (SIZE - 16) // workers)
    assert (
        len(benchmark.pedantic(store.read, (span.name, span.start, span.stop), rounds=ROUNDS, warmup_rounds=1))
        == (SIZE - 16) // workers
    )


def timed(call: Callable[[], Any]) -> float:
    """Seconds that a call takes."""
    began = now()
    call()
    return now() - began


def main(name: str, endpoint: str) -> None:
    """Prints the seconds of the first and of the second read, in this fresh process."""
    import numpy as np
    import torch

    assert np.__version__
    assert torch.__version__
    began = now()
    if name == "ours":
        store = open_store("s3://benchmark")
        read: Callable[[], Any] = lambda: store.read("whole")  # noqa: E731
    else:
        read = alone(name, endpoint)
    read()
    first = now()
    read()
    print(first - began, now() - first)


if __name__ == "__main__":
    main(*sys.argv[1:])

"""A bucket read by each library, against a server that speaks S3; with faults put in between by a proxy."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import pytest
from object_store import KEY_ID, SECRET, Bucket, Proxy

from manyhands.data.store.base import Entry, Store
from manyhands.data.store.bucket import BucketStore
from manyhands.data.store.location import locate
from manyhands.data.store.opening import open_store
from manyhands.data.store.retries import RetryPolicy
from manyhands.errors import DataError, Unavailable, UsageError
from manyhands.plan import READERS

QUICK = RetryPolicy(tries=3, first_wait_s=0.01, connect_s=2, answer_s=2)
CONTENT = bytes(range(256)) * 40

Open = Callable[..., Store]


@pytest.fixture(params=READERS)
def reader(request: pytest.FixtureRequest) -> str:
    if find_spec(request.param) is None:
        pytest.skip(f"needs {request.param}: pip install 'manyhands[s3]'")
    return str(request.param)


@pytest.fixture
def reported() -> list[str]:
    return []


@pytest.fixture
def opened(reader: str, reported: list[str]) -> Open:
    def open_it(place: str, retries: RetryPolicy = QUICK) -> Store:
        return open_store(place, reader, retries, reported.append)

    return open_it


def test_the_client_is_that_of_the_library_asked_for(bucket: Bucket, reader: str, opened: Open) -> None:
    store = opened(bucket.place)
    assert isinstance(store, BucketStore)
    store.listing()
    assert type(store.reader).__module__.endswith({"s3torchconnector": "s3_torch"}.get(reader, f"s3_{reader}"))


def test_lists_reads_and_counts(bucket: Bucket, opened: Open) -> None:
    bucket.put("set/b", b"bb")
    bucket.put("set/a", CONTENT)
    bucket.put("settled/c", b"another prefix")
    store = opened(f"{bucket.place}/set")
    assert store.listing() == [Entry("a", len(CONTENT)), Entry("b", 2)]
    assert store.sizes(["b", "c"]) == {"b": 2}
    assert bytes(store.read("a")) == CONTENT
    assert bytes(store.read("a", 10, 300)) == CONTENT[10:300]
    assert store.bytes_moved == len(CONTENT) + 290
    assert store.source == f"{bucket.place}/set at {bucket.endpoint}"


def test_the_location_itself_can_be_the_object(bucket: Bucket, opened: Open) -> None:
    bucket.put("model.pt", CONTENT)
    assert bytes(opened(f"{bucket.place}/model.pt").read()) == CONTENT


def test_writes_and_deletes(bucket: Bucket, opened: Open) -> None:
    store = opened(f"{bucket.place}/models/m.pt")
    store.write(memoryview(b"weights"))
    assert bucket.content("models/m.pt") == b"weights"
    store.delete()
    store.delete()
    assert bucket.all_keys() == []


def test_marks_of_folders_are_no_data(bucket: Bucket, opened: Open) -> None:
    for key in ("set/", "set/empty/", "set/a/xl.meta", "set/_SUCCESS", "set/b_$folder$"):
        bucket.put(key, b"" if key.endswith("/") else b"x")
    bucket.put("set/data", b"d")
    entries = opened(f"{bucket.place}/set").listing()
    assert [entry.name for entry in entries if entry.is_data] == ["data"]


@pytest.mark.slow
def test_more_objects_than_a_page_are_listed(bucket: Bucket, opened: Open) -> None:
    with ThreadPoolExecutor(8) as threads:
        list(threads.map(lambda number: bucket.put(f"many/{number:04d}", b"x"), range(1005)))
    assert len(opened(f"{bucket.place}/many").listing()) == 1005


@pytest.mark.parametrize("ask", [lambda store: store.listing(), lambda store: store.read("x")], ids=["list", "read"])
def test_no_such_bucket(bucket: Bucket, opened: Open, reported: list[str], ask: Callable[[Store], object]) -> None:
    with pytest.raises(DataError) as error:
        ask(opened(f"{bucket.place}-none"))
    assert str(error.value).startswith(f"no bucket '{bucket.name}-none' at {bucket.endpoint}; check the name")
    assert reported == []


def test_no_such_key(bucket: Bucket, opened: Open, reported: list[str]) -> None:
    with pytest.raises(DataError, match=f"no object {bucket.place}/nothing at .*; 'manyhands data ls"):
        opened(bucket.place).read("nothing")
    assert reported == []


@pytest.fixture
def wrong_credentials(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """The store looks at credentials, and those of the environment are not among its own."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)


def _demand_credentials(endpoint: str, after: str) -> None:
    import urllib.request

    request = urllib.request.Request(
        f"{endpoint}/moto-api/reset-auth", data=after.encode(), headers={"Content-Type": "text/plain"}, method="POST"
    )
    urllib.request.urlopen(request).close()


@pytest.mark.usefixtures("wrong_credentials")
def test_wrong_credentials_are_reported_and_not_repeated(bucket: Bucket, opened: Open, reported: list[str]) -> None:
    bucket.put("x", b"x")
    if bucket.is_moto:
        _demand_credentials(bucket.endpoint, "0")
    try:
        with pytest.raises(DataError) as error:
            opened(bucket.place).listing()  # moto fails over addresses that are signed while it looks at credentials
        with pytest.raises(DataError) as writing:
            opened(bucket.place).write(b"x", "y")
    finally:
        if bucket.is_moto:
            _demand_credentials(bucket.endpoint, "inf")
    for text in (str(error.value), str(writing.value)):
        assert "denies access" in text
        assert "check AWS_ACCESS_KEY_ID" in text
        assert "\n" not in text
        assert KEY_ID not in text
        assert SECRET not in text
    assert reported == []


def test_no_credentials_at_all(bucket: Bucket, opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    with pytest.raises(
        DataError, match=r"no credentials for .*; set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or AWS_PROFILE"
    ):
        opened(bucket.place).listing()


def test_credentials_of_a_profile(bucket: Bucket, opened: Open, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    import os

    profile = f"[tests]\naws_access_key_id = {os.environ['AWS_ACCESS_KEY_ID']}\naws_secret_access_key = {os.environ['AWS_SECRET_ACCESS_KEY']}\n"
    (tmp_path / "credentials").write_text(profile)
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "none"))
    monkeypatch.setenv("AWS_PROFILE", "tests")
    bucket.put("x", b"by profile")
    assert bytes(opened(bucket.place).read("x")) == b"by profile"


def test_an_endpoint_that_refuses_is_tried_again(
    bucket: Bucket, opened: Open, reported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(bucket.endpoint) as proxy:
        gone = proxy.address
    monkeypatch.setenv("AWS_ENDPOINT_URL", gone)
    with pytest.raises(DataError, match=rf"no connection to {gone} for .*, 3 tries in .*AWS_ENDPOINT_URL"):
        opened(bucket.place, RetryPolicy(tries=3, first_wait_s=0.01, connect_s=30, answer_s=30)).listing()
    assert len(reported) == 2


def test_an_endpoint_that_hangs_is_given_up(
    bucket: Bucket, opened: Open, reported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    with Proxy(bucket.endpoint, hang=True) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = opened(bucket.place, RetryPolicy(tries=2, first_wait_s=0.01, connect_s=1, answer_s=1))
        began = perf_counter()
        with pytest.raises(DataError, match=r"did not answer in time for .*, 2 tries in"):
            store.listing()
        assert perf_counter() - began < 15
    assert len(reported) == 1


def test_a_connection_cut_in_the_middle_is_read_again(
    bucket: Bucket, reader: str, opened: Open, reported: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bucket.put("set/images", CONTENT)
    with Proxy(bucket.endpoint, only=b"/set/images", cut_after=3000, times=1) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = opened(f"{bucket.place}/set")
        assert bytes(store.read("images")) == CONTENT
        assert store.bytes_moved == len(CONTENT)
    assert proxy.seen >= 2
    if reader == "s3torchconnector":  # asks again by itself, and says nothing
        assert reported == []
    else:
        assert [line.partition(" from")[0] for line in reported] == [f"{bucket.place}/set/images did not arrive whole"]


@pytest.mark.parametrize("span", [(0, None), (100, 9000)])
def test_a_connection_that_is_always_cut_is_given_up(
    bucket: Bucket, opened: Open, monkeypatch: pytest.MonkeyPatch, span: tuple[int, int | None]
) -> None:
    bucket.put("set/images", CONTENT)
    with Proxy(bucket.endpoint, only=b"/set/images", cut_after=3000) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        # s3torchconnector asks again by itself, and may still be at it when its time is up
        with pytest.raises(
            DataError, match=r"set/images did not arrive whole from .*, 3 tries|did not answer in time for .*, 3 tries"
        ):
            opened(f"{bucket.place}/set").read("images", *span)


def test_a_range_beyond_the_end_is_an_error(bucket: Bucket, opened: Open) -> None:
    bucket.put("x", b"short")
    with pytest.raises(DataError):
        opened(bucket.place).read("x", 2, 10)


def test_a_missing_bucket_is_made_for_writing_in_a_store_of_ones_own(bucket: Bucket, opened: Open, reported: list[str]) -> None:
    store = opened(f"{bucket.place}-models/m.pt")
    store.prepare_writing()
    store.prepare_writing()
    store.write(b"weights")
    store.delete()
    bucket.raw.delete_bucket(Bucket=f"{bucket.name}-models")
    assert reported == [f"made the bucket {bucket.name}-models at {bucket.endpoint}"]


def test_a_server_that_is_no_store(web: str, opened: Open, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", web)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    with pytest.raises(DataError) as error:
        opened("s3://data/x").listing()
    assert SECRET not in str(error.value)


def test_a_reader_that_is_not_installed_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.machine.find_spec", lambda name: None)
    with pytest.raises(Unavailable, match=r"a bucket needs obstore and boto3: pip install 'manyhands\[s3\]'"):
        open_store("s3://data")


def test_an_unknown_reader_is_refused() -> None:
    with pytest.raises(UsageError, match="unknown reader 's3fs'; known: boto3, obstore, s3torchconnector"):
        open_store("s3://data", "s3fs")


def test_opening_asks_nothing() -> None:
    pytest.importorskip("obstore", reason="needs obstore: pip install 'manyhands[s3]'")
    assert open_store("s3://data", READERS[0]).location == locate("s3://data")

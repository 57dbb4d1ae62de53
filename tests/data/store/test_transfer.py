"""Whole files to and from a bucket: names, checksums, and that nothing half is left."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from object_store import Bucket, Proxy

from manyhands.data.store.bucket import BucketStore
from manyhands.data.store.retries import RetryPolicy
from manyhands.data.store.transfer import Upload, get, objects, open_bucket, put, targets, uploads
from manyhands.errors import DataError, UsageError

QUICK = RetryPolicy(tries=2, first_wait_s=0.01, connect_s=2, answer_s=2)
CONTENT = bytes(range(256)) * 4000


def ignore(_: object) -> None:
    pass


def opened(place: str) -> BucketStore:
    return open_bucket(place, QUICK, ignore)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ("a", "sub/b", ".hidden", ".git/config"):
        path = tmp_path / "from" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(name.encode())
    return tmp_path / "from"


def test_files_of_a_folder_keep_their_names_below_it(folder: Path) -> None:
    assert [upload.name for upload in uploads([folder], "s3://data/x")] == ["a", "sub/b"]


def test_one_file_takes_the_name_of_the_place_unless_it_ends_in_a_slash(folder: Path) -> None:
    assert uploads([folder / "a"], "s3://data/x")[0].name == ""
    assert uploads([folder / "a"], "s3://data/x/")[0].name == "a"
    assert uploads([folder / "a"], "s3://data")[0].name == "a"
    assert [upload.name for upload in uploads([folder / "a", folder / "sub/b"], "s3://data/x")] == ["a", "b"]


def test_what_is_not_there_cannot_be_put(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no file or folder"):
        uploads([tmp_path / "none"], "s3://data")
    with pytest.raises(DataError, match="no files in"):
        uploads([tmp_path], "s3://data")
    with pytest.raises(UsageError, match="is not a bucket"):
        open_bucket("http://host/x", QUICK, ignore)


def test_there_and_back(bucket: Bucket, folder: Path, tmp_path: Path) -> None:
    (folder / "a").write_bytes(CONTENT)
    store = opened(f"{bucket.place}/set")
    moved: list[int] = []
    for upload in uploads([folder], store.location.of("")):
        digest = put(store, upload, moved.append)
        assert digest == hashlib.sha256(upload.path.read_bytes()).hexdigest()
    assert sum(moved) == len(CONTENT) + 5
    assert bucket.all_keys() == ["set/a", "set/sub/b"]
    entries = objects(store)
    places = targets(store, entries, tmp_path / "to")
    moved.clear()
    assert [get(store, entry.name, place, moved.append) for entry, place in places.items()] == ["sha256", "sha256"]
    assert sum(moved) == len(CONTENT) + 5
    assert (tmp_path / "to/a").read_bytes() == CONTENT
    assert (tmp_path / "to/sub/b").read_bytes() == b"sub/b"


def test_one_object_goes_under_its_own_name(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("set/model.pt", CONTENT)
    store = opened(f"{bucket.place}/set/model.pt")
    places = targets(store, objects(store), tmp_path)
    assert list(places.values()) == [tmp_path / "model.pt"]
    assert get(store, "", tmp_path / "model.pt", ignore) == "md5"
    assert (tmp_path / "model.pt").read_bytes() == CONTENT


@pytest.mark.parametrize("wrong", ["sha256", "md5"])
def test_an_object_that_is_not_what_was_put_is_not_kept(bucket: Bucket, tmp_path: Path, wrong: str) -> None:
    store = opened(bucket.place)
    if wrong == "sha256":
        bucket.raw.put_object(Bucket=bucket.name, Key="x", Body=b"changed", Metadata={"sha256": "0" * 64})
    else:
        bucket.put("x", b"as put")
        real = store.owner.raw.get_object

        class Changed:
            def get_object(self, **about: str) -> dict[str, object]:
                return real(**about) | {"ETag": f'"{"0" * 32}"'}

        store.owner.raw = Changed()
    with pytest.raises(DataError, match=f"its {wrong} is not 0000"):
        get(store, "x", tmp_path / "x", ignore)
    assert list(tmp_path.iterdir()) == []


def test_a_connection_that_is_cut_leaves_what_was_there(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    bucket.put("x", CONTENT)
    (tmp_path / "x").write_bytes(b"older")
    reported: list[str] = []
    moved: list[int] = []
    with Proxy(bucket.endpoint, only=b"/x", cut_after=100_000) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        with pytest.raises(DataError, match=r"x did not arrive whole from .*, 2 tries"):
            get(open_bucket(bucket.place, QUICK, reported.append), "x", tmp_path / "x", moved.append)
    assert (tmp_path / "x").read_bytes() == b"older"
    assert [path.name for path in tmp_path.iterdir()] == ["x"]
    assert len(reported) == 1
    assert sum(moved) == 0


def test_an_interrupted_download_leaves_nothing(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("x", CONTENT)

    def interrupt(size: int) -> None:
        if size > 0:
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        get(opened(bucket.place), "x", tmp_path / "x", interrupt)
    assert list(tmp_path.iterdir()) == []


def test_an_interrupted_upload_leaves_nothing(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "x").write_bytes(CONTENT)
    with Proxy(bucket.endpoint, hang=True) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        with pytest.raises(DataError, match=r"did not answer in time|did not arrive whole"):
            put(opened(bucket.place), Upload(tmp_path / "x", "x"), ignore)
    assert bucket.all_keys() == []


def test_a_key_that_leads_out_stops_everything_before_it_starts(bucket: Bucket, tmp_path: Path) -> None:
    bucket.put("set/a", b"a")
    bucket.put("set/../../escaped", b"out")
    store = opened(f"{bucket.place}/set")
    if not any(".." in key for key in bucket.all_keys()):
        pytest.skip("this store takes no key with ..")
    with pytest.raises(DataError, match="would not stay below"):
        targets(store, objects(store), tmp_path / "to")
    assert not (tmp_path / "to").exists()


def test_a_large_file_goes_up_in_pieces(bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("manyhands.data.store.transfer.PIECE_BYTES", 5 << 20)
    content = CONTENT * 11
    (tmp_path / "x").write_bytes(content)
    store = opened(bucket.place)
    put(store, Upload(tmp_path / "x", "x"), ignore)
    assert store.owner.details("x")["ETag"].endswith('-3"')
    assert get(store, "x", tmp_path / "back", ignore) == "sha256"
    assert (tmp_path / "back").read_bytes() == content

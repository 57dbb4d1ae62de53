"""Files in parts: found, put in order, checked for gaps, and read at the same time."""

from __future__ import annotations

from pathlib import Path
from time import perf_counter

import pytest
from object_store import Bucket, Proxy

from manyhands.data.store.base import Store
from manyhands.data.store.multipart_files import (
    Span,
    StoredFile,
    download,
    files_below,
    find_files,
    part_spans,
    read_files,
    read_spans,
)
from manyhands.data.store.opening import open_store
from manyhands.errors import DataError


def stored(folder: Path, **files: bytes) -> Store:
    """A local store; `a__b` is the file `a/b`."""
    for name, content in files.items():
        path = folder / name.replace("__", "/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return open_store(str(folder))


def test_parts_are_joined_in_order_of_their_keys_and_bookkeeping_is_passed_over(tmp_path: Path) -> None:
    store = stored(tmp_path, set__01=b"bc", set__00=b"a", whole=b"w")
    (tmp_path / "set" / "xl.meta").write_bytes(b"never read")
    (tmp_path / "set" / "empty").touch()
    found = find_files(store, ["whole", "set", "none"])
    assert sorted(found) == ["set", "whole"]
    assert [part.name for part in found["set"].parts] == ["set/00", "set/01"]
    assert found["set"].size == 3
    assert [[bytes(part) for part in file] for file in read_files(store, [found["set"], found["whole"]])] == [
        [b"a", b"bc"],
        [b"w"],
    ]


@pytest.mark.parametrize(
    ("numbers", "missing"),
    [
        (["0", "1", "3"], "2"),
        (["00", "02"], "01"),
        (["1", "10", "2"], "2"),
        (["3", "4"], "1"),
        (["000", "001", "002", "004"], "003"),
    ],
)
def test_a_gap_in_the_numbers_is_reported(tmp_path: Path, numbers: list[str], missing: str) -> None:
    store = stored(tmp_path, **{f"set__part-{number}": b"x" for number in numbers})
    with pytest.raises(DataError, match=f"part set/part-{missing} is missing"):
        find_files(store, ["set"])


@pytest.mark.parametrize("names", [["part-1", "part-2"], ["part-0", "part-1"], ["a", "b"], ["x1y", "z5"], ["p"]])
def test_names_without_a_gap_are_fine(tmp_path: Path, names: list[str]) -> None:
    assert "set" in find_files(stored(tmp_path, **{f"set__{name}": b"x" for name in names}), ["set"])


def test_a_byte_range_over_parts(tmp_path: Path) -> None:
    store = stored(tmp_path, set__0=b"abc", set__1=b"def", set__2=b"gh")
    file = find_files(store, ["set"])["set"]
    for start in range(8):
        for stop in range(start + 1, 9):
            spans = part_spans(file, start, stop)
            assert b"".join(read_spans(store, spans)) == b"abcdefgh"[start:stop]
    assert part_spans(file, 0, 3) == [Span("set/0", 0, 3)]


def test_a_download_has_the_parts_joined(tmp_path: Path) -> None:
    store = stored(tmp_path / "from", set__a__0=b"abc", set__a__1=b"def", set__b=b"b", other=b"o")
    files = [find_files(store, ["set/a"])["set/a"], StoredFile("set/b", (next(e for e in store.listing() if e.name == "set/b"),))]
    download(store, files, tmp_path / "to")
    assert (tmp_path / "to/set/a").read_bytes() == b"abcdef"
    assert (tmp_path / "to/set/b").read_bytes() == b"b"
    assert not (tmp_path / "to/other").exists()


def test_a_folder_of_the_sets_name_goes_before_all_files(tmp_path: Path) -> None:
    store = stored(tmp_path, mnist__a=b"a", other=b"o")
    assert [file.name for file in files_below(store, "mnist")] == ["mnist/a"]
    assert [file.name for file in files_below(store, "none")] == ["mnist/a", "other"]
    (tmp_path / "empty").mkdir()
    with pytest.raises(DataError, match="nothing at"):
        files_below(open_store(str(tmp_path / "empty")), "none")


def test_parts_of_a_bucket_are_read_at_the_same_time(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    """Eight parts from a server that takes 0.2 s for each answer: one after the other would take eight times as long as one."""
    pytest.importorskip("obstore")
    for number in range(8):
        bucket.put(f"set/{number}", bytes([number]) * 1000)
    with Proxy(bucket.endpoint, delay_s=0.2) as proxy:
        monkeypatch.setenv("AWS_ENDPOINT_URL", proxy.address)
        store = open_store(bucket.place)
        file, alone = find_files(store, ["set"])["set"], find_files(store, ["set/0"])["set/0"]
        began = perf_counter()
        read_files(store, [alone])
        one_s = perf_counter() - began
        began = perf_counter()
        contents = read_files(store, [file])[0]
        spent_s = perf_counter() - began
    assert b"".join(contents) == b"".join(bytes([number]) * 1000 for number in range(8))
    assert spent_s < 5 * one_s


def test_the_first_failure_of_several_reads_is_reported(tmp_path: Path) -> None:
    store = stored(tmp_path, a=b"a")
    with pytest.raises(DataError, match=r"no file .*/b"):
        read_spans(store, [Span("a"), Span("b"), *[Span("a")] * 20])

"""`manyhands data put | get | ls | rm | fetch`, as typed."""

from __future__ import annotations

from pathlib import Path

import pytest
from object_store import KEY_ID, SECRET, Bucket

from manyhands.cli import main

MNIST = "train-images-idx3-ubyte.gz"


@pytest.fixture
def files(tmp_path: Path) -> Path:
    folder = tmp_path / "files"
    (folder / "sub").mkdir(parents=True)
    (folder / "a").write_bytes(b"a" * 1000)
    (folder / "sub" / "b").write_bytes(b"b")
    return folder


def test_put_ls_get_rm(bucket: Bucket, files: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["data", "put", str(files), f"{bucket.place}/set"]) == 0
    put = capsys.readouterr().out.splitlines()
    assert [line.split()[:2] for line in put] == [["put", f"{bucket.place}/set/a"], ["put", f"{bucket.place}/set/sub/b"]]
    assert main(["data", "ls", f"{bucket.place}/set"]) == 0
    listed = capsys.readouterr().out.splitlines()
    assert [line.split() for line in listed[:2]] == [["1,000", "a"], ["1", "sub/b"]]
    assert listed[2].startswith("2 objects, 1.0 kB at ")
    assert main(["data", "get", f"{bucket.place}/set", str(tmp_path / "back")]) == 0
    assert (tmp_path / "back/a").read_bytes() == b"a" * 1000
    assert capsys.readouterr().out.count("checked by sha256") == 2
    assert main(["data", "rm", f"{bucket.place}/set/a"]) == 0
    assert bucket.all_keys() == ["set/sub/b"]
    assert main(["data", "rm", f"{bucket.place}/set"]) == 2
    assert "add --all" in capsys.readouterr().err
    assert main(["data", "rm", "--all", f"{bucket.place}/set"]) == 0
    assert bucket.all_keys() == []
    assert main(["data", "rm", f"{bucket.place}/set"]) == 2


def test_put_makes_the_bucket_and_says_so(bucket: Bucket, files: Path, capsys: pytest.CaptureFixture[str]) -> None:
    new = f"{bucket.place}-new"
    assert main(["data", "put", str(files / "a"), f"{new}/key"]) == 0
    assert "made the bucket" in capsys.readouterr().err
    assert main(["data", "rm", f"{new}/key"]) == 0
    bucket.raw.delete_bucket(Bucket=f"{bucket.name}-new")


@pytest.mark.parametrize("key", ["../x", "set/../../x", "/x", "a\\..\\x"])
def test_get_never_leaves_its_folder(bucket: Bucket, tmp_path: Path, key: str, capsys: pytest.CaptureFixture[str]) -> None:
    bucket.put(key, b"out")
    if key not in bucket.all_keys():
        pytest.skip("this store takes no such key")
    before = sorted(tmp_path.rglob("*"))
    assert main(["data", "get", bucket.place, str(tmp_path / "to")]) == 2
    assert "would not stay below" in capsys.readouterr().err
    assert sorted(tmp_path.rglob("*")) == before


def test_get_does_not_follow_a_link_out(bucket: Bucket, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    bucket.put("link/x", b"out")
    (tmp_path / "to").mkdir()
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "to" / "link").symlink_to(tmp_path / "elsewhere")
    assert main(["data", "get", bucket.place, str(tmp_path / "to")]) == 2
    assert "would not stay below" in capsys.readouterr().err
    assert list((tmp_path / "elsewhere").iterdir()) == []


def test_names_of_objects_do_not_reach_the_terminal_raw(bucket: Bucket, capsys: pytest.CaptureFixture[str]) -> None:
    bucket.put("a\x1b[31mred", b"x")
    assert main(["data", "ls", bucket.place]) == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize("words", [["ls", "PLACE"], ["get", "PLACE", "to"], ["rm", "PLACE"]])
def test_a_missing_bucket_is_one_line(
    bucket: Bucket, words: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert main(["data", *[f"{bucket.place}-none" if word == "PLACE" else word for word in words]]) == 2
    lines = capsys.readouterr().err.splitlines()
    assert len(lines) == 1
    assert f"no bucket '{bucket.name}-none'" in lines[0]


def test_waits_are_shown_and_credentials_are_not(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    monkeypatch.setenv("AWS_MAX_ATTEMPTS", "2")
    assert main(["data", "ls", bucket.place]) == 2
    error = capsys.readouterr().err
    assert "try 2 of 2 in 0.5 s" in error
    assert SECRET not in error
    assert KEY_ID not in error


def test_fetch_says_what_is_wrong_with_a_mirror(
    web: str, web_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (web_folder / MNIST).write_bytes(b"something else")
    assert main(["data", "fetch", "mnist", "--url", web, "--to", str(tmp_path / "data")]) == 2
    assert f"{MNIST} is another file than the one of sha256 440fcabf73cc" in capsys.readouterr().err
    assert not list((tmp_path / "data").rglob("train*"))
    assert main(["data", "fetch", "cifar"]) == 2


def test_fetch_keeps_what_is_there(
    real: Path, web: str, web_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in real.iterdir():
        (web_folder / path.name).symlink_to(path)
    words = ["data", "fetch", "mnist", "--url", web, "--to", str(tmp_path)]
    assert main(words) == 0
    assert capsys.readouterr().out.count("got ") == 4
    assert main(words) == 0
    assert capsys.readouterr().out.count("it exists already") == 4


@pytest.fixture
def real(real_data: Path) -> Path:
    return real_data / "mnist"

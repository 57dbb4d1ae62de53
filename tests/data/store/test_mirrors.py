"""Published sets: the list in the package, and files that are the right ones or not there."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest
from object_store import Proxy

from manyhands.data.mnist import PARTS
from manyhands.data.store.mirrors import WebFile, fetch_file, is_there, known_set
from manyhands.data.store.retries import RetryPolicy
from manyhands.errors import DataError, UsageError

QUICK = RetryPolicy(tries=2, first_wait_s=0.01, connect_s=1, answer_s=1)
CONTENT = bytes(range(256)) * 5000
FILE = WebFile("x", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def fetch(urls: list[str], target: Path) -> str:
    return fetch_file(FILE, urls, target, QUICK, lambda line: None, lambda size: None)


def test_the_list_in_the_package_names_the_four_files_of_mnist() -> None:
    known = known_set("mnist")
    assert {file.name for file in known.files} == {f"{stem}-ubyte.gz" for stem in PARTS.values()}
    assert all(len(file.sha256) == 64 and file.bytes for file in known.files)
    assert all(url.startswith("https://") for url in known.urls)
    with pytest.raises(UsageError, match="unknown set to fetch 'cifar'; known: mnist"):
        known_set("cifar")


def test_the_list_fits_the_real_files(real_data: Path) -> None:
    known = known_set("mnist")
    assert all(is_there(real_data / "mnist" / file.name, file) for file in known.files)


def test_a_file_with_the_right_checksum_is_kept(web: str, web_folder: Path, tmp_path: Path) -> None:
    (web_folder / "x").write_bytes(CONTENT)
    target = tmp_path / "to" / "x"
    assert not is_there(target, FILE)
    assert fetch([web], target) == web
    assert target.read_bytes() == CONTENT
    assert is_there(target, FILE)


@pytest.mark.parametrize("served", [b"other" * 10, CONTENT[:-1], CONTENT + b"x", b"x" * len(CONTENT)])
def test_another_file_is_not_kept_and_the_next_mirror_is_asked(web: str, web_folder: Path, tmp_path: Path, served: bytes) -> None:
    (web_folder / "bad").mkdir()
    (web_folder / "bad" / "x").write_bytes(served)
    with pytest.raises(DataError, match="is another file than the one of sha256"):
        fetch([f"{web}/bad"], tmp_path / "to" / "x")
    assert list((tmp_path / "to").iterdir()) == []
    (web_folder / "x").write_bytes(CONTENT)
    assert fetch([f"{web}/bad", f"{web}/none", web], tmp_path / "to" / "x") == web


def test_a_cut_connection_leaves_nothing(web: str, web_folder: Path, tmp_path: Path) -> None:
    (web_folder / "x").write_bytes(CONTENT)
    with Proxy(web, cut_after=100_000) as proxy, pytest.raises(DataError, match=r"did not arrive whole from .*, 2 tries"):
        fetch([proxy.address], tmp_path / "to" / "x")
    assert list((tmp_path / "to").iterdir()) == []


def test_only_web_addresses_are_mirrors(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="is not an http"):
        fetch(["s3://data"], tmp_path / "x")

"""Files behind http: read whole or in part, sized, never listed or written."""

from __future__ import annotations

from pathlib import Path

import pytest
from object_store import Proxy

from manyhands.data.store.opening import open_store
from manyhands.data.store.retries import RetryPolicy
from manyhands.errors import DataError

QUICK = RetryPolicy(tries=2, first_wait_s=0.01, connect_s=1, answer_s=1)
CONTENT = bytes(range(256)) * 40


def test_reads_whole_and_in_part_and_knows_sizes(web: str, web_folder: Path) -> None:
    (web_folder / "a b").mkdir()
    (web_folder / "a b" / "x").write_bytes(CONTENT)
    store = open_store(f"{web}/a b")
    assert store.read("x") == CONTENT
    assert store.read("x", 5, 50) == CONTENT[5:50]
    assert store.sizes(["x", "y"]) == {"x": len(CONTENT)}
    assert store.source == f"{web}/a%20b"


def test_a_missing_file_is_reported(web: str) -> None:
    with pytest.raises(DataError, match=f"no file {web}/none; check the address"):
        open_store(web).read("none")


def test_it_can_only_be_read(web: str) -> None:
    store = open_store(web)
    for act in (store.listing, store.delete, store.prepare_writing, lambda: store.write(b"x", "x")):
        with pytest.raises(DataError, match="http"):
            act()


def test_a_cut_connection_is_tried_again(web: str, web_folder: Path) -> None:
    (web_folder / "x").write_bytes(CONTENT)
    reported: list[str] = []
    with Proxy(web, cut_after=3000, times=1) as proxy:
        assert open_store(proxy.address, retries=QUICK, tell=reported.append).read("x") == CONTENT
    assert len(reported) == 1
    with Proxy(web, cut_after=3000) as proxy, pytest.raises(DataError, match=r"did not arrive whole from .*, 2 tries"):
        open_store(proxy.address, retries=QUICK, tell=reported.append).read("x")


def test_a_server_that_hangs_is_given_up(web: str) -> None:
    with Proxy(web, hang=True) as proxy, pytest.raises(DataError, match="did not answer in time"):
        open_store(proxy.address, retries=QUICK, tell=lambda line: None).read("x")


def test_a_server_that_refuses_is_given_up(web: str) -> None:
    with Proxy(web) as proxy:
        gone = proxy.address
    with pytest.raises(DataError, match=f"no connection to {gone}"):
        open_store(gone, retries=QUICK, tell=lambda line: None).read("x")


def test_a_host_that_does_not_exist_is_reported() -> None:
    with pytest.raises(DataError, match=r"no connection to http://no-such-host.invalid"):
        open_store("http://no-such-host.invalid/x", retries=RetryPolicy(tries=1), tell=lambda line: None).read()

"""The embedded sets: the same bytes each time, whole or absent, and never over somebody's own files."""

from __future__ import annotations

import hashlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from manyhands.data import make
from manyhands.data.mnist import load_mnist
from manyhands.data.points import load_points
from manyhands.data.stocks import load_windows
from manyhands.data.tabular import load_table
from manyhands.errors import DataError, UsageError

LOAD_STOCKS = "from manyhands.data.stocks import load_windows; print(len(load_windows(None).x_train))"
LOAD_MNIST = "from manyhands.data.mnist import load_mnist; load_mnist(None)"


def sha256(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


@pytest.fixture
def empty_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "empty"))
    return tmp_path / "empty"


@pytest.mark.parametrize("name", ["mnist", "points", "stocks", "tabular"])
def test_gives_the_same_bytes_each_time(tmp_path: Path, name: str) -> None:
    made = sha256(make.make_set(name, tmp_path))
    # More points and rows are made on need, beside the default ones.
    assert made.items() <= sha256(make.embedded(name) / name).items()


def test_makes_a_set_on_first_use_only(empty_cache: Path) -> None:
    load_windows(None)
    (made,) = empty_cache.rglob("*.csv")
    before = made.stat()
    load_windows(None)
    assert made.stat() == before
    assert make.cache_dir().parent == empty_cache


def test_keeps_the_cache_where_the_user_keeps_caches(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.delenv("MANYHANDS_CACHE")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert make.cache_dir().parent == tmp_path / "manyhands"


def test_an_interrupted_make_leaves_no_set(empty_cache: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(folder: Path) -> None:
        folder.mkdir(parents=True)
        (folder / "half").touch()
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(make, "_make_stocks", interrupted)
        with pytest.raises(KeyboardInterrupt):
            load_windows(None)
    assert not list(make.cache_dir().iterdir())
    assert len(load_windows(None).symbols) == 8


def test_a_process_killed_half_way_leaves_no_half_set(empty_cache: Path) -> None:
    process = subprocess.Popen([sys.executable, "-c", LOAD_MNIST])
    while process.poll() is None and not list(empty_cache.rglob(".mnist.*")):
        time.sleep(0.005)
    os.kill(process.pid, signal.SIGKILL)
    process.wait()
    assert not (make.cache_dir() / "mnist").exists()
    assert len(load_mnist(None).x_train) == 8192


@pytest.mark.usefixtures("empty_cache")
def test_two_processes_that_start_at_once_both_see_a_whole_set() -> None:
    both = [subprocess.Popen([sys.executable, "-c", LOAD_STOCKS], stdout=subprocess.PIPE) for _ in range(2)]
    printed = [process.communicate()[0] for process in both]
    assert printed == [b"9120\n"] * 2
    assert [path.name for path in make.cache_dir().iterdir()] == ["stocks"]


@pytest.mark.usefixtures("empty_cache")
def test_a_set_that_another_process_made_meanwhile_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    original = make._make_stocks

    def overtaken(folder: Path) -> None:
        original(folder)
        original(make.cache_dir() / "stocks")

    monkeypatch.setattr(make, "_make_stocks", overtaken)
    assert len(load_windows(None).symbols) == 8
    assert [path.name for path in make.cache_dir().iterdir()] == ["stocks"]


@pytest.mark.usefixtures("empty_cache")
def test_making_again_mends_a_damaged_cache() -> None:
    path = make.make_set("stocks") / "simulated_stocks.csv"
    path.write_text("damaged")
    with pytest.raises(DataError, match=r"simulated_stocks\.csv: no column"):
        load_windows(None)
    make.make_set("stocks")
    assert len(load_windows(None).symbols) == 8


def test_never_replaces_a_folder_that_it_was_pointed_at(tmp_path: Path) -> None:
    (tmp_path / "mnist").mkdir()
    (tmp_path / "mnist" / "precious").touch()
    with pytest.raises(DataError, match="already there and may be real data"):
        make.make_set("mnist", tmp_path)
    assert sha256(tmp_path / "mnist").keys() == {"precious"}


def test_says_what_to_do_when_the_cache_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("MANYHANDS_CACHE", str(tmp_path / "file"))
    with pytest.raises(DataError, match="MANYHANDS_CACHE names another cache"):
        load_windows(None)


def test_names_the_sets_that_there_are(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="unknown embedded set 'minst'; known: mnist, points, stocks, tabular"):
        make.make_set("minst", tmp_path)


@pytest.mark.parametrize("load", [load_points, load_table])
def test_more_rows_than_the_disk_holds_are_refused_before_any_is_written(load: Callable[..., object]) -> None:
    load(None, 1000)
    before = sorted(path for path in make.cache_dir().rglob("*"))
    with pytest.raises(
        DataError, match=r"take \d{7,}\.\d GB more in .*, where \d+\.\d GB are free; use fewer --samples, or set MANYHANDS_CACHE"
    ):
        load(None, 10**15)
    assert sorted(path for path in make.cache_dir().rglob("*")) == before

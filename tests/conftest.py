"""What all tests share: a cache of their own, torch where there is one, and a check after each that nothing is left behind."""

from __future__ import annotations

import gc
import os
import re
import shutil
import tempfile
from collections.abc import Generator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from hypothesis import settings
from left_behind import watch
from object_store import bucket, s3_client, s3_endpoint, web, web_folder
from quick_java import make_archive, quick_java

__all__ = ["bucket", "s3_client", "s3_endpoint", "web", "web_folder"]  # fixtures: pytest finds them here
REAL_DATA = os.environ.get("MANYHANDS_DATA")
"""Folder of real data, for the tests that ask for it; all others see none, so that they do the same on every machine."""
SHARED_ENGINES = ("dask", "ray", "spark")
"""Engines that serve several cells of a contract once they are started."""
settings.register_profile("manyhands", deadline=None)  # an example takes longer on a busy machine
settings.load_profile("manyhands")


def pytest_configure(config: pytest.Config) -> None:
    """Each of pytest-xdist's processes has a temporary folder and a lock of its own, so that measured runs do not take turns.

    Runs beside each other disturb each other: no launch of a test is repeated or left out for that, unless the test asks for it.
    """
    os.environ["MANYHANDS_MAX_LOAD"] = "9"
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        folder = tempfile.mkdtemp(prefix=f"{worker}-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        os.environ["TMPDIR"] = tempfile.tempdir = folder
        os.environ["MANYHANDS_LOCK"] = str(Path(folder) / "lock")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Skips tests that start engines where torch is missing, as in the torch-free environments of tox; puts files with such tests first."""
    for item in items:
        if item.get_closest_marker("slow") and find_spec("torch") is None:
            item.add_marker(pytest.mark.skip(reason="needs torch: pip install 'manyhands[torch]'"))
    slow = {process_of(item.nodeid) for item in items if item.get_closest_marker("slow")}
    items.sort(key=lambda item: process_of(item.nodeid) not in slow)


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Python's garbage collector never looks at the modules and tests, which stay until the end: each look took longer than most tests."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


def process_of(nodeid: str) -> str:
    """The tests that run in one process under pytest-xdist: those of a file, or those of a contract that share an engine."""
    file, _, test = nodeid.partition("::")
    if not file.endswith("test_contract.py"):
        return file
    words = re.split(r"\W", test.partition("[")[2])
    return f"contract of {next((engine for engine in SHARED_ENGINES if engine in words), 'processes')}"


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """pytest-xdist's own scheduler, with `process_of` in place of the file alone."""
    from xdist.scheduler import LoadScopeScheduling

    class ByProcess(LoadScopeScheduling):
        def _split_scope(self, nodeid: str) -> str:
            return process_of(nodeid)

    return ByProcess(config, log)


@pytest.fixture
def torch() -> Any:
    """The library, for tests of what needs it; they are skipped without."""
    return pytest.importorskip("torch", reason="needs torch: pip install 'manyhands[torch]'")


@pytest.fixture(scope="session")
def shared_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where the embedded data of this session is made, once for all tests."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture(scope="session", autouse=True)
def _cache_of_the_session(shared_cache: Path) -> Iterator[None]:
    """The user's cache is never touched, by fixtures of a wider scope than a test neither; the user's data only where a test asks."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANYHANDS_CACHE", str(shared_cache))
        patch.delenv("MANYHANDS_DATA", raising=False)
        yield


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder that MANYHANDS_DATA named when pytest started."""
    if not REAL_DATA:
        pytest.skip("MANYHANDS_DATA names no folder of real data")
    return Path(REAL_DATA).resolve()


@pytest.fixture(scope="session", autouse=True)
def _quick_java(request: pytest.FixtureRequest, shared_cache: Path) -> Iterator[None]:
    """Spark starts in less time in every test; the archive that this takes is made when a chosen test starts Spark."""
    kept = getattr(request.config, "cache", None)  # None with `-p no:cacheprovider`
    cache = kept.mkdir("java") if kept else shared_cache
    with pytest.MonkeyPatch.context() as patch:
        for name, value in quick_java(cache, os.environ).items():
            patch.setenv(name, value)
        if any("spark" in item.nodeid and item.get_closest_marker("slow") for item in request.session.items):
            make_archive(cache)
        yield


@pytest.fixture(autouse=True)
def _width_of_nobodys_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is as wide here as in a pipe: tox hands on the width of the terminal that it runs in."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def _nothing_left_behind(_cache_of_the_session: None) -> Iterator[None]:
    """Fails a test that leaves a process, thread, variable, port or process group behind."""
    yield from watch()

"""What all tests share: a cache of their own, torch where there is one, and a check after each that nothing is left behind."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import pytest
from left_behind import watch
from object_store import bucket, s3_endpoint, web, web_folder

__all__ = ["bucket", "s3_endpoint", "web", "web_folder"]  # fixtures: pytest finds them here


def pytest_configure(config: pytest.Config) -> None:
    """Each of pytest-xdist's processes has a temporary folder of its own: measured runs that share one take turns."""
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        folder = tempfile.mkdtemp(prefix=f"{worker}-")
        config.add_cleanup(lambda: shutil.rmtree(folder, ignore_errors=True))
        os.environ["TMPDIR"] = tempfile.tempdir = folder


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Tests that start engines need torch: without it they are skipped, as in the torch-free environments of tox."""
    if find_spec("torch") is None:
        for item in items:
            if item.get_closest_marker("slow"):
                item.add_marker(pytest.mark.skip(reason="needs torch: pip install 'manyhands[torch]'"))


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
    """The user's cache is never touched, by fixtures of a wider scope than a test neither."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MANYHANDS_CACHE", str(shared_cache))
        yield


@pytest.fixture(autouse=True)
def _width_of_nobodys_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is printed is as wide here as in a pipe: tox hands on the width of the terminal that it runs in."""
    monkeypatch.delenv("COLUMNS", raising=False)


@pytest.fixture(autouse=True)
def _nothing_left_behind(_cache_of_the_session: None) -> Iterator[None]:
    """Fails a test that leaves a process, thread, variable, port or process group behind."""
    yield from watch()

"""What all tests share: a cache of their own, torch where there is one, and a check after each that nothing is left behind."""

from __future__ import annotations

import os
import shutil
import sys
import tempfile
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import psutil
import pytest
from object_store import bucket, s3_endpoint, web, web_folder

from manyhands.measure.resources import reap

__all__ = ["bucket", "s3_endpoint", "web", "web_folder"]  # fixtures: pytest finds them here

SET_BY_IMPORTS = {
    "KMP_DUPLICATE_LIB_OK",  # scikit-learn
    "KMP_INIT_AT_FORK",  # scikit-learn
    "PYTEST_CURRENT_TEST",
}
"""Variables that a library sets once when it is first imported, and pytest's own."""
PASSING = "jspawnhelper"
"""Java's, for the moment in which a session that belongs to all tests of a module starts some other process."""


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


@dataclass(frozen=True)
class Left:
    """What a test could leave behind in this process."""

    processes: set[str]
    threads: set[str]
    variables: dict[str, str]
    listening: set[str]
    group: bool

    @classmethod
    def now(cls) -> Left:
        this = psutil.Process()
        return cls(
            processes={f"{name} ({child.pid})" for child in this.children(recursive=True) if (name := child.name()) != PASSING},
            threads={f"{thread.name} ({thread.ident})" for thread in threading.enumerate() if not thread.daemon},
            variables={name: value for name, value in os.environ.items() if name not in SET_BY_IMPORTS},
            listening={f"{c.laddr.ip}:{c.laddr.port}" for c in this.net_connections("inet") if c.status == psutil.CONN_LISTEN},
            group=_group_is_open(),
        )

    def since(self, before: Left) -> list[str]:
        """What is there now and was not `before`, in words."""
        names = {*self.variables, *before.variables}
        found = {
            "processes": self.processes - before.processes,
            "threads": self.threads - before.threads,
            "environment variables": {name for name in names if self.variables.get(name) != before.variables.get(name)},
            "listening ports": self.listening - before.listening,
            "process groups": {"torch's default group"} if self.group and not before.group else set(),
        }
        return [f"{what}: {', '.join(sorted(items))}" for what, items in found.items() if items]


def _group_is_open() -> bool:
    distributed = sys.modules.get("torch.distributed")
    return bool(distributed and distributed.is_available() and distributed.is_initialized())


@pytest.fixture(autouse=True)
def _nothing_left_behind(_cache_of_the_session: None) -> Iterator[None]:
    """Fails a test that leaves a process, thread, variable, port or process group behind."""
    before = Left.now()
    children = {child.pid for child in psutil.Process().children()}
    yield
    reap(children)  # orphans of a command that have ended: engines' tests made this process their parent
    if left := Left.now().since(before):
        pytest.fail(f"left behind: {'; '.join(left)}")

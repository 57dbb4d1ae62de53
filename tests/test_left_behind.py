"""The check after every test: what a test leaves behind is reported with its owner."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

SERVERS = Path(__file__).parent / "servers"
CONFTEST = """
import pytest
from left_behind import watch


@pytest.fixture(autouse=True)
def _nothing_left_behind():
    yield from watch()
"""
PLANTED = {
    "process": (
        "import subprocess, sys; left = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)'])",
        [
            "processes: ",
            " -c import time; time.sleep(60)`, child of this process (pid ",
            "started in test_planted.py::test_planted (call)",
        ],
        "left.kill(); left.wait()",
    ),
    "thread": (
        "import threading; over = threading.Event(); threading.Thread(target=over.wait, name='forgotten').start()",
        ["threads: forgotten (threading.Event.wait)"],
        "over.set()",
    ),
    "variable": (
        "import os; os.environ['FORGOTTEN'] = 'secret'",
        ["environment variables: FORGOTTEN (added)"],
        "pass",
    ),
    "port": (
        "import socket; left = socket.create_server(('127.0.0.1', 0))",
        ["listening ports: 127.0.0.1:", " of this process (pid "],
        "left.close()",
    ),
}
"""What a test plants, what is reported of it, and how it is cleared away once the check has run."""


def run(folder: Path, plant: str, clear: str) -> str:
    """What pytest prints of a test that plants something, which a later fixture of the module clears away."""
    (folder / "conftest.py").write_text(CONFTEST)
    (folder / "test_planted.py").write_text(
        "import pytest\n\n\n@pytest.fixture(scope='module', autouse=True)\ndef clear():\n    yield\n    global left, over\n"
        f"    {clear}\n\n\ndef test_planted():\n    global left, over\n    {plant}\n"
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-q",
        "-p",
        "no:cacheprovider",
        "-o",
        f"pythonpath={SERVERS}",
        "--rootdir",
        str(folder),
    ]
    return subprocess.run([*command, str(folder)], cwd=folder, capture_output=True, text=True, check=False, timeout=100).stdout


@pytest.mark.parametrize("what", PLANTED)
def test_what_is_left_behind_is_reported_with_its_owner(what: str, tmp_path: Path) -> None:
    plant, reported, clear = PLANTED[what]
    printed = run(tmp_path, plant, clear)
    assert "1 passed, 1 error" in printed
    (line,) = [line for line in printed.splitlines() if line.startswith("E ") and "left behind: " in line]
    for words in reported:
        assert words in line
    assert "secret" not in line


def test_a_test_that_leaves_nothing_passes(tmp_path: Path) -> None:
    assert "1 passed" in (printed := run(tmp_path, "pass", "pass"))
    assert "error" not in printed

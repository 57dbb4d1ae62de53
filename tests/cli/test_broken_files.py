"""Every command that reads a file, on a set of broken files: one line on standard error, exit code 2, and no traceback."""

from __future__ import annotations

import gzip
import json
import lzma
import os
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from importlib.util import find_spec
from pathlib import Path

import pytest

from manyhands.cli import main

Words = Callable[[Path], Sequence[str]]

BROKEN: Mapping[str, bytes] = {
    "empty": b"",
    "zeros": bytes(300),
    "no text": bytes(range(256)),
    "half a gzip": gzip.compress(b"a,y\n1,2\n" * 90)[:-9],
    "garbage in gzip": gzip.compress(bytes(range(255, 0, -1))),
    "half an xz": lzma.compress(b"a,y\n1,2\n" * 90)[:-30],
    "latin-1": "größe,é\nä,ö\n".encode("latin-1"),
    "utf-16": "a,b\nc,d\n".encode("utf-16"),
    "a list": b"[]",
    "a map": b'{"schema": 1, "machine": null}',
    "a number": b"3",
    "null": b"null",
    "deep": b"[" * 100_000,
    "NaN": b'{"schema": 1, "id": "a", "spec": {}, "status": "ok", "started_at": "", "wall_s": NaN}',
    "signs for a terminal": b"\x1b[31m,\r,\xe2\x80\xa8\n\x1b]0;x\x07,1,2\n",
    "half a line": b'{"id":"a","spec":{"workl',
    "a long line": b"x" * 300_000,
    "python": b"import nothing_like_this\n",
}
"""Name -> content that no reader takes."""
READERS: Mapping[str, tuple[str, Words]] = {
    "report": ("numpy", lambda file: ["report", str(file)]),
    "report of JSON": ("numpy", lambda file: ["report", str(file.with_suffix(".json"))]),
    "report to a page": ("jinja2", lambda file: ["report", str(file), "--format", "html"]),
    "predict": ("numpy", lambda file: ["predict", str(file)]),
    "history": ("ruptures", lambda file: ["history", str(file)]),
    "calibrate": ("numpy", lambda file: ["calibrate", "--replay", str(file)]),
    "evaluate": ("torch", lambda file: ["evaluate", str(file), "--workload", "cnn"]),
    "points": ("numpy", lambda file: ["run", "kmeans", "--backend", "serial", "--workers", "1", "--set", f"file={file}"]),
    "table": (
        "numpy",
        lambda file: ["run", "search", "--backend", "serial", "--workers", "1", "--set", f"file={file}", "--set", "label=y"],
    ),
    "prices": ("torch", lambda file: ["run", "lstm", "--backend", "serial", "--workers", "1", "--set", f"file={file}"]),
    "own class": ("numpy", lambda file: ["run", f"{file.with_suffix('.py')}:Name", "--backend", "serial", "--workers", "1"]),
    "records to go on with": (
        "numpy",
        lambda file: [
            "run",
            "kmeans",
            "--backend",
            "serial",
            "--workers",
            "1",
            "--samples",
            "500",
            "--resume",
            "--out",
            str(file),
        ],
    ),
}
"""Name of a command -> the library that it needs, and its words for a file."""
TAKES = {("records to go on with", "empty"), ("records to go on with", "half a line")}
"""A file of records may be empty, or end in a line that was cut."""


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder, the current one."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def check(words: Sequence[str], capsys: pytest.CaptureFixture[str]) -> None:
    """Runs a command and expects one line."""
    code = main(words)
    out, errors = capsys.readouterr()
    assert code == 2, (words, out, errors)
    assert "Traceback" not in out + errors, words
    lines = errors.splitlines()
    assert lines, words
    assert all(line.startswith("manyhands: ") and line.isprintable() for line in lines), (words, lines)
    assert len(lines) == 1 or any(word in lines[0] for word in ("left out", "first line is data")), (words, lines)


@pytest.mark.parametrize("name", READERS)
def test_a_broken_file_is_one_line(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library, words = READERS[name]
    if find_spec(library) is None:
        pytest.skip(f"needs {library}")
    for number, (broken, content) in enumerate(BROKEN.items()):
        if (name, broken) in TAKES:
            continue
        for suffix in (".csv", ".json", ".py"):
            (folder / f"f{number}{suffix}").write_bytes(content)
        check(words(folder / f"f{number}.csv"), capsys)


@pytest.mark.parametrize("name", [name for name in READERS if name != "records to go on with"])
def test_what_is_no_file_is_one_line(name: str, folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    library, words = READERS[name]
    if find_spec(library) is None:
        pytest.skip(f"needs {library}")
    for suffix in (".csv", ".json", ".py"):
        (folder / f"dir{suffix}").mkdir()
        (folder / f"loop{suffix}").symlink_to(f"loop{suffix}")
        (folder / f"nowhere{suffix}").symlink_to("missing")
    for stem in ("dir", "loop", "nowhere", "missing", "x" * 300, "dir.csv/inside"):
        check(words(folder / f"{stem}.csv"), capsys)


def test_a_folder_of_broken_data_is_verified_file_by_file(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ("mnist/train-labels-idx1-ubyte", "sp500/sp500_stocks.csv", "clustering/Mall_Customers.csv", "tabular/diabetes.csv")
    names += ("points/part-00000-x.npy", "tabular/agaricus.txt.train")
    for content in (content for broken, content in BROKEN.items() if broken != "a number"):  # a table of one point
        for name in names:
            (folder / name).parent.mkdir(exist_ok=True)
            (folder / name).write_bytes(content)
        assert main(["data", "verify", "--data", "."]) == 2
        out, errors = capsys.readouterr()
        lines = out.splitlines()
        assert len(lines) >= len(names), lines
        assert all(line.startswith("BAD  ") and line.isprintable() for line in lines), lines
        assert errors == ""
        assert main(["data", "ls", "--data", "."]) == 0
        out, errors = capsys.readouterr()
        assert "Traceback" not in out + errors
        assert out.count("damaged") == len(names) - 2, out  # of two files of a set one is read


@pytest.mark.parametrize("content", [b"", b"\xff\xfe\0", b"[" * 100_000, json.dumps({"schema": 1}).encode()], ids=len)
def test_broken_standard_input_is_one_line(content: bytes, folder: Path) -> None:
    command = [sys.executable, "-m", "manyhands", "report", "-"]
    done = subprocess.run(command, input=content, capture_output=True, check=False, timeout=120, env=dict(os.environ))
    assert done.returncode == 2
    assert done.stderr.decode().startswith("manyhands: ")
    assert len(done.stderr.decode().splitlines()) == 1

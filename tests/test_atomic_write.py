"""Files are written whole or not at all, through links, with the permissions they had."""

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from manyhands.atomic_write import same_file, write_file


def test_older_file_stays_when_a_part_cannot_be_made(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, [b"old"])

    def parts() -> object:
        yield b"new"
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        write_file(path, parts())  # type: ignore[arg-type]
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_link_stays_a_link_and_permissions_stay(tmp_path: Path) -> None:
    path, link = tmp_path / "file", tmp_path / "link"
    write_file(path, [b"old"])
    path.chmod(0o640)
    link.symlink_to(path)
    write_file(link, [b"new", b"er"])
    assert link.is_symlink()
    assert path.read_bytes() == b"newer"
    assert stat.S_IMODE(path.stat().st_mode) == 0o640


def test_pipe_is_written_to(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    with subprocess.Popen(["cat", pipe], stdout=subprocess.PIPE) as reader:
        write_file(pipe, [b"through"])
        assert reader.communicate(timeout=20)[0] == b"through"


def test_killed_writer_leaves_the_older_file_and_no_other(tmp_path: Path) -> None:
    path = tmp_path / "file"
    write_file(path, [b"old"])
    code = """
import os, signal, sys
from pathlib import Path
from manyhands.atomic_write import write_file
def parts():
    yield b"new"
    os.kill(os.getpid(), signal.SIGKILL)
write_file(Path(sys.argv[1]), parts())
"""
    assert subprocess.run([sys.executable, "-c", code, str(path)], check=False, timeout=60).returncode == -9
    assert path.read_bytes() == b"old"
    assert [found.name for found in tmp_path.iterdir()] == ["file"]


def test_file_is_written_where_every_file_has_a_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.O_TMPFILE", os.O_DIRECTORY | os.O_EXCL | os.O_CREAT)
    write_file(tmp_path / "file", [b"new"])
    assert [found.name for found in tmp_path.iterdir()] == ["file"]
    assert (tmp_path / "file").read_bytes() == b"new"


def test_same_file_by_any_path(tmp_path: Path) -> None:
    path, link, hard = tmp_path / "file", tmp_path / "link", tmp_path / "hard"
    path.touch()
    link.symlink_to(path)
    hard.hardlink_to(path)
    assert all(same_file(other, path) for other in (path, link, hard, tmp_path / ".." / tmp_path.name / "file"))
    assert not same_file(tmp_path / "missing", path)

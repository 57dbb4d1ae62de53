"""Secrets are not in the environment of a run, and come to the process that opens a bucket."""

from __future__ import annotations

import os
import tempfile
import threading
from contextlib import suppress
from pathlib import Path

import psutil
import pytest
from engines import LOOK_S, measured, skip_without, small_spec
from object_store import SECRET, Bucket

from manyhands.backends.base import Backend
from manyhands.backends.serial.backend import Serial
from manyhands.credentials import PLACE, take_credentials
from manyhands.plan import RunSpec
from manyhands.plugins import backend_class
from manyhands.process import fresh_environment
from manyhands.temporary import own_prefix

REOPENED = {"logs", "runtime_resources", "sockets"}
"""Folders of Ray that its agents open to everyone again after they were closed."""
GIVEN = {"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "token", "AWS_REGION": "eu-west-1"}


def environment(folder: Path, backend: type[Backend] = Serial, **changes: object) -> dict[str, str]:
    spec = RunSpec.from_dict({"workload": "rnn", "backend": "serial"} | changes)
    return fresh_environment(GIVEN, backend, spec, folder)


def test_run_without_a_bucket_gets_no_secret(tmp_path: Path) -> None:
    own = environment(tmp_path, data="/data")
    assert own["AWS_REGION"] == "eu-west-1"
    assert PLACE not in own
    assert not {"id", "secret", "token"} & set(own.values())
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("option", ["data", "save"])
def test_run_with_a_bucket_gets_them_in_a_file_of_this_user_alone(
    option: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    own = environment(tmp_path, **{option: "s3://bucket/mnist"})
    assert not {"id", "secret", "token"} & set(own.values())
    assert Path(own[PLACE]).stat().st_mode & 0o777 == 0o600
    for name in GIVEN:
        monkeypatch.setenv(name, "")
    monkeypatch.setenv(PLACE, own[PLACE])
    take_credentials()
    assert [os.environ[name] for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN")] == [
        "id",
        "secret",
        "token",
    ]
    take_credentials()
    assert PLACE not in os.environ


def test_own_class_keeps_its_environment_because_it_may_fetch_anywhere(tmp_path: Path) -> None:
    class Own(Backend):
        name = "own"

    assert environment(tmp_path, Own)["AWS_SECRET_ACCESS_KEY"] == "secret"
    assert environment(tmp_path, workload="/mine.py:Net")["AWS_SECRET_ACCESS_KEY"] == "secret"


@pytest.mark.slow
@pytest.mark.parametrize(("backend", "engine"), [("spark", {"java"}), ("ray", {"raylet", "gcs_server"})])
def test_no_process_of_an_engine_has_the_secret_in_its_environment_while_a_worker_saves(
    backend: str, engine: set[str], bucket: Bucket, tmp_path: Path
) -> None:
    skip_without(backend_class(backend))
    over, environments, open_folders, closed = threading.Event(), dict[str, bytes](), list[str](), set[bool]()

    def look() -> None:
        while not over.wait(LOOK_S):
            for process in psutil.Process().children(recursive=True):
                try:
                    name = process.name()
                    environments[name] = environments.get(name, b"") + Path(f"/proc/{process.pid}/environ").read_bytes()
                except (OSError, psutil.Error):
                    continue
            inside = list(Path(tempfile.gettempdir()).glob(f"{own_prefix()}{os.getpid()}-*/engine/session_*/*/"))
            with suppress(OSError):  # the folder of a run that has ended
                closed.update(folder.parents[2].stat().st_mode & 0o077 == 0 for folder in inside)
                if inside:  # the last look counts
                    open_folders[:] = [str(folder) for folder in inside if folder.stat().st_mode & 0o077]

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        measured(small_spec(backend, save=f"{bucket.place}/model.pt"), tmp_path)
    finally:
        over.set()
        watcher.join()
    assert bucket.all_keys() == ["model.pt"]
    assert engine <= set(environments)
    assert all(b"TMPDIR=" in environments[name] for name in engine)
    assert [name for name, seen in environments.items() if SECRET.encode() in seen] == []
    assert closed <= {True}
    assert {Path(folder).name for folder in open_folders} <= REOPENED  # below a closed one

"""Secrets are not in the environment of a run, and come to the process that opens a bucket."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from manyhands.backends.base import Backend
from manyhands.backends.serial.backend import Serial
from manyhands.credentials import PLACE, take_credentials
from manyhands.plan import RunSpec
from manyhands.process import fresh_environment

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

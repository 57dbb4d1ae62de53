"""The bucket of a study: the one that `--data` names, or one of a server on loopback that lives as long as the run does."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path

from manyhands.environment import restored
from manyhands.errors import EngineError, Unavailable, UsageError
from manyhands.planning.places import data_place
from manyhands.planning.request import Request
from manyhands.planning.study_cells import StudyStorage
from manyhands.studies.study import Study

NAME = "manyhands"
MADE_UP = {"AWS_ACCESS_KEY_ID": "manyhands", "AWS_SECRET_ACCESS_KEY": "manyhands", "AWS_EC2_METADATA_DISABLED": "true"}
"""moto takes any credentials; a user's own must not be sent to it."""
UNSET = ("AWS_PROFILE", "AWS_SESSION_TOKEN", "AWS_CA_BUNDLE", "AWS_REGION", "AWS_DEFAULT_REGION")


@contextmanager
def study_storage(study: Study, variants: Sequence[str], request: Request, dry_run: bool = False) -> Iterator[StudyStorage]:
    """The places of the study's data and models; where it needs a bucket and none is given, a bucket that lives as long as the run.

    Raises UsageError when a bucket is given and the study reads from a folder.
    """
    folder, remote = data_place(request.data)
    if not any(part.bucket for variant in variants for part in study.parts(variant)):
        if remote:
            raise UsageError(f"--data {remote}: {study.name} reads its data from a folder; use --data FOLDER")
        yield StudyStorage(folder)
    elif dry_run:
        yield StudyStorage(folder, remote or "s3://manyhands/mnist", reader=request.s3_library)
    else:
        with bucket(study.name, folder, remote, request.s3_library) as storage:
            yield storage


@contextmanager
def bucket(study: str, folder: str | None, remote: str | None, reader: str) -> Iterator[StudyStorage]:
    """A bucket with the digits, and a place for the models. `folder`: real data for a bucket of our own; None: the embedded data.

    Raises UsageError when an endpoint is set and no bucket is named, Unavailable without moto.
    """
    if remote:
        yield StudyStorage(folder, remote, f"{remote.rstrip('/')}-models", reader)
        return
    if any(os.environ.get(name) for name in ("AWS_ENDPOINT_URL", "AWS_ENDPOINT_URL_S3")):
        raise UsageError(
            f"{study} keeps its data and models in a bucket, and AWS_ENDPOINT_URL is set; name the one to use with --data"
            " s3://bucket/mnist (put the files there with 'manyhands data put'), or unset AWS_ENDPOINT_URL"
        )
    if find_spec("moto") is None or find_spec("flask") is None or find_spec("boto3") is None:
        raise Unavailable(
            f"{study} keeps its data and models in a bucket: set AWS_ENDPOINT_URL and name it with --data s3://bucket/mnist,"
            " or pip install 'moto[server]' boto3 for a server on this machine"
        )
    with _server() as endpoint, _environment(MADE_UP | {"AWS_ENDPOINT_URL": endpoint}):
        _fill(folder)
        yield StudyStorage(folder, f"s3://{NAME}/mnist", f"s3://{NAME}/models", reader)


@contextmanager
def _server() -> Iterator[str]:
    """The address of a server of our own on loopback; it ends when its input does, so it cannot outlive this process."""
    process = subprocess.Popen(
        [sys.executable, "-P", "-m", "manyhands.planning.study_server"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        endpoint = process.stdout.readline().strip()
        if not endpoint:
            raise EngineError(f"moto's server did not start; it ended with {process.wait()}: see its messages above")
        yield endpoint
    finally:
        process.stdin.close()
        process.stdout.close()
        try:
            process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _environment(changes: dict[str, str]) -> Iterator[None]:
    """Sets the variables and removes those of a real store; restores all at the end."""
    with restored():
        for name in UNSET:
            os.environ.pop(name, None)
        os.environ.update(changes)
        yield


def _fill(folder: str | None) -> None:
    """Makes the bucket and puts the four files of the digits into it, uncompressed, so that a worker can fetch a part of a file."""
    import boto3

    from manyhands.data.idx import write_idx
    from manyhands.data.mnist import PARTS, load_mnist

    digits = load_mnist(Path(folder) if folder else None)
    client = boto3.session.Session().client("s3", region_name="us-east-1")
    client.create_bucket(Bucket=NAME)
    with tempfile.TemporaryDirectory() as plain:
        for part, stem in PARTS.items():
            path = Path(plain) / f"{stem}-ubyte"
            write_idx(path, getattr(digits, part))
            client.upload_file(str(path), NAME, f"mnist/{path.name}")
    client.close()

"""Servers for tests: a store that speaks S3 (moto's, or the one at MANYHANDS_TEST_S3), a proxy that spoils answers, a web server.

With MANYHANDS_TEST_S3 the credentials are those of the environment; with moto they are made up.
"""

from __future__ import annotations

import http.server
import os
import secrets
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

SECRET = "qJ7wVerySecretValueOfTests"
KEY_ID = "AKIATESTSONLYTESTS00"
MADE_UP = {"AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": SECRET}
UNSET = (
    "AWS_PROFILE",
    "AWS_SESSION_TOKEN",
    "AWS_REGION",
    "AWS_DEFAULT_REGION",
    "AWS_ENDPOINT_URL_S3",
    "AWS_CA_BUNDLE",
    "AWS_MAX_ATTEMPTS",
)


@pytest.fixture(scope="session")
def s3_endpoint() -> Iterator[str]:
    """Where the store answers: moto's server on a free port of loopback, or what MANYHANDS_TEST_S3 says."""
    if given := os.environ.get("MANYHANDS_TEST_S3"):
        yield given.rstrip("/")
        return
    server = pytest.importorskip("moto.server", reason="needs moto: pip install 'manyhands[test]'")
    import logging

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    with _environment_kept():
        moto = server.ThreadedMotoServer("127.0.0.1", 0, verbose=False)
        moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture(scope="session")
def s3_client(s3_endpoint: str) -> Iterator[Any]:
    """boto3's client of the store, made once, because that takes longer than most tests."""
    boto3 = pytest.importorskip("boto3", reason="needs boto3: pip install 'manyhands[s3]'")
    with pytest.MonkeyPatch.context() as patch:
        _point_to(s3_endpoint, patch)
        client = boto3.session.Session().client("s3", region_name=os.environ.get("AWS_REGION", "us-east-1"))
        client.list_buckets()  # reads the credentials
    yield client
    client.close()


def _point_to(endpoint: str, patch: pytest.MonkeyPatch) -> None:
    """Sets the environment in which the store is found."""
    patch.setenv("AWS_ENDPOINT_URL", endpoint)
    patch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    if "MANYHANDS_TEST_S3" not in os.environ:
        for name in UNSET:
            patch.delenv(name, raising=False)
        for name, value in MADE_UP.items():
            patch.setenv(name, value)


@contextmanager
def _environment_kept() -> Iterator[None]:
    before = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(before)


@dataclass
class Bucket:
    """A bucket of one test."""

    name: str
    endpoint: str
    raw: Any
    """boto3's client, to look behind the scenes with."""

    @property
    def place(self) -> str:
        return f"s3://{self.name}"

    @property
    def is_moto(self) -> bool:
        return not os.environ.get("MANYHANDS_TEST_S3")

    def put(self, key: str, content: bytes) -> None:
        self.raw.put_object(Bucket=self.name, Key=key, Body=content)

    def content(self, key: str) -> bytes:
        return bytes(self.raw.get_object(Bucket=self.name, Key=key)["Body"].read())

    def all_keys(self) -> list[str]:
        pages = self.raw.get_paginator("list_objects_v2").paginate(Bucket=self.name)
        return [found["Key"] for page in pages for found in page.get("Contents", ())]


@pytest.fixture
def bucket(s3_endpoint: str, s3_client: Any, monkeypatch: pytest.MonkeyPatch) -> Iterator[Bucket]:
    """A new bucket, and an environment in which it is found; it is removed with all that is in it."""
    _point_to(s3_endpoint, monkeypatch)
    name = f"manyhands-test-{secrets.token_hex(6)}"
    s3_client.create_bucket(Bucket=name)
    made = Bucket(name, s3_endpoint, s3_client)
    yield made
    keys = [key for key in made.all_keys() if key.isprintable() or s3_client.delete_object(Bucket=name, Key=key) is None]
    for start in range(0, len(keys), 1000):
        chosen = [{"Key": key} for key in keys[start : start + 1000]]
        s3_client.delete_objects(Bucket=name, Delete={"Objects": chosen, "Quiet": True})
    s3_client.delete_bucket(Bucket=name)


@dataclass
class Proxy:
    """Stands between a client and a store, and spoils the connections whose request holds `only`.

    Use it as a context manager; `address` is then where it listens.
    """

    target: str
    only: bytes = b""
    times: int = 1 << 30
    """How many connections are spoilt before the rest is passed on as it is."""
    cut_after: int | None = None
    """Bytes of the answer that pass before the connection is cut."""
    hang: bool = False
    """Never answer."""
    delay_s: float = 0.0
    """Wait before each connection's answer, spoilt or not."""
    address: str = ""
    seen: int = 0
    """Connections so far whose request held `only`."""
    _open: list[socket.socket] = field(default_factory=list)

    def __enter__(self) -> Proxy:
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.address = f"http://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()

    def _serve(self) -> None:
        with suppress(OSError):
            while True:
                client, _ = self._listener.accept()
                self._open.append(client)
                threading.Thread(target=self._pass_on, args=(client,), daemon=True).start()

    def _pass_on(self, client: socket.socket) -> None:
        with suppress(OSError), client:
            request = client.recv(1 << 16)
            spoilt = False
            if self.only in request:
                self.seen += 1
                spoilt = self.seen <= self.times
            time.sleep(self.delay_s)
            if spoilt and self.hang:
                while client.recv(1 << 16):
                    pass
                return
            to = urlsplit(self.target)
            with socket.create_connection((to.hostname or "", to.port or 80)) as server:
                server.sendall(request)
                threading.Thread(target=_pump, args=(client, server), daemon=True).start()
                _pump(server, client, self.cut_after if spoilt else None)
                client.shutdown(socket.SHUT_RDWR)  # close alone would wait for the other direction


def _pump(source: socket.socket, sink: socket.socket, most: int | None = None) -> None:
    """Passes on what comes from one side until it ends, or `most` bytes of it."""
    with suppress(OSError):
        while block := source.recv(1 << 16):
            if most is not None and len(block) >= most:
                sink.sendall(block[:most])
                return
            most = most - len(block) if most is not None else None
            sink.sendall(block)


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, format: str, *arguments: object) -> None:
        pass


@pytest.fixture
def web_folder(tmp_path: Path) -> Path:
    """The folder that `web` serves."""
    folder = tmp_path / "web"
    folder.mkdir()
    return folder


@pytest.fixture
def web(web_folder: Path) -> Iterator[str]:
    """The address of a plain web server, which knows no byte ranges."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=str(web_folder))) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()

"""Reading over plain http: kept connections, those that the server has closed, and what does not go this way."""

from __future__ import annotations

import http.server
import threading
from collections.abc import Iterator

import pytest

from manyhands.data.store.failure import NO_OBJECT, REFUSED, StoreProblem
from manyhands.data.store.retries import RetryPolicy
from manyhands.data.store.s3_plain import PlainReader, can_read_plainly
from manyhands.data.store.settings import Settings

CONTENT = bytes(range(256)) * 10


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    connections = 0

    def setup(self) -> None:
        super().setup()
        Handler.connections += 1

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_GET(self) -> None:
        found = self.path.startswith("/data/x")
        body = CONTENT if found else b"<Error><Code>NoSuchKey</Code></Error>"
        self.send_response(200 if found else 404)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
        self.close_connection = "silently" in self.path  # the server closes without announcing it


@pytest.fixture
def address() -> Iterator[str]:
    Handler.connections = 0
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def settings(endpoint: str | None) -> Settings:
    return Settings("data", endpoint, "us-east-1", RetryPolicy(connect_s=2, answer_s=2))


def test_a_connection_is_kept_and_ranges_hold_even_where_a_server_ignores_them(address: str) -> None:
    reader = PlainReader(settings(address))
    assert reader.read(f"{address}/data/x?signed", 0, None) == CONTENT
    assert reader.read(f"{address}/data/x?signed", 5, 50) == CONTENT[5:50]
    with pytest.raises(StoreProblem) as error:
        reader.read(f"{address}/data/y?signed", 0, None)
    assert error.value.kind == NO_OBJECT
    assert Handler.connections == 1


def test_a_connection_that_the_server_has_closed_is_replaced(address: str) -> None:
    reader = PlainReader(settings(address))
    for _ in range(3):
        assert reader.read(f"{address}/data/x?silently", 0, None) == CONTENT
    assert Handler.connections == 3


def test_a_server_that_is_gone_refuses(address: str) -> None:
    with pytest.raises(StoreProblem) as error:
        PlainReader(settings(None)).read("http://127.0.0.1:9/data/x?signed", 0, None)
    assert error.value.kind == REFUSED


def test_only_plain_http_without_a_proxy_goes_this_way(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    assert can_read_plainly(settings("http://store:9000"))
    assert not can_read_plainly(settings("https://store"))
    assert not can_read_plainly(settings(None))
    monkeypatch.setenv("http_proxy", "http://proxy:8080")
    assert not can_read_plainly(settings("http://store:9000"))
    monkeypatch.setenv("no_proxy", "store")
    assert can_read_plainly(settings("http://store:9000"))

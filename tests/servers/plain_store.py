"""A small read-only store on loopback that speaks enough S3 to be read, as fast as the kernel can send a file.

    python plain_store.py FILE PARTS DELAY_S

Serves FILE as `s3://benchmark/whole`, and cut into PARTS equal pieces as `s3://benchmark/parts/00000` ...; waits DELAY_S before
each answer. Prints its port, and ends when its standard input is closed.
"""

from __future__ import annotations

import os
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, urlsplit

DATE = "Tue, 21 Oct 2025 07:28:00 GMT"
LISTED = "2025-10-21T07:28:00.000Z"
ETAG = '"d41d8cd98f00b204e9800998ecf8427f"'


class Store(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self, path: str, parts: int, delay_s: float) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.file, self.delay_s = path, delay_s
        size = os.path.getsize(path)
        bounds = [size * number // parts for number in range(parts + 1)]
        self.objects = {"whole": (0, size)} | {f"parts/{n:05d}": (bounds[n], bounds[n + 1]) for n in range(parts)}


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Store

    def log_message(self, format: str, *arguments: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self.do_GET(body=False)

    def do_GET(self, body: bool = True) -> None:
        time.sleep(self.server.delay_s)
        asked = urlsplit(self.path)
        if "list-type" in asked.query:
            self.send_listing(parse_qs(asked.query).get("prefix", [""])[0])
            return
        first, last = self.server.objects[asked.path.removeprefix("/benchmark/")]
        start, stop, size, code = 0, last - first, last - first, 200
        if span := self.headers.get("Range"):
            left, _, right = span.removeprefix("bytes=").partition("-")
            start, stop, code = int(left), min(int(right) + 1 if right else size, size), 206
        self.send_response(code)
        headers = {"Content-Length": stop - start, "ETag": ETAG, "Last-Modified": DATE, "Accept-Ranges": "bytes"}
        for name, value in headers.items():
            self.send_header(name, str(value))
        if code == 206:
            self.send_header("Content-Range", f"bytes {start}-{stop - 1}/{size}")
        self.end_headers()
        with open(self.server.file, "rb") as file:
            while body and start < stop:
                start += os.sendfile(self.connection.fileno(), file.fileno(), first + start, stop - start)

    def send_listing(self, prefix: str) -> None:
        found = "".join(
            f"<Contents><Key>{key}</Key><LastModified>{LISTED}</LastModified><ETag>{ETAG}</ETag>"
            f"<Size>{last - first}</Size><StorageClass>STANDARD</StorageClass></Contents>"
            for key, (first, last) in sorted(self.server.objects.items())
            if key.startswith(prefix)
        )
        text = (
            '<?xml version="1.0" encoding="UTF-8"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">'
            f"<Name>benchmark</Name><Prefix>{prefix}</Prefix><KeyCount>{len(self.server.objects)}</KeyCount>"
            f"<MaxKeys>1000</MaxKeys><IsTruncated>false</IsTruncated>{found}</ListBucketResult>"
        ).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)


if __name__ == "__main__":
    with Store(sys.argv[1], int(sys.argv[2]), float(sys.argv[3])) as store:
        threading.Thread(target=store.serve_forever, daemon=True).start()
        print(store.server_address[1], flush=True)
        sys.stdin.read()
        store.shutdown()

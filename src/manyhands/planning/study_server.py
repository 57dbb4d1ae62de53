"""`python -m manyhands.planning.study_server`: moto's S3 server on a free port of loopback; prints its address, ends when its input is closed."""

from __future__ import annotations

import logging
import sys


def main() -> int:
    """Prints the address, and serves until standard input is closed."""
    from moto.server import ThreadedMotoServer

    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    print(f"http://{host}:{port}", flush=True)
    sys.stdin.read()
    server.stop()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())

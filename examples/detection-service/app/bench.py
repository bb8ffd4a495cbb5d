"""Asks the installed service over HTTP, as a client does: one request at a time, and from four clients at once."""

from __future__ import annotations

import http.client
import json
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from edgebake_bench import measure

PICTURE = (Path(__file__).resolve().parent / "testdata/three-shapes.png").read_bytes()
CLIENTS = 4
START = 60  # seconds that the service may take until it listens


class Client(threading.local):
    """A connection for each thread, which stays open between requests."""

    def __init__(self, port: int) -> None:
        self._connection = http.client.HTTPConnection("127.0.0.1", port, timeout=30)

    def detect(self) -> None:
        """Send the picture; an AssertionError says what is wrong with the answer."""
        self._connection.request("POST", "/detect", PICTURE, {"Content-Type": "image/png"})
        answer = self._connection.getresponse()
        body = answer.read()
        assert answer.status == 200, body
        assert len(json.loads(body)["boxes"]) == 3, body


def free_port() -> int:
    """Return a port that nobody listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return int(listener.getsockname()[1])


def wait(server: subprocess.Popen[bytes], port: int) -> None:
    """Wait until the service listens."""
    deadline = time.monotonic() + START
    while server.poll() is None and time.monotonic() < deadline:
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.1)
        else:
            return
    raise SystemExit(f"the service does not listen (exit code {server.poll()})")


def main() -> None:
    """Start the service, and measure it."""
    port = free_port()
    environment = {**os.environ, "DETECTOR_LISTEN": f"127.0.0.1:{port}"}
    with subprocess.Popen([sys.executable, "-m", "detector"], env=environment, stdout=sys.stderr) as server:
        try:
            wait(server, port)
            client = Client(port)
            measure("POST /detect, one client", client.detect, unit="requests")
            measure(f"POST /detect, {CLIENTS} clients", client.detect, unit="requests", threads=CLIENTS)
        finally:
            server.terminate()


if __name__ == "__main__":
    main()

"""An HTTP service that finds ArUco markers and QR codes: what robots and docks are labelled with.

POST /markers with a picture (PNG, JPEG, …) as the body; GET /health; GET /metrics for Prometheus.
"""

from __future__ import annotations

import json
import os
import signal
import threading
import time
from collections import Counter
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import cv2
import numpy as np

MOST_BYTES = 16 << 20
DICTIONARY = os.environ.get("MARKERS_DICTIONARY", "DICT_4X4_50")


class BadPicture(Exception):
    """The bytes are no picture that OpenCV reads."""


def find(data: bytes) -> dict[str, Any]:
    """Return the markers and codes of an encoded picture, with their corners in its pixels.

    Raises:
        BadPicture: it cannot be decoded.
    """
    try:
        picture = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_GRAYSCALE) if data else None
    except cv2.error as error:  # too many pixels
        raise BadPicture(str(error)) from error
    if picture is None:
        raise BadPicture("the body is no picture")
    # Detectors keep state: one for each picture, as requests come side by side.
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, DICTIONARY))
    corners, ids, _ = cv2.aruco.ArucoDetector(dictionary).detectMarkers(picture)
    markers = [
        {"id": int(number), "corners": np.round(four[0], 1).tolist()}
        for number, four in zip([] if ids is None else ids.ravel(), corners, strict=True)
    ]
    _, texts, places, _ = cv2.QRCodeDetector().detectAndDecodeMulti(picture)
    codes = [
        {"text": text, "corners": np.round(four, 1).tolist()}
        for text, four in zip(texts, [] if places is None else places, strict=False)
        if text
    ]
    markers.sort(key=lambda marker: marker["id"])
    return {"width": picture.shape[1], "height": picture.shape[0], "markers": markers, "codes": codes}


class Counts:
    """What the service counts, as Prometheus reads it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._requests: Counter[int] = Counter()
        self._found: Counter[str] = Counter()
        self._seconds = 0.0

    def answered(self, status: int, answer: dict[str, Any], seconds: float) -> None:
        with self._lock:
            self._requests[status] += 1
            self._seconds += seconds
            for kind in ("markers", "codes"):
                self._found[kind] += len(answer.get(kind, ()))

    def text(self) -> str:
        with self._lock:
            lines = ["# TYPE vision_requests_total counter"]
            lines += [f'vision_requests_total{{status="{k}"}} {v}' for k, v in sorted(self._requests.items())]
            lines += ["# TYPE vision_found_total counter"]
            lines += [f'vision_found_total{{kind="{kind}"}} {self._found[kind]}' for kind in ("codes", "markers")]
            lines += ["# TYPE vision_seconds_total counter", f"vision_seconds_total {self._seconds:.6f}"]
        return "\n".join(lines) + "\n"


COUNTS = Counts()


class Handler(BaseHTTPRequestHandler):
    """One connection. What takes longer than its timeout is given up."""

    protocol_version = "HTTP/1.1"
    timeout = 15

    def do_GET(self) -> None:
        if self.path == "/health":
            self._answer(200, json.dumps({"status": "ok", "opencv": cv2.__version__}))
        elif self.path == "/metrics":
            self._answer(200, COUNTS.text(), "text/plain; version=0.0.4; charset=utf-8")
        else:
            self._answer(404, json.dumps({"error": "there are /markers, /health and /metrics"}))

    def do_POST(self) -> None:
        start = time.perf_counter()
        status, answer = self._find()
        COUNTS.answered(status, answer, time.perf_counter() - start)
        self._answer(status, json.dumps(answer))

    def _find(self) -> tuple[int, dict[str, Any]]:
        length = self.headers.get("Content-Length", "")
        if self.path != "/markers":
            self.close_connection = True  # its body is not read
            return 404, {"error": "pictures go to /markers"}
        if not length.isdecimal() or int(length) > MOST_BYTES:
            self.close_connection = True
            return (413 if length.isdecimal() else 411), {
                "error": f"a body of at most {MOST_BYTES} bytes is needed"
            }
        try:
            return 200, find(self.rfile.read(int(length)))
        except BadPicture as error:
            return 422, {"error": str(error)}

    def _answer(self, status: int, text: str, kind: str = "application/json") -> None:
        data = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(data)))
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, format: str, *args: Any) -> None:
        """Requests are counted, not logged."""


class Server(ThreadingHTTPServer):
    daemon_threads = False  # at the end, what is under way is answered
    request_queue_size = 128


def main() -> None:
    server = Server(("0.0.0.0", 8000), Handler)
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    with server:
        server.serve_forever(poll_interval=0.1)


if __name__ == "__main__":
    main()

"""Draws two markers and a QR code, and has them found, over HTTP too; a damaged picture is refused."""

from __future__ import annotations

import json
import sys
import threading
import urllib.error
import urllib.request

import cv2
import numpy as np

sys.path.insert(0, "/app")
import markers


def drawn() -> bytes:
    """Return a picture with the markers 7 and 23 and a QR code, at known places."""
    picture = np.full((480, 640), 255, np.uint8)
    dictionary = cv2.aruco.getPredefinedDictionary(getattr(cv2.aruco, markers.DICTIONARY))
    for number, (x, y) in {7: (40, 60), 23: (400, 300)}.items():
        picture[y : y + 120, x : x + 120] = cv2.aruco.generateImageMarker(dictionary, number, 120)
    code = cv2.QRCodeEncoder.create().encode("dock-4")
    code = cv2.resize(code, None, fx=6, fy=6, interpolation=cv2.INTER_NEAREST)
    picture[260 : 260 + code.shape[0], 60 : 60 + code.shape[1]] = code
    return cv2.imencode(".png", picture)[1].tobytes()


def status(opener: urllib.request.OpenerDirector, url: str, body: bytes) -> int:
    try:
        with opener.open(url, body, 30) as answer:
            return answer.status
    except urllib.error.HTTPError as error:
        return error.code


def main() -> None:
    found = markers.find(drawn())
    corners = {one["id"]: one["corners"][0] for one in found["markers"]}
    assert corners.keys() == {7, 23}, found
    assert np.abs(np.subtract([corners[7], corners[23]], [[40, 60], [400, 300]])).max() < 2, corners
    assert [code["text"] for code in found["codes"]] == ["dock-4"], found

    server = markers.Server(("127.0.0.1", 0), markers.Handler)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.1})
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    try:
        assert json.load(opener.open(f"{url}/markers", drawn(), 30)) == found
        assert status(opener, f"{url}/markers", drawn()[:200]) == 422, "a picture that is cut off is taken"
        metrics = opener.open(f"{url}/metrics", timeout=30).read().decode()
        assert 'vision_found_total{kind="markers"} 2' in metrics, metrics
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    print(f"marker-vision: two markers and a code found by OpenCV {cv2.__version__}")


if __name__ == "__main__":
    main()

"""The detection-service example without Docker: its native library, generator, settings, HTTP side, and all of it.

Everything runs for real: the library is compiled by the recipe's own build script with the host's compiler,
and the HTTP tests talk to a server on a loopback port. The NMS, generator, settings and header tests need
numpy; the HTTP tests need what the example's app/recipe.yaml installs; the last section needs onnxruntime
and OpenCV too.
"""

from __future__ import annotations

import dataclasses
import http.client
import json
import os
import re
import signal
import socket
import struct
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest

EXAMPLE = Path(__file__).resolve().parents[2] / "examples" / "detection-service"
NMS = EXAMPLE / "recipes" / "nms"
SOURCES = EXAMPLE / "app" / "src"
sys.path[:0] = [str(SOURCES), str(EXAMPLE / "training"), str(EXAMPLE)]

import evaluate  # noqa: E402
import shapes  # noqa: E402
from detector import config  # noqa: E402
from detector.config import Settings, load_settings, unknown_variables  # noqa: E402
from detector.errors import BadImageError, ConfigError  # noqa: E402
from detector.headers import picture_size  # noqa: E402
from detector.nms import NmsError, NmsLibrary  # noqa: E402
from detector.results import Detection, Found, Result  # noqa: E402

PICTURE = shapes.png(shapes.blank(40, 30, 200))


# ── The native library ──────────────────────────────────────────────────────────────────────────────────


def build_nms(source: Path, out: Path) -> Path:
    """Run the recipe's build script as the build half does; return the library."""
    environ = {**os.environ, "SRC": str(source), "OUT": str(out), "CXX": "g++"}
    subprocess.run([NMS / "build.sh"], env=environ, check=True, timeout=120)
    return out / "lib" / "libedgenms.so"


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return build_nms(NMS / "src", tmp_path_factory.mktemp("nms"))


@pytest.fixture(scope="module")
def nms(library: Path) -> NmsLibrary:
    return NmsLibrary(library)


def reference(boxes: np.ndarray, scores: np.ndarray, classes: np.ndarray, iou: float) -> list[int]:
    """Non-maximum suppression as a textbook has it."""
    boxes = boxes.astype(np.float64)
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    order = list(np.lexsort((np.arange(len(scores)), -scores)))
    kept = []
    while order:
        best = order.pop(0)
        kept.append(int(best))
        corner, other = np.maximum(boxes[order, :2], boxes[best, :2]), np.minimum(boxes[order, 2:], boxes[best, 2:])
        common = np.clip(other - corner, 0, None).prod(axis=1)
        union = areas[order] + areas[best] - common
        ratio = np.divide(common, union, out=np.zeros_like(common), where=union > 0)
        order = [at for at, value in zip(order, ratio, strict=True) if classes[at] != classes[best] or value <= iou]
    return kept


def random_boxes(seed: int) -> tuple[np.ndarray, np.ndarray, np.ndarray, float]:
    """Boxes on a coarse grid with coarse scores, so that ties and equal boxes are common."""
    rng = np.random.default_rng(seed)
    count = int(rng.integers(1, 120))
    corners = rng.integers(0, 12, (count, 2, 2)) * rng.choice([1.0, 0.37])
    boxes = np.concatenate([corners.min(axis=1), corners.max(axis=1)], axis=1).astype(np.float32)
    scores = (rng.integers(0, 20, count) / 20).astype(np.float32)
    # A threshold that the library's float and Python's double hold alike.
    return boxes, scores, rng.integers(0, 3, count).astype(np.int32), float(np.float32(rng.random()))


@pytest.mark.parametrize("seed", range(150))
def test_nms_agrees_with_the_reference(nms: NmsLibrary, seed: int) -> None:
    boxes, scores, classes, iou = random_boxes(seed)
    assert nms.keep(boxes, scores, classes, iou, len(scores)).tolist() == reference(boxes, scores, classes, iou)


def keep(
    nms: NmsLibrary, boxes: Sequence[Sequence[float]], scores: Sequence[float], iou: float, limit: int = 9
) -> Any:
    classes = np.zeros(len(scores), np.int32)
    return nms.keep(
        np.array(boxes, np.float32).reshape(-1, 4), np.array(scores, np.float32), classes, iou, limit
    ).tolist()


def test_nms_of_nothing_is_nothing(nms: NmsLibrary) -> None:
    assert keep(nms, [], [], 0.5) == []


def test_nms_at_iou_one_keeps_even_equal_boxes_and_at_zero_only_apart_ones(nms: NmsLibrary) -> None:
    boxes = [(0, 0, 2, 2), (0, 0, 2, 2), (1, 1, 3, 3), (2, 0, 4, 1)]  # the last touches the first, no more
    scores = [0.6, 0.9, 0.8, 0.7]
    assert keep(nms, boxes, scores, 1.0) == [1, 2, 3, 0]
    assert keep(nms, boxes, scores, 0.0) == [1, 3]


def test_nms_keeps_boxes_without_area(nms: NmsLibrary) -> None:
    assert keep(nms, [(1, 1, 1, 1), (1, 1, 1, 1)], [0.5, 0.5], 0.0) == [0, 1]


def test_nms_keeps_at_most_the_limit_and_the_best_first(nms: NmsLibrary) -> None:
    boxes = [(at, 0, at + 1, 1) for at in range(5)]
    assert keep(nms, boxes, [0.1, 0.5, 0.3, 0.9, 0.2], 0.5, limit=2) == [3, 1]
    assert keep(nms, boxes, [0.1, 0.5, 0.3, 0.9, 0.2], 0.5, limit=0) == []


@pytest.mark.parametrize(
    ("box", "score", "iou", "limit", "message"),
    [
        ((0, 0, 1, 1), float("nan"), 0.5, 1, "score is not finite"),
        ((0, 0, 1, 1), float("inf"), 0.5, 1, "score is not finite"),
        ((0, float("nan"), 1, 1), 0.5, 0.5, 1, "box is not finite"),
        ((0, 0, float("inf"), 1), 0.5, 0.5, 1, "box is not finite"),
        ((1, 0, 0, 1), 0.5, 0.5, 1, "corners are swapped"),
        ((0, 0, 1, 1), 0.5, 1.01, 1, "IoU threshold"),
        ((0, 0, 1, 1), 0.5, -0.01, 1, "IoU threshold"),
        ((0, 0, 1, 1), 0.5, float("nan"), 1, "IoU threshold"),
        ((0, 0, 1, 1), 0.5, 0.5, -1, "limit on results"),
    ],
)
def test_nms_refuses_senseless_input(
    nms: NmsLibrary, box: Sequence[float], score: float, iou: float, limit: int, message: str
) -> None:
    with pytest.raises(NmsError, match=message):
        keep(nms, [box], [score], iou, limit)


def test_nms_refuses_arrays_of_different_lengths_and_too_many_boxes(nms: NmsLibrary) -> None:
    with pytest.raises(NmsError, match="shapes differ"):
        nms.keep(np.zeros((2, 4), np.float32), np.zeros(1, np.float32), np.zeros(2, np.int32), 0.5, 1)
    many = 65_537
    with pytest.raises(NmsError, match="out of range"):
        nms.keep(np.zeros((many, 4), np.float32), np.zeros(many, np.float32), np.zeros(many, np.int32), 0.5, 1)


def test_nms_library_that_is_missing_or_another_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot use the NMS library"):
        NmsLibrary(tmp_path / "none.so")
    empty = tmp_path / "empty.c"
    empty.write_text("int nothing;\n")
    subprocess.run(["g++", "-shared", "-fPIC", "-o", tmp_path / "other.so", empty], check=True)
    with pytest.raises(ConfigError, match="edgenms_abi"):
        NmsLibrary(tmp_path / "other.so")


def test_nms_build_gives_the_same_bytes_wherever_it_runs(library: Path, tmp_path: Path) -> None:
    source = tmp_path / "elsewhere"
    source.mkdir()
    for path in (NMS / "src").iterdir():
        (source / path.name).write_bytes(path.read_bytes())
    assert build_nms(source, tmp_path / "out").read_bytes() == library.read_bytes()


def test_nms_recipe_passes_its_own_test(library: Path) -> None:
    environ = {**os.environ, "DETECTOR_NMS_LIBRARY": str(library)}
    subprocess.run([sys.executable, NMS / "test.py"], env=environ, check=True, timeout=60)


# ── The generator and the evaluation ────────────────────────────────────────────────────────────────────


def test_generator_is_a_function_of_stream_seed_and_index() -> None:
    first = shapes.sample("train", 1, 7, (60, 90))
    again = shapes.sample("train", 1, 7, (60, 90))
    assert np.array_equal(first.picture, again.picture)
    assert np.array_equal(first.boxes, again.boxes)
    assert first.labels == again.labels
    for other in [("held-back", 1, 7), ("train", 2, 7), ("train", 1, 8)]:
        assert not np.array_equal(first.picture, shapes.sample(*other, (60, 60)).picture)


def test_generator_keeps_boxes_inside_and_labels_known() -> None:
    items = list(shapes.samples("validation", 0, 60, (60, 90)))
    for item in items:
        height, width, _ = item.picture.shape
        assert len(item.boxes) == len(item.labels) <= shapes.MAX_SHAPES
        assert set(item.labels) <= set(shapes.LABELS)
        assert (item.boxes >= 0).all()
        assert (item.boxes <= [width, height, width, height]).all()
        assert (item.boxes[:, 2:] - item.boxes[:, :2] > 5).all()
    assert {label for item in items for label in item.labels} == set(shapes.LABELS)
    assert any(not item.labels for item in items)


def test_boxes_of_the_generator_are_tight() -> None:
    rng = np.random.default_rng(0)
    for label in shapes.LABELS * 5:
        mask, box = shapes._outline(rng, label, 30.0, 80, 60)
        rows, columns = np.nonzero(mask > 0.5)
        drawn = (columns.min(), rows.min(), columns.max() + 1, rows.max() + 1)
        assert np.abs(np.subtract(drawn, box)).max() <= 2, (label, drawn, box)


def test_evaluation_counts_found_wrong_and_missed() -> None:
    boxes = np.array([(0, 0, 10, 10), (20, 20, 30, 30), (40, 0, 50, 10)], np.float64)
    item = shapes.Sample(shapes.blank(60, 60, 0), ("circle", "circle", "square"), boxes)
    claims = [
        {"label": "circle", "score": 0.9, "box": (0, 0, 10, 9)},
        {"label": "circle", "score": 0.8, "box": (0, 0, 9, 10)},  # a double
        {"label": "triangle", "score": 0.7, "box": (40, 0, 50, 10)},  # the wrong label
    ]
    circle, square, triangle = (evaluate.compare(item, claims, label) for label in shapes.LABELS)
    assert circle == evaluate.Tally(found=1, wrong=1, missed=1)
    assert square == evaluate.Tally(found=0, wrong=0, missed=1)
    assert triangle == evaluate.Tally(found=0, wrong=1, missed=0)
    assert (circle.precision, circle.recall) == (0.5, 0.5)


# ── Settings ────────────────────────────────────────────────────────────────────────────────────────────


def test_settings_without_variables_are_the_defaults() -> None:
    assert load_settings({}) == Settings()
    assert load_settings({"DETECTOR_SCORE": ""}).score == Settings().score


def test_every_setting_has_its_variable() -> None:
    assert list(config._PARSERS) == [each.name for each in dataclasses.fields(Settings)]


def test_settings_come_from_variables() -> None:
    settings = load_settings(
        {"DETECTOR_LISTEN": "[::1]:9000", "DETECTOR_MAX_BATCH": "3", "DETECTOR_IOU": "0.25", "OTHER": "x"}
    )
    assert (settings.listen, settings.max_batch, settings.iou) == (("::1", 9000), 3, 0.25)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("SCORE", "1.5"),
        ("SCORE", "nan"),
        ("IOU", "half"),
        ("MAX_BATCH", "0"),
        ("MAX_PIXELS", "1e6"),
        ("BODY_TIMEOUT", "inf"),
        ("LISTEN", "8000"),
        ("LISTEN", "0.0.0.0:70000"),
        ("ACCESS_LOG", "yes"),
        ("LOG_LEVEL", "loud"),
        ("PROVIDERS", "a,,b"),
    ],
)
def test_settings_refuse_what_makes_no_sense(name: str, value: str) -> None:
    with pytest.raises(ConfigError, match=f"DETECTOR_{name} must be"):
        load_settings({f"DETECTOR_{name}": value})


def test_settings_report_all_problems_at_once() -> None:
    with pytest.raises(ConfigError, match=r"DETECTOR_SCORE .*; DETECTOR_WORKERS "):
        load_settings({"DETECTOR_SCORE": "2", "DETECTOR_WORKERS": "none"})


def test_misspelled_variables_are_noticed_and_those_of_kubernetes_are_not() -> None:
    environ = {"DETECTOR_MAX_BACTH": "3", "DETECTOR_PORT": "tcp://10.0.0.1:80", "DETECTOR_SERVICE_HOST": "10.0.0.1"}
    assert unknown_variables({**environ, "DETECTOR_SCORE": "1"}) == ["DETECTOR_MAX_BACTH"]


# ── Picture headers ─────────────────────────────────────────────────────────────────────────────────────

JPEG = (
    b"\xff\xd8\xff\xe0\x00\x04JF"
    b"\xff\xc4\x00\x03\x00"  # a table, in the range of the frame markers
    b"\xff\xff\xc2\x00\x0b\x08\x00\x1e\x00\x28\x01\x01\x11\x00"  # a fill byte, then a progressive frame of 40 x 30
    b"\xff\xda\x00\x02scan\xff\xd9"
)


def webp(kind: bytes, body: bytes) -> bytes:
    chunk = kind + struct.pack("<I", len(body)) + body
    return b"RIFF" + struct.pack("<I", 4 + len(chunk)) + b"WEBP" + chunk


WEBPS = [
    webp(b"VP8 ", b"\x00\x00\x00\x9d\x01\x2a" + struct.pack("<HH", 40, 30)),
    webp(b"VP8L", b"\x2f" + struct.pack("<I", 39 | 29 << 14)),
    webp(b"VP8X", b"\x00\x00\x00\x00\x27\x00\x00\x1d\x00\x00"),
]


@pytest.mark.parametrize("data", [PICTURE, JPEG, *WEBPS])
def test_size_is_read_from_the_header(data: bytes) -> None:
    assert picture_size(data) == (40, 30)


@pytest.mark.parametrize("data", [PICTURE, JPEG, *WEBPS])
def test_files_that_were_cut_off_are_refused_wherever_the_cut_is(data: bytes) -> None:
    for length in range(len(data) - 1):
        with pytest.raises(BadImageError):
            picture_size(data[:length])


@pytest.mark.parametrize("data", [b"", b"GIF89a", b"\xff\xd8\xff\xd9", JPEG.replace(b"\x00\x28", b"\x00\x00")])
def test_other_bytes_are_refused(data: bytes) -> None:
    with pytest.raises(BadImageError):
        picture_size(data)


# ── The HTTP side, with a pipeline that only pretends ───────────────────────────────────────────────────


class FakePipeline:
    """Finds one circle on every picture; can be told to wait, or to fail."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[bytes], float, float]] = []
        self.entered = threading.Semaphore(0)
        self.free = threading.Event()
        self.free.set()
        self.error: Exception | None = None

    def detect(self, encoded: Sequence[bytes], score: float, iou: float) -> Result:
        self.calls.append((list(encoded), score, iou))
        self.entered.release()
        assert self.free.wait(30)
        if self.error is not None:
            raise self.error
        found = [Found(len(data), 1, (Detection("circle", 0.9, (0.0, 0.0, 1.0, 1.0)),)) for data in encoded]
        return Result(tuple(found), {"inference": 0.002, "total": 0.003}, len(found))


class Client:
    """Talks to a server on a loopback port, one connection for each request."""

    def __init__(self, port: int) -> None:
        self.port = port

    def send(
        self, method: str, path: str, body: Any = None, kind: str | None = None
    ) -> tuple[int, dict[str, str], bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, path, body, {} if kind is None else {"Content-Type": kind})
            response = connection.getresponse()
            return response.status, {name.lower(): value for name, value in response.getheaders()}, response.read()
        finally:
            connection.close()

    def post(self, path: str, body: Any = PICTURE, kind: str | None = "image/png") -> tuple[int, Any]:
        status, _, answer = self.send("POST", path, body, kind)
        return status, json.loads(answer)

    def metric(self, line: str) -> float:
        """The value of one line of /metrics; 0 when it is not there yet."""
        text = self.send("GET", "/metrics")[2].decode()
        found = re.search(rf"^{re.escape(line)} (\S+)$", text, re.MULTILINE)
        return float(found[1]) if found else 0.0


def form(*parts: tuple[str, bytes], kind: str = "image/png") -> tuple[bytes, str]:
    """A multipart body with one file for each (field, contents), and its content type."""
    head = '--X\r\nContent-Disposition: form-data; name="{}"; filename="a.png"\r\nContent-Type: {}\r\n\r\n'
    body = b"".join(head.format(name, kind).encode() + data + b"\r\n" for name, data in parts)
    return body + b"--X--\r\n", "multipart/form-data; boundary=X"


Serve = Callable[..., Client]


@contextmanager
def serving(settings: Settings, pipeline: FakePipeline) -> Iterator[Client]:
    """Run the real server in a thread of this process."""
    import uvicorn
    from detector.web import create_app

    app = create_app(settings, pipeline, {"model": {"loaded": True}})
    options = uvicorn.Config(app, "127.0.0.1", 0, loop="asyncio", ws="none", log_config=None, access_log=False)
    server = uvicorn.Server(options)
    thread = threading.Thread(target=server.run)
    thread.start()
    try:
        wait_until(lambda: server.started or not thread.is_alive())
        yield Client(server.servers[0].sockets[0].getsockname()[1])
    finally:
        pipeline.free.set()
        server.should_exit = True
        thread.join(30)


@pytest.fixture
def pipeline() -> FakePipeline:
    return FakePipeline()


@pytest.fixture
def client(pipeline: FakePipeline) -> Iterator[Client]:
    settings = load_settings({"DETECTOR_MAX_BODY_BYTES": "4096", "DETECTOR_MAX_BATCH": "3"})
    with serving(settings, pipeline) as found:
        yield found


def wait_until(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not holds():
        assert time.monotonic() < deadline, "waited for 30 seconds in vain"
        time.sleep(0.02)


def test_health_tells_of_model_and_machine(client: Client) -> None:
    status, _, answer = client.send("GET", "/health")
    assert status == 200
    assert json.loads(answer) == {"status": "ok", "machine": os.uname().machine, "model": {"loaded": True}}


@pytest.mark.parametrize("body", [(PICTURE, "image/png"), (PICTURE, "image/jpeg; q=1"), form(("file", PICTURE))])
def test_detect_takes_a_picture_as_body_or_as_form(
    client: Client, pipeline: FakePipeline, body: tuple[bytes, str]
) -> None:
    status, answer = client.post("/detect?score=0.25&iou=0.75", *body)
    assert status == 200
    assert pipeline.calls == [([PICTURE], 0.25, 0.75)]
    assert answer == {
        "image": {"width": len(PICTURE), "height": 1},
        "boxes": [{"label": "circle", "score": 0.9, "box": [0.0, 0.0, 1.0, 1.0]}],
        "timings_ms": {"inference": 2.0, "total": 3.0},
    }


def test_batch_answers_in_the_order_of_its_files(client: Client, pipeline: FakePipeline) -> None:
    status, answer = client.post("/batch_detect", *form(*(("files", PICTURE + b"." * size) for size in (3, 1, 2))))
    assert status == 200
    assert [result["image"]["width"] - len(PICTURE) for result in answer["results"]] == [3, 1, 2]
    assert len(pipeline.calls) == 1


LARGE = b"." * 4097
REFUSED = [
    ("/detect", (LARGE, "image/png"), 413, "body_too_large"),
    ("/detect", (iter([LARGE[:4000], LARGE[4000:]]), "image/png"), 413, "body_too_large"),  # chunked: no length
    ("/detect", form(("file", LARGE)), 413, "body_too_large"),
    ("/batch_detect", form(("files", LARGE[:2500]), ("files", LARGE[:2500])), 413, "body_too_large"),
    ("/detect", (PICTURE, None), 415, "unsupported_type"),
    ("/detect", (PICTURE, "image/gif"), 415, "unsupported_type"),
    ("/detect", form(("file", PICTURE), kind="text/html"), 415, "unsupported_type"),
    ("/batch_detect", (PICTURE, "image/png"), 415, "unsupported_type"),
    ("/detect", (b"", "image/png"), 422, "bad_image"),
    ("/detect", form(("picture", PICTURE)), 422, "bad_form"),
    ("/detect", form(("file", PICTURE), ("file", PICTURE)), 422, "bad_form"),
    ("/detect", form(), 422, "bad_form"),
    ("/detect", (b"no form", "multipart/form-data; boundary=X"), 422, "bad_form"),
    ("/detect", (b"no form", "multipart/form-data"), 422, "bad_form"),
    ("/batch_detect", form(), 422, "bad_form"),
    ("/batch_detect", form(*[("files", PICTURE)] * 4), 422, "bad_form"),
    ("/batch_detect", form(("files", PICTURE), ("file", PICTURE)), 422, "bad_form"),
    ("/detect?score=1.1", (PICTURE, "image/png"), 422, "bad_parameter"),
    ("/detect?iou=nan", (PICTURE, "image/png"), 422, "bad_parameter"),
    ("/detect?threshold=0.5", (PICTURE, "image/png"), 422, "bad_parameter"),
    ("/nothing", (PICTURE, "image/png"), 404, "http"),
    ("/health", (PICTURE, "image/png"), 405, "http"),
]


@pytest.mark.parametrize(("path", "body", "status", "code"), REFUSED)
def test_bad_requests_are_refused_before_any_work(
    client: Client, pipeline: FakePipeline, path: str, body: tuple[Any, str], status: int, code: str
) -> None:
    found, answer = client.post(path, *body)
    assert (found, answer["error"]["code"]) == (status, code), answer
    assert answer["error"]["message"]
    assert pipeline.calls == []
    assert client.metric("detector_requests_in_flight") == 0


def test_pictures_that_the_pipeline_refuses_are_the_callers_fault(client: Client, pipeline: FakePipeline) -> None:
    pipeline.error = BadImageError("picture 1: no picture")
    status, answer = client.post("/detect")
    assert (status, answer["error"]) == (422, {"code": "bad_image", "message": "picture 1: no picture"})


def test_a_failure_tells_nothing_of_its_insides(client: Client, pipeline: FakePipeline) -> None:
    pipeline.error = RuntimeError("secret path")
    status, answer = client.post("/detect")
    assert (status, answer["error"]["code"]) == (500, "internal")
    assert "secret" not in str(answer)
    assert client.metric('detector_requests_total{method="POST",route="/detect",status="500"}') == 1


def test_requests_beyond_the_limit_are_told_to_come_back(pipeline: FakePipeline) -> None:
    pipeline.free.clear()
    with (
        serving(load_settings({"DETECTOR_MAX_CONCURRENCY": "2"}), pipeline) as client,
        ThreadPoolExecutor() as pool,
    ):
        under_way = [pool.submit(client.post, "/detect") for _ in range(2)]
        wait_until(lambda: client.metric("detector_requests_in_flight") == 2)
        status, headers, answer = client.send("POST", "/detect", PICTURE, "image/png")
        assert (status, headers["retry-after"]) == (503, "1")
        assert json.loads(answer)["error"]["code"] == "busy"
        assert client.send("GET", "/health")[0] == 200
        pipeline.free.set()
        assert [each.result()[0] for each in under_way] == [200, 200]
        assert client.post("/detect")[0] == 200


def test_a_body_that_does_not_arrive_frees_its_place(pipeline: FakePipeline) -> None:
    settings = load_settings({"DETECTOR_BODY_TIMEOUT": "0.2", "DETECTOR_MAX_CONCURRENCY": "1"})
    with serving(settings, pipeline) as client:
        with socket.create_connection(("127.0.0.1", client.port), timeout=30) as slow:
            slow.sendall(
                b"POST /detect HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
            )
            assert slow.recv(100).startswith(b"HTTP/1.1 408 ")
        assert client.post("/detect")[0] == 200


def test_a_client_that_leaves_frees_its_place(pipeline: FakePipeline) -> None:
    with serving(load_settings({"DETECTOR_MAX_CONCURRENCY": "1"}), pipeline) as client:
        with socket.create_connection(("127.0.0.1", client.port), timeout=30) as gone:
            gone.sendall(
                b"POST /detect HTTP/1.1\r\nHost: x\r\nContent-Type: image/png\r\nContent-Length: 99\r\n\r\n"
            )
            wait_until(lambda: client.metric("detector_requests_in_flight") == 1)
        wait_until(
            lambda: client.metric('detector_requests_total{method="POST",route="/detect",status="499"}') == 1
        )
        assert client.post("/detect")[0] == 200


def test_metrics_count_every_request_of_many_threads(client: Client) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: client.post("/detect"), range(80)))
    assert [status for status, _ in answers] == [200] * 80
    client.send("GET", "/" + "x" * 50)
    assert client.metric('detector_requests_total{method="POST",route="/detect",status="200"}') == 80
    assert client.metric('detector_request_seconds_count{route="/detect"}') == 80
    assert client.metric("detector_inference_seconds_count") == 80
    assert client.metric('detector_inference_seconds_bucket{le="0.0025"}') == 80
    assert client.metric('detector_boxes_total{label="circle"}') == 80
    assert client.metric('detector_requests_total{method="other",route="other",status="404"}') == 1


# ── The whole service, as a process of its own ──────────────────────────────────────────────────────────


def environment(library: Path, **settings: str) -> dict[str, str]:
    model = EXAMPLE / "app" / "model"
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("DETECTOR_")},
        "PYTHONPATH": str(SOURCES),
        "DETECTOR_MODEL": str(model / "shapes.onnx"),
        "DETECTOR_LABELS": str(model / "labels.json"),
        "DETECTOR_NMS_LIBRARY": str(library),
        **settings,
    }


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def process(library: Path, **settings: str) -> Iterator[tuple[Client, subprocess.Popen[bytes]]]:
    """Run `python -m detector` until it answers; kill it at the end if it still runs."""
    client = Client(free_port())
    environ = environment(library, DETECTOR_LISTEN=f"127.0.0.1:{client.port}", **settings)
    with subprocess.Popen([sys.executable, "-m", "detector"], env=environ, stderr=subprocess.DEVNULL) as running:
        try:
            wait_until(lambda: running.poll() is not None or answers(environ))
            assert running.poll() is None
            yield client, running
        finally:
            running.kill()


def answers(environ: dict[str, str]) -> bool:
    """Whether the image's own health check is content."""
    check = [sys.executable, "-m", "detector.healthcheck"]
    return subprocess.run(check, env=environ, stderr=subprocess.DEVNULL, timeout=30).returncode == 0


@pytest.fixture(scope="module")
def service(library: Path) -> Iterator[Client]:
    with process(library, DETECTOR_MAX_PIXELS="200000") as (client, _):
        yield client


def test_the_app_passes_its_own_test(library: Path) -> None:
    subprocess.run([sys.executable, EXAMPLE / "app" / "test.py"], env=environment(library), check=True, timeout=60)


@pytest.mark.parametrize("batch", ["1", "8"])
def test_the_service_finds_what_is_there_and_nothing_else(service: Client, batch: str) -> None:
    url = f"http://127.0.0.1:{service.port}"
    command = [sys.executable, EXAMPLE / "evaluate.py", url, "--batch", batch]
    bounds = ["--count", "48", "--min-precision", "0.95", "--min-recall", "0.95"]
    done = subprocess.run([*command, *bounds], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_the_service_names_the_versions_it_runs_with(service: Client) -> None:
    health = json.loads(service.send("GET", "/health")[2])
    assert health["model"]["labels"] == list(shapes.LABELS)
    assert set(health["versions"]) == {"detector", "nms_abi", "python", "numpy", "onnxruntime", "opencv"}


def bomb(width: int, height: int) -> bytes:
    """A file of a few bytes whose header promises many pixels."""
    return PICTURE[:16] + struct.pack(">II", width, height) + PICTURE[24:]


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (bomb(60_000, 60_000), "the limit is 200000"),
        (b"no picture at all", "neither PNG nor JPEG nor WebP"),
        (PICTURE[:-20], "cut off"),
        (JPEG, "cannot be decoded"),
    ],
)
def test_the_service_refuses_bad_pictures(service: Client, data: bytes, message: str) -> None:
    status, answer = service.post("/detect", data)
    assert (status, answer["error"]["code"]) == (422, "bad_image")
    assert message in answer["error"]["message"]


def test_a_bad_picture_in_a_batch_is_named(service: Client) -> None:
    status, answer = service.post("/batch_detect", *form(("files", PICTURE), ("files", b"nothing")))
    assert status == 422
    assert answer["error"]["message"].startswith("picture 1: ")


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"DETECTOR_NMS_LIBRARY": "/nowhere/libedgenms.so"}, "cannot use the NMS library /nowhere/libedgenms.so"),
        ({"DETECTOR_MODEL": "/nowhere/shapes.onnx"}, "cannot load the model /nowhere/shapes.onnx"),
        ({"DETECTOR_PROVIDERS": "NoSuchProvider"}, "DETECTOR_PROVIDERS asks for NoSuchProvider"),
        ({"DETECTOR_MAX_BATCH": "many"}, "DETECTOR_MAX_BATCH must be a number, not 'many'"),
    ],
)
def test_the_service_does_not_start_without_what_it_needs(
    library: Path, settings: dict[str, str], message: str
) -> None:
    environ = environment(library, DETECTOR_LISTEN="127.0.0.1:0", **settings)
    done = subprocess.run(
        [sys.executable, "-m", "detector"], env=environ, capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 2
    assert f"detector: {message}" in done.stderr


def test_requests_under_way_are_answered_after_sigterm(library: Path) -> None:
    large = shapes.png(shapes.blank(1500, 1500, 90))  # takes a while to decode, and little to send
    body, kind = form(*[("files", large)] * 8)
    patient = {"DETECTOR_WORKERS": "1", "DETECTOR_SHUTDOWN_TIMEOUT": "60"}
    with process(library, **patient) as (client, running), ThreadPoolExecutor(8) as pool:
        under_way = [pool.submit(client.post, "/batch_detect", body, kind) for _ in range(8)]
        wait_until(lambda: client.metric("detector_requests_in_flight") == 8)
        running.send_signal(signal.SIGTERM)
        assert not any(each.done() for each in under_way[4:])
        assert [each.result()[0] for each in under_way] == [200] * 8
        assert running.wait(60) == 0
        with pytest.raises(ConnectionRefusedError):
            client.send("GET", "/health")

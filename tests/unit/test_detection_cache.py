"""The detection example's cache of results: what it asks and keeps, and that it is only ever a help.

A small server on a loopback port speaks Redis' protocol; tests/e2e/test_compose_stack.py has Redis itself.
"""

from __future__ import annotations

import json
import socket
import socketserver
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / "examples/detection-service/app/src"))

from detector import cache as cache_module
from detector.cache import CachedDetector, ResultCache
from detector.config import Settings, load_settings
from detector.errors import BadImageError, ConfigError
from detector.results import Detection, Found, Result

CIRCLE = Found(40, 30, (Detection("circle", 0.9, (1.0, 2.5, 3.0, 4.0)),))


class Store(socketserver.ThreadingTCPServer):
    """Keeps texts, and the seconds that it was told to keep them. Silent: takes questions and answers none."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, port: int = 0) -> None:
        super().__init__(("127.0.0.1", port), Connection)
        self.kept: dict[bytes, bytes] = {}
        self.seconds: dict[bytes, int] = {}
        self.questions = 0
        self.silent = False
        threading.Thread(target=self.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()

    @property
    def port(self) -> int:
        return int(self.server_address[1])

    def answer(self, words: list[bytes]) -> bytes:
        name = words[0].upper()
        if name == b"MGET":
            self.questions += 1
            found = [self.kept.get(key) for key in words[1:]]
            parts = [b"$-1\r\n" if one is None else b"$%d\r\n%s\r\n" % (len(one), one) for one in found]
            return b"*%d\r\n" % len(found) + b"".join(parts)
        if name == b"SET" and words[3].upper() == b"EX":
            self.kept[words[1]] = words[2]
            self.seconds[words[1]] = int(words[4])
        return b"+OK\r\n"


class Connection(socketserver.StreamRequestHandler):
    server: Store

    def handle(self) -> None:
        while head := self.rfile.readline():
            words = []
            for _ in range(int(head[1:])):
                length = int(self.rfile.readline()[1:])
                words.append(self.rfile.read(length + 2)[:-2])
            if self.server.silent:
                time.sleep(30)
            self.wfile.write(self.server.answer(words))


class Pipeline:
    """Finds a circle on each picture, but on `bad` ones."""

    identity = "model-1"

    def __init__(self) -> None:
        self.calls: list[tuple[list[bytes], tuple[int, ...]]] = []

    def detect(self, encoded: Sequence[bytes], score: float, iou: float, numbers: Sequence[int] = ()) -> Result:
        self.calls.append((list(encoded), tuple(numbers)))
        for number, picture in zip(numbers, encoded, strict=True):
            if picture == b"bad":
                raise BadImageError(f"picture {number}: bad")
        return Result((CIRCLE,) * len(encoded), {"inference": 0.002, "total": 0.003}, len(encoded))


@pytest.fixture
def store() -> Iterator[Store]:
    with Store() as running:
        yield running
        running.shutdown()


@pytest.fixture
def pipeline() -> Pipeline:
    return Pipeline()


def settings(port: int, **more: str) -> Settings:
    values = {"DETECTOR_CACHE": f"redis://127.0.0.1:{port}/0", "DETECTOR_CACHE_TTL": "60", **more}
    return load_settings(values)


def cached(pipeline: Pipeline, port: int, **more: str) -> CachedDetector:
    return CachedDetector(pipeline, ResultCache(settings(port, **more), pipeline.identity))


def test_a_second_question_is_answered_without_the_pipeline(store: Store, pipeline: Pipeline) -> None:
    detector = cached(pipeline, store.port)
    first, second = (detector.detect([b"a"], 0.5, 0.4) for _ in range(2))
    assert first.pictures == second.pictures == (CIRCLE,)
    assert (first.inferred, first.cache) == (1, {"hit": 0, "miss": 1})
    assert (second.inferred, second.cache) == (0, {"hit": 1, "miss": 0})
    assert second.seconds.keys() == {"cache", "total"}
    assert len(pipeline.calls) == 1
    assert list(store.seconds.values()) == [60]


def test_of_a_batch_only_unknown_pictures_are_asked_about_and_all_keep_their_places(
    store: Store, pipeline: Pipeline
) -> None:
    detector = cached(pipeline, store.port)
    detector.detect([b"b"], 0.5, 0.4)
    result = detector.detect([b"a", b"b", b"c"], 0.5, 0.4)
    assert pipeline.calls[1] == ([b"a", b"c"], (0, 2))
    assert len(result.pictures) == 3
    assert result.cache == {"hit": 1, "miss": 2}
    with pytest.raises(BadImageError, match="picture 2: bad"):
        detector.detect([b"a", b"b", b"bad"], 0.5, 0.4)


def test_a_result_is_known_for_the_same_picture_thresholds_and_model_only(store: Store, pipeline: Pipeline) -> None:
    def key(picture: bytes = b"a", score: float = 0.5, iou: float = 0.4, model: str = "m", **more: str) -> str:
        return ResultCache(settings(store.port, **more), model).key(picture, score, iou)

    others = [
        key(b"b"),
        key(score=0.6),
        key(iou=0.5),
        key(model="n"),
        key(DETECTOR_MAX_DETECTIONS="7"),
        key(DETECTOR_MAX_PIXELS="1000"),
    ]
    assert len({key(), *others}) == 7
    assert key() == key(DETECTOR_WORKERS="2")


@pytest.mark.parametrize("kept", [b"", b"{", b"[1]", b"[1,2,[[1]]]", b"null", b'"x"', b"\xff"])
def test_what_is_damaged_counts_as_unknown(store: Store, pipeline: Pipeline, kept: bytes) -> None:
    detector = cached(pipeline, store.port)
    detector.detect([b"a"], 0.5, 0.4)
    store.kept = dict.fromkeys(store.kept, kept)
    assert detector.detect([b"a"], 0.5, 0.4).pictures == (CIRCLE,)
    assert detector.detect([b"a"], 0.5, 0.4).cache == {"hit": 1, "miss": 0}


def test_without_redis_it_only_asks_now_and_then(
    pipeline: Pipeline, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    port = free_port()
    detector = cached(pipeline, port)
    assert [detector.detect([b"a"], 0.5, 0.4).cache for _ in range(3)] == [{"hit": 0, "unavailable": 1}] * 3
    assert len(pipeline.calls) == 3
    assert [record.levelname for record in caplog.records] == ["WARNING"]

    with Store(port) as store:
        detector.detect([b"a"], 0.5, 0.4)
        assert store.questions == 0  # not yet
        now = time.monotonic()
        monkeypatch.setattr(cache_module.time, "monotonic", lambda: now + cache_module.PAUSE)
        detector.detect([b"a"], 0.5, 0.4)
        assert detector.detect([b"a"], 0.5, 0.4).cache == {"hit": 1, "miss": 0}
        store.shutdown()


def test_a_redis_that_does_not_answer_costs_no_more_than_its_time(store: Store, pipeline: Pipeline) -> None:
    store.silent = True
    detector = cached(pipeline, store.port, DETECTOR_CACHE_TIMEOUT="0.1")
    start = time.monotonic()
    for _ in range(20):
        assert detector.detect([b"a"], 0.5, 0.4).pictures == (CIRCLE,)
    assert time.monotonic() - start < 2  # 20 times the limit, had it asked each time


@pytest.mark.parametrize("url", ["cache:6379", "http://cache", "redis://", "redis://user:hunter2@c/x y"])
def test_an_address_that_is_none_is_refused_without_repeating_it(url: str) -> None:
    with pytest.raises(ConfigError, match="DETECTOR_CACHE must be redis://HOST:PORT/NUMBER") as told:
        load_settings({"DETECTOR_CACHE": url})
    assert "hunter2" not in str(told.value)


def test_what_is_kept_is_json_that_holds_no_more_than_the_result(store: Store, pipeline: Pipeline) -> None:
    cached(pipeline, store.port).detect([b"a"], 0.5, 0.4)
    (text,) = store.kept.values()
    kept: Any = json.loads(text)
    assert kept == [40, 30, [["circle", 0.9, 1.0, 2.5, 3.0, 4.0]]]


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as found:
        return int(found.getsockname()[1])

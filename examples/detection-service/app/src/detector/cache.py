"""Results kept in Redis for a while, by what they follow from. Without Redis the service is slower, no more."""

from __future__ import annotations

import hashlib
import json
import logging
import time
from collections.abc import Sequence
from typing import Any, Protocol

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from detector import __version__
from detector.config import Settings
from detector.results import Detection, Found, Result

log = logging.getLogger(__name__)

PAUSE = 3.0  # seconds without a question after one that was not answered


class Detector(Protocol):
    """What finds objects, and what its results follow from beside the pictures and thresholds."""

    @property
    def identity(self) -> str:
        """A text that differs where results may."""
        ...

    def detect(self, encoded: Sequence[bytes], score: float, iou: float, numbers: Sequence[int] = ()) -> Result:
        """Find objects on all pictures; `numbers` are what errors call them."""
        ...


class ResultCache:
    """Results in Redis, each for a bounded time. It never raises: what cannot be asked is not known."""

    def __init__(self, settings: Settings, identity: str) -> None:
        """`identity`: what results follow from beside picture and thresholds, such as the model's digest."""
        about = json.dumps([__version__, identity, settings.max_detections, settings.max_pixels])
        self._prefix = f"detector:{hashlib.sha256(about.encode()).hexdigest()[:16]}"
        self._ttl = settings.cache_ttl
        self._ask_again = 0.0  # by time.monotonic; worker threads may write it at once, which does no harm
        # One attempt within the time limit: asking twice takes longer than finding out.
        self._redis: Any = redis.Redis.from_url(
            settings.cache,
            socket_timeout=settings.cache_timeout,
            socket_connect_timeout=settings.cache_timeout,
            retry=Retry(NoBackoff(), 0),
            protocol=2,  # which every Redis speaks
        )

    def key(self, picture: bytes, score: float, iou: float) -> str:
        """Return where the result of a picture is kept."""
        return f"{self._prefix}:{score!r}:{iou!r}:{hashlib.sha256(picture).hexdigest()}"

    def get(self, keys: Sequence[str]) -> list[Found | None] | None:
        """Return what is known of each; None if the cache was not asked or did not answer."""
        if time.monotonic() < self._ask_again:
            return None
        try:
            answers = self._redis.mget(keys)
        except redis.RedisError as error:
            self._failed(error)
            return None
        if self._ask_again:
            self._ask_again = 0.0
            log.info("the cache answers again")
        return [_parsed(answer) for answer in answers]

    def put(self, results: dict[str, Found]) -> None:
        """Keep results."""
        try:
            with self._redis.pipeline(transaction=False) as commands:
                for key, found in results.items():
                    commands.set(key, _text(found), ex=self._ttl)
                commands.execute()
        except redis.RedisError as error:
            self._failed(error)

    def _failed(self, error: Exception) -> None:
        if not self._ask_again:
            log.warning("going on without the cache, which does not answer: %s", error)
        self._ask_again = time.monotonic() + PAUSE


class CachedDetector:
    """A detector that is only asked about pictures whose result is not known."""

    def __init__(self, detector: Detector, cache: ResultCache) -> None:
        self._detector = detector
        self._cache = cache

    def detect(self, encoded: Sequence[bytes], score: float, iou: float) -> Result:
        """Find objects on all pictures; BadImageError names the picture it is about."""
        start = time.perf_counter()
        keys = [self._cache.key(picture, score, iou) for picture in encoded]
        known = self._cache.get(keys)
        asked = time.perf_counter()
        found: list[Found | None] = known if known is not None else [None] * len(keys)
        missing = [index for index, one in enumerate(found) if one is None]
        seconds = {"cache": asked - start}
        if missing:
            result = self._detector.detect([encoded[index] for index in missing], score, iou, missing)
            seconds |= result.seconds
            for index, one in zip(missing, result.pictures, strict=True):
                found[index] = one
            if known is not None:
                self._cache.put(dict(zip((keys[index] for index in missing), result.pictures, strict=True)))
        outcomes = {"hit": len(keys) - len(missing), "unavailable" if known is None else "miss": len(missing)}
        pictures = tuple(one for one in found if one is not None)
        return Result(pictures, {**seconds, "total": time.perf_counter() - start}, len(missing), outcomes)


def _text(found: Found) -> str:
    boxes = [[one.label, one.score, *one.box] for one in found.detections]
    return json.dumps([found.width, found.height, boxes], separators=(",", ":"))


def _parsed(text: bytes | None) -> Found | None:
    """Return a result as it was kept; None if there is none, or something else."""
    try:
        width, height, boxes = json.loads(text or b"")
        detections = tuple(Detection(label, score, (x1, y1, x2, y2)) for label, score, x1, y1, x2, y2 in boxes)
    except (TypeError, ValueError):
        return None
    return Found(width, height, detections)

"""What the service counts, as Prometheus reads it."""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    PlatformCollector,
    ProcessCollector,
    generate_latest,
)

from detector.results import Result

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)


class Metrics:
    """One registry for one application. The client's metrics lock themselves: any thread may count."""

    def __init__(self) -> None:
        registry = CollectorRegistry()
        ProcessCollector(registry=registry)
        PlatformCollector(registry=registry)
        self._registry = registry
        self._requests = Counter(
            "detector_requests", "Requests answered.", ["method", "route", "status"], registry=registry
        )
        self._latency = Histogram(
            "detector_request_seconds",
            "Seconds from a request's headers to its answer.",
            ["route"],
            buckets=_SECONDS,
            registry=registry,
        )
        self._inference = Histogram(
            "detector_inference_seconds", "Seconds in the model, per request.", buckets=_SECONDS, registry=registry
        )
        self._pictures = Counter("detector_pictures", "Pictures that went through the model.", registry=registry)
        self._boxes = Counter("detector_boxes", "Boxes returned.", ["label"], registry=registry)
        self._cache = Counter(
            "detector_cache_pictures", "Pictures by what the cache knew of them.", ["outcome"], registry=registry
        )
        self.in_flight = Gauge("detector_requests_in_flight", "Detection requests under way.", registry=registry)

    def answered(self, method: str, route: str, status: int, seconds: float) -> None:
        """Count one request. `route` is one of the service's own paths or `other`: labels must stay few."""
        self._requests.labels(method, route, str(status)).inc()
        self._latency.labels(route).observe(seconds)

    def detected(self, result: Result) -> None:
        """Count one successful detection."""
        if result.inferred:
            self._inference.observe(result.seconds["inference"])
            self._pictures.inc(result.inferred)
        for outcome, count in result.cache.items():
            self._cache.labels(outcome).inc(count)
        for picture in result.pictures:
            for detection in picture.detections:
                self._boxes.labels(detection.label).inc()

    def text(self) -> bytes:
        """All metrics in the text format."""
        return generate_latest(self._registry)

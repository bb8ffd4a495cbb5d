"""The service's settings: environment variables in, one validated value out."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from detector.errors import ConfigError

PREFIX = "DETECTOR_"
# Kubernetes sets these in every pod beside a service named "detector"; that is also why the address is
# DETECTOR_LISTEN and not DETECTOR_PORT.
_NOT_OURS = ("DETECTOR_PORT", "DETECTOR_SERVICE_")

T = TypeVar("T", int, float)


def _number(kind: Callable[[str], T], low: T, high: T) -> Callable[[str], T]:
    """Return a parser of numbers from `low` to `high`."""

    def parse(text: str) -> T:
        try:
            value = kind(text)
        except ValueError:
            raise ValueError(f"must be a number, not {text!r}") from None
        if not math.isfinite(value) or not low <= value <= high:
            raise ValueError(f"must be between {low} and {high}, not {text!r}")
        return value

    return parse


def integer(low: int, high: int) -> Callable[[str], int]:
    """Return a parser of integers from `low` to `high`."""
    return _number(int, low, high)


def real(low: float, high: float) -> Callable[[str], float]:
    """Return a parser of finite numbers from `low` to `high`."""
    return _number(float, low, high)


unit = real(0.0, 1.0)  # scores and IoU


def _listen(text: str) -> tuple[str, int]:
    host, colon, port = text.rpartition(":")
    if not colon or not host:
        raise ValueError(f"must be HOST:PORT, not {text!r}")
    return host.strip("[]"), integer(0, 65535)(port)


def _flag(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(f"must be true or false, not {text!r}")
    return text == "true"


def _level(text: str) -> str:
    if text not in ("debug", "info", "warning", "error"):
        raise ValueError(f"must be debug, info, warning or error, not {text!r}")
    return text


def _cache(text: str) -> str:
    if not re.fullmatch(r"rediss?://[^\s/]+(/[0-9]+)?", text):
        raise ValueError("must be redis://HOST:PORT/NUMBER")  # without the text: it may hold a password
    return text


def _providers(text: str) -> tuple[str, ...]:
    names = tuple(name.strip() for name in text.split(","))
    if not all(names):
        raise ValueError(f"must be execution providers with commas between, not {text!r}")
    return names


def _usable_cores() -> int:
    """The cores this process may run on: a container is often given fewer than the machine has."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


@dataclass(frozen=True)
class Settings:
    """All settings. Field `max_pixels` is the variable DETECTOR_MAX_PIXELS, and so on."""

    listen: tuple[str, int] = ("0.0.0.0", 8000)
    model: Path = Path("/app/model/shapes.onnx")
    labels: Path = Path("/app/model/labels.json")
    nms_library: Path = Path("/usr/local/lib/libedgenms.so")
    providers: tuple[str, ...] = ("auto",)  # of onnxruntime; auto: CUDA where it is, else the CPU

    score: float = 0.5  # boxes below this are left out, unless the query says otherwise
    iou: float = 0.4  # of two boxes of one label that overlap more than this, the better one stays
    max_detections: int = 100

    max_body_bytes: int = 16 << 20
    max_pixels: int = 25_000_000  # of one picture
    max_batch: int = 16
    max_concurrency: int = 16  # detection requests at once; the next one gets 503
    workers: int = field(default_factory=lambda: min(4, _usable_cores()))  # threads that detect
    session_threads: int = 1  # threads inside one inference
    body_timeout: float = 15.0  # seconds for a request's body to arrive
    shutdown_timeout: int = 8  # seconds for requests under way after SIGTERM; Docker kills after 10

    cache: str = ""  # redis://HOST:PORT/NUMBER, where results are kept; empty: nowhere
    cache_ttl: int = 300  # seconds
    cache_timeout: float = 0.2  # seconds for its answer

    log_level: str = "info"
    access_log: bool = False


_PARSERS: dict[str, Callable[[str], Any]] = {
    "listen": _listen,
    "model": Path,
    "labels": Path,
    "nms_library": Path,
    "providers": _providers,
    "score": unit,
    "iou": unit,
    "max_detections": integer(1, 10_000),
    "max_body_bytes": integer(1024, 1 << 30),
    "max_pixels": integer(1, 1 << 30),
    "max_batch": integer(1, 256),
    "max_concurrency": integer(1, 1024),
    "workers": integer(1, 256),
    "session_threads": integer(1, 256),
    "body_timeout": real(0.1, 600.0),
    "shutdown_timeout": integer(1, 600),
    "cache": _cache,
    "cache_ttl": integer(1, 86_400),
    "cache_timeout": real(0.01, 10.0),
    "log_level": _level,
    "access_log": _flag,
}


def load_settings(environ: Mapping[str, str]) -> Settings:
    """Return the settings that an environment holds; ConfigError lists all that is wrong with it."""
    values: dict[str, Any] = {}
    problems: list[str] = []
    for field_name, parse in _PARSERS.items():
        name = PREFIX + field_name.upper()
        if environ.get(name):  # an empty variable counts as not set: compose files write `NAME=`
            try:
                values[field_name] = parse(environ[name])
            except ValueError as error:
                problems.append(f"{name} {error}")
    if problems:
        raise ConfigError("; ".join(problems))
    return Settings(**values)


def unknown_variables(environ: Mapping[str, str]) -> list[str]:
    """Return variables with our prefix that nothing reads: most likely misspelled."""
    known = {PREFIX + field_name.upper() for field_name in _PARSERS}
    ours = {name for name in environ if name.startswith(PREFIX) and not name.startswith(_NOT_OURS)}
    return sorted(ours - known)

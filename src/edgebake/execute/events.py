"""BuildKit's raw progress events (`--progress=rawjson`), gathered into steps.

One JSON object a line. A vertex that several bake targets share is told under each one's name: it is known by its
digest, and its names are joined. Source: docker/buildx `util/progress`, moby/buildkit `client/graph.go`; and seen.
"""

from __future__ import annotations

import base64
import json
import re
from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

KEPT_LOG_LINES = 30
_NAME = re.compile(r"^\[([^\]]*)\]\s*(.*)$", re.DOTALL)


@dataclass
class BuildStep:
    """One vertex of BuildKit's graph. Times are seconds since the epoch."""

    digest: str
    names: list[str] = field(default_factory=list)
    started: float | None = None
    completed: float | None = None
    cached: bool = False
    error: str = ""
    log: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LOG_LINES))

    @property
    def name(self) -> str:
        return self.names[0] if self.names else self.digest

    @property
    def seconds(self) -> float:
        """How long it took; 0 if it has not ended."""
        if self.started is None or self.completed is None:
            return 0.0
        return max(0.0, self.completed - self.started)

    @property
    def is_internal(self) -> bool:
        """Whether it is BuildKit's own work (loading, finding a base image, exporting), not an instruction."""
        return all(_is_internal(name) for name in self.names)

    def labels(self) -> set[str]:
        """Return the words in brackets of all its names: bake targets, platforms, stages."""
        words: set[str] = set()
        for name in self.names:
            match = _NAME.match(name)
            words.update(match[1].split() if match else ())
        # A native stage's platform is told as linux/amd64->arm64: it works for arm64.
        return {re.sub(r"^(\w+)/\w+->(\w+)$", r"\1/\2", word) for word in words}


def _is_internal(name: str) -> bool:
    match = _NAME.match(name)
    if match is None or match[2].startswith("FROM "):
        return True
    # A stage may be called so too, but then the step's number is the last word.
    return match[1].split()[-1:] in (["internal"], ["auth"])


class EventReader:
    """Gathers events into steps, in the order in which they were first seen."""

    def __init__(self) -> None:
        self.steps: dict[str, BuildStep] = {}
        self.other: deque[str] = deque(maxlen=KEPT_LOG_LINES)

    def feed(self, line: str) -> list[BuildStep]:
        """Take one line; return the steps that it ended. A line that is no event is kept as an error text."""
        text = line.strip()
        if not text.startswith("{"):
            if text:
                self.other.append(text)
            return []
        try:
            event = json.loads(text)
        except ValueError:
            self.other.append(text)
            return []
        for log in event.get("logs") or ():
            self._log(log)
        return [step for vertex in event.get("vertexes") or () if (step := self._vertex(vertex)) is not None]

    def _vertex(self, vertex: dict[str, Any]) -> BuildStep | None:
        step = self.steps.setdefault(vertex["digest"], BuildStep(vertex["digest"]))
        name = vertex.get("name", "")
        if name and name not in step.names:
            step.names.append(name)
        step.error = vertex.get("error") or step.error
        started, completed = _seconds(vertex.get("started")), _seconds(vertex.get("completed"))
        if started is not None:
            step.started = min(started, step.started or started)
        ended = completed is not None and step.completed is None
        if completed is not None:
            step.completed = max(completed, step.completed or completed)
            step.cached = bool(vertex.get("cached"))
        return step if ended else None

    def _log(self, log: dict[str, Any]) -> None:
        step = self.steps.get(log.get("vertex", ""))
        if step is not None:
            text = base64.b64decode(log.get("data") or b"").decode("utf-8", "replace")
            step.log.extend(line for line in text.replace("\r", "\n").splitlines() if line.strip())

    def failed(self) -> BuildStep | None:
        """Return the step that failed by itself: siblings that were only cancelled are not the culprit."""
        failed = [step for step in self.steps.values() if step.error]
        culprits = [step for step in failed if "context canceled" not in step.error]
        return next(iter(culprits or failed), None)


def _seconds(text: str | None) -> float | None:
    if not text:
        return None
    # Nanoseconds are more than datetime reads (and Python 3.10 reads no "Z").
    text = re.sub(r"(\.\d{6})\d+", r"\1", text).replace("Z", "+00:00")
    match = re.match(r"(.*T\d\d:\d\d:\d\d)(\.\d+)?(.*)$", text)
    if match is None:
        return None
    fraction = float(match[2] or 0)
    return datetime.fromisoformat(match[1] + match[3]).timestamp() + fraction


def steps_of(steps: Iterable[BuildStep], labels: Iterable[str]) -> list[BuildStep]:
    """Return the steps whose names have all of `labels` (a bake target, a platform)."""
    wanted = set(labels)
    return [step for step in steps if not step.is_internal and wanted <= step.labels()]

"""BuildKit's raw progress events (`--progress=rawjson`), gathered into steps.

One JSON object a line. A vertex that several bake targets share is reported under the name of each: its digest
identifies it, and its names are joined. Source: docker/buildx `util/progress`, moby/buildkit `client/graph.go`; and
seen.
"""

from __future__ import annotations

import base64
import json
import re
import time
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from datetime import datetime
from typing import Any

from edgebake.dataclasses import dataclass

KEPT_LOG_LINES = 30
_LONGEST_LINE = 1 << 16  # bytes that are kept of a line without an end
_PUSHED = re.compile(r"^pushing manifest for (\S+)@(sha256:[0-9a-f]{64})$")
_NAMED = re.compile(r"^naming to (\S+)$")
_EXPORTED = re.compile(r"^exporting (?:manifest list|manifest|config) (sha256:[0-9a-f]{64})$")
_CANCELLED = "context canceled"
_PLACE = re.compile(r"\d+/\d+")
_NAME = re.compile(r"^\[([^\]]*)\]\s*(.*)$", re.DOTALL)


@dataclass
class BuildStep:
    """One vertex of BuildKit's graph. Times are seconds since the epoch, as the engine's clock has it."""

    digest: str  # of the vertex
    names: list[str] = field(default_factory=list)  # under which it was reported
    # whether it is BuildKit's own work (loading, finding a base image, exporting), not an instruction
    internal: bool = True
    bake_targets: set[str] = field(default_factory=set)  # those of the invocation that it is for, as its names say
    # the same with the platform, as far as its names say that
    rows: set[tuple[str, str]] = field(default_factory=set)
    inputs: tuple[str, ...] = ()  # digests of the steps that it needs
    started: float | None = None  # when it began
    completed: float | None = None  # when it ended
    cached: bool = False  # whether it was in the cache
    error: str = ""  # why it failed
    # the last lines that it wrote whole
    lines: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LOG_LINES))
    unfinished: dict[int, bytes] = field(default_factory=dict)  # what it wrote since, by stream
    pushed: dict[str, str] = field(default_factory=dict)  # of an export: digests by reference
    named: list[str] = field(default_factory=list)  # of an export: the references that it was given in a store
    exported: list[str] = field(default_factory=list)  # of an export: the digests of what was written
    # when it was first seen running, by this machine's monotonic clock
    seen: float = field(default_factory=time.monotonic)

    @property
    def log(self) -> list[str]:
        """The last lines that it wrote."""
        return [*self.lines, *_lines(self.unfinished.values())][-KEPT_LOG_LINES:]

    def write(self, stream: int, data: bytes) -> None:
        """Take what it wrote; a piece may end within a line, or within a character."""
        data = self.unfinished.get(stream, b"") + data.replace(b"\r", b"\n")
        *whole, rest = data.split(b"\n")
        self.lines.extend(_lines(whole))
        self.unfinished[stream] = rest[-_LONGEST_LINE:]

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
    def cancelled(self) -> bool:
        """Whether it failed only because something else did, or because it was stopped."""
        return _CANCELLED in self.error

    @property
    def stage(self) -> str:
        """The stage whose instruction it is; empty for BuildKit's own work."""
        for name in self.names:
            words = _bracketed(name)
            if len(words) > 1 and _PLACE.fullmatch(words[-1]):
                return words[-2]
        return ""

    @property
    def text(self) -> str:
        """What it does: an instruction, or words of BuildKit's own."""
        return _text(self.name)

    @property
    def runs(self) -> bool:
        """Whether it runs a command, so that it matters for which machine that is."""
        return self.text.startswith("RUN ")

    @property
    def is_cross(self) -> bool:
        """Whether it works on the build platform for another one (reported as linux/amd64->arm64)."""
        return any("->" in word for name in self.names for word in _bracketed(name))

    @property
    def is_export(self) -> bool:
        """Whether it hands a result over: to a store, a registry, or (`importing`) to the engine."""
        return any(_text(name).startswith(("exporting to ", "importing to ")) for name in self.names)


def _bracketed(name: str) -> list[str]:
    """Return the words in the brackets of a name: bake target, platform, stage, `1/2`."""
    match = _NAME.match(name)
    return match[1].split() if match else []


def _text(name: str) -> str:
    """Return what stands behind the brackets of a name; the name if it has none."""
    match = _NAME.match(name)
    return match[2] if match else name


def _is_internal(name: str) -> bool:
    """Return whether a name is no instruction's: those end in the number of the step in its stage."""
    match = _NAME.match(name)
    return match is None or match[2].startswith("FROM ") or not _PLACE.fullmatch(match[1].split(" ")[-1])


@dataclass
class EventReader:
    """Gathers events into steps, in the order in which they were first seen."""

    built: Mapping[str, Sequence[str]]  # the platforms of each bake target of the invocation
    steps: dict[str, BuildStep] = field(default_factory=dict)  # by their digest
    other: deque[str] = field(default_factory=lambda: deque(maxlen=KEPT_LOG_LINES))  # the last that were no events
    _by_row: dict[tuple[str, str], dict[str, BuildStep]] = field(default_factory=dict)
    _running: dict[str, BuildStep] = field(default_factory=dict)

    def feed(self, line: str) -> list[BuildStep]:
        """Take one line; return the steps that it ended. A line that is no event is kept as an error text."""
        text = line.strip()
        try:
            event = json.loads(text) if text.startswith("{") else None
        except ValueError:
            event = None
        if event is None:
            self.other += [text] if text else []
            return []
        ended = [step for vertex in event.get("vertexes") or () if (step := self._vertex(vertex)) is not None]
        for log in event.get("logs") or ():
            if (step := self.steps.get(log.get("vertex", ""))) is not None:
                step.write(log.get("stream", 0), base64.b64decode(log.get("data") or b""))
        for status in event.get("statuses") or ():
            self._status(status)
        return ended

    def _vertex(self, vertex: dict[str, Any]) -> BuildStep | None:
        step = self.steps.setdefault(vertex["digest"], BuildStep(vertex["digest"]))
        name = vertex.get("name", "")
        if name and name not in step.names:
            self._name(step, name)
        step.inputs = tuple(vertex.get("inputs") or ()) or step.inputs
        started, completed = _seconds(vertex.get("started")), _seconds(vertex.get("completed"))
        if started is not None:
            if step.started is None:
                step.seen = time.monotonic()
            step.started = min(started, step.started or started)
        ended = completed is not None and step.completed is None
        _take_error(step, vertex.get("error") or "", ended=completed is not None)
        if completed is not None:
            step.completed = max(completed, step.completed or completed)
            step.cached = bool(vertex.get("cached"))
            self._running.pop(step.digest, None)
        elif started is not None and step.completed is None:
            self._running[step.digest] = step
        return step if ended else None

    def _name(self, step: BuildStep, name: str) -> None:
        """Add a name to a step. Buildx leaves out what there is only one of: bake target, or platform of it."""
        step.names.append(name)
        step.internal = step.internal and _is_internal(name)
        # The platform of a native stage reads `linux/amd64->arm64`: the stage works for arm64.
        words = [re.sub(r"^(\w+)/\w+->(\w+)$", r"\1/\2", word) for word in _bracketed(name)]
        names = [word for word in words[:1] if word in self.built] if len(self.built) > 1 else list(self.built)
        step.bake_targets.update(names)
        for bake_target in names:
            platforms = self.built[bake_target]
            for platform in platforms if len(platforms) == 1 else [word for word in words if word in platforms]:
                step.rows.add((bake_target, platform))
                if not _is_internal(name):
                    self._by_row.setdefault((bake_target, platform), {})[step.digest] = step

    def _status(self, status: dict[str, Any]) -> None:
        step, line = self.steps.get(status.get("vertex", "")), status.get("id", "")
        if step is None or not status.get("completed"):
            return
        if match := _PUSHED.match(line):
            step.pushed[match[1]] = match[2]
        elif (match := _NAMED.match(line)) and match[1] not in step.named:
            step.named.append(match[1])
        elif (match := _EXPORTED.match(line)) and match[1] not in step.exported:
            step.exported.append(match[1])

    def of(self, bake_target: str, platform: str) -> Sequence[BuildStep]:
        """Return the instructions of a bake target for a platform."""
        return list(self._by_row.get((bake_target, platform), {}).values())

    def running(self) -> Sequence[BuildStep]:
        """Return the steps that have begun and not ended."""
        return list(self._running.values())

    def failed(self) -> list[BuildStep]:
        """Return the steps that failed by themselves, and not those that were only cancelled."""
        return [step for step in self.steps.values() if step.error and not step.cancelled]


def _take_error(step: BuildStep, error: str, *, ended: bool) -> None:
    """Take what one bake target's build says of a step that others may share.

    A build that is cancelled reports its steps as cancelled, though they go on, and end well, for another one.
    """
    if error and (_CANCELLED not in error or step.completed is None):
        step.error = error
    elif ended and not error and step.cancelled:
        step.error = ""


def _lines(pieces: Iterable[bytes]) -> Iterator[str]:
    """Yield bytes as text, without those that show nothing."""
    return (text for piece in pieces if (text := piece.decode("utf-8", "replace")).strip())


def _seconds(text: str | None) -> float | None:
    # Nanoseconds are more than datetime reads (and Python 3.10 reads no "Z").
    match = re.match(r"(.*T\d\d:\d\d:\d\d)(\.\d{1,6})?\d*(.*)$", (text or "").replace("Z", "+00:00"))
    return datetime.fromisoformat(match[1] + match[3]).timestamp() + float(match[2] or 0) if match else None

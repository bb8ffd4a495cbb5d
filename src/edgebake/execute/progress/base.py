"""What every kind of progress has in common. By itself it shows nothing."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, TextIO

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.rows import Row
from edgebake.execute.runner import Ended, Job, Watcher

if TYPE_CHECKING:
    from edgebake.model.output.plan import PlatformWork

HEARTBEAT = 30.0
"""Seconds of silence after which the running steps are shown."""


class Progress(Watcher):
    """Shows nothing: the base of all others.

    The runner calls what a watcher has; what runs a step calls `update`, and `close` when nothing runs any more,
    whatever the reason; the executor calls `work`.
    """

    def __init__(self) -> None:
        self._rows: list[Row] = []  # of the invocations that have begun
        self._modes = Modes()

    def work(self, work: Sequence[PlatformWork], modes: Modes) -> None:
        """Take how the builder does each platform."""
        self._modes = modes

    def began(self, job: Job, events: EventReader) -> None:
        built, now = job.invocation.bake_targets, time.monotonic()
        # A bake target that is retried takes the place of its first attempt.
        self._rows = [row for row in self._rows if row.bake_target not in built]
        self._rows += [Row(name, platform, events, now) for name in built for platform in built[name]]

    def ended(self, ended: Ended) -> None:
        for row in self._rows:
            if row.events is ended.events:
                row.ended, row.state = time.monotonic(), "done" if row.bake_target in ended.done else "failed"

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        """Steps have ended."""

    def close(self) -> None:
        """Nothing runs any more; forget what did."""
        self._rows = []


class Lines(Progress):
    """Writes lines.

    Args:
        stream: where to write.
        heartbeat: seconds of silence after which what runs is shown.
    """

    def __init__(self, stream: TextIO, *, heartbeat: float = HEARTBEAT) -> None:
        super().__init__()
        self._stream = stream
        self._heartbeat = heartbeat
        self._written = time.monotonic()

    def tick(self) -> None:
        if time.monotonic() - self._written >= self._heartbeat:
            for text in self._running():
                self._line(text)
            self._written = time.monotonic()

    def _running(self) -> Iterable[str]:
        """Return the lines for what runs."""
        return ()

    def _line(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
        self._written = time.monotonic()

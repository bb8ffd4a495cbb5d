"""What every kind of progress has in common: the rows of a bake as it runs, and when something is shown."""

from __future__ import annotations

import time
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Literal, TextIO

from edgebake.dataclasses import dataclass
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.runner import Ended, Job, Watcher

if TYPE_CHECKING:
    from edgebake.model.output.plan import PlatformWork

HEARTBEAT = 30.0
"""Seconds of silence after which the running steps are shown."""


RowState = Literal["running", "done", "failed"]


@dataclass
class Row:
    """A bake target on a platform."""

    bake_target: str  # its name
    platform: str  # its platform
    events: EventReader  # what its invocation reports
    began: float  # when it began, by the monotonic clock
    ended: float | None = None  # the same; None while it runs
    state: RowState = "running"  # how it stands

    @property
    def steps(self) -> Sequence[BuildStep]:
        """Its steps that were reported so far; others may share them."""
        return self.events.of(self.bake_target, self.platform)

    @property
    def seconds(self) -> float:
        """How long it runs, or ran."""
        return (self.ended or time.monotonic()) - self.began

    @property
    def cached(self) -> int:
        """How many of its steps were in the cache."""
        return sum(step.cached for step in self.steps)

    @property
    def built(self) -> int:
        """How many of its steps have run."""
        return sum(step.completed is not None and not step.cached for step in self.steps)

    @property
    def current(self) -> BuildStep | None:
        """The step that runs longest of those that run; BuildKit's own work (an export) if there is no other."""
        running = self.events.running()
        steps = [step for step in running if (self.bake_target, self.platform) in step.rows and not step.internal]
        own_work = [step for step in running if step.internal]
        named = [step for step in own_work if self.bake_target in step.bake_targets]
        return min(steps or named or own_work, key=lambda step: step.seen, default=None)


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

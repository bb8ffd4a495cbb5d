"""Runs bakes side by side, a few at a time, under timeouts; whatever ends it leaves nothing running."""

from __future__ import annotations

import contextlib
import selectors
import time
from collections import deque
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.failures import Failure, failure_of, overdue
from edgebake.execute.invocation import Invocation
from edgebake.execute.process import BakeProcess
from edgebake.text.duration import format_duration

GRACE = 10.0
"""Seconds that Buildx has for stopping what it was doing."""
_TICK = 0.25  # seconds

OnSteps = Callable[["Job", EventReader, list[BuildStep]], None]
"""Called with the steps that have ended."""


@dataclass
class Job:
    """An invocation that waits for its turn: the `attempt`-th one, not before a moment of the monotonic clock."""

    invocation: Invocation
    attempt: int = 1
    not_before: float = 0.0


@dataclass(frozen=True)
class Ended:
    """What came of a job: why it failed, or Buildx's metadata by bake target."""

    job: Job
    events: EventReader
    metadata: dict[str, Any] = field(default_factory=dict)
    failure: Failure | None = None


class Watcher(Protocol):
    """Is told of jobs as they begin and end, and of time that passes."""

    def began(self, job: Job, events: EventReader) -> None:
        """A job has begun; its events are read into `events`."""

    def ended(self, job: Job, failure: Failure | None) -> None:
        """A job has ended, and why it failed if it did."""

    def tick(self) -> None:
        """Some of a second has passed, whether or not anything was told."""


@dataclass
class _Running:
    job: Job
    process: BakeProcess
    overdue: BuildStep | None = None
    kill_at: float = 0.0


class Pool:
    """Runs jobs.

    Args:
        size: how many at once.
        on_steps: is told of steps as they end.
        watchers: are told of jobs.
        step_timeout: seconds that one step may take; 0 for any time.
        deadline: the moment of the monotonic clock at which everything is stopped; 0 for never.
    """

    def __init__(
        self,
        size: int,
        on_steps: OnSteps,
        *,
        watchers: Sequence[Watcher] = (),
        step_timeout: float = 0.0,
        deadline: float = 0.0,
    ) -> None:
        self._size = size
        self._on_steps = on_steps
        self._watchers = watchers
        self._step_timeout = step_timeout
        self._deadline = deadline
        self._selector = selectors.DefaultSelector()
        self._running: dict[int, _Running] = {}

    def run(self, queue: deque[Job]) -> Generator[Ended, None, None]:
        """Run the jobs of a queue, to which more may be added while it runs, and yield each as it ends.

        To be closed (contextlib.closing): what runs then is stopped.

        Raises:
            EdgebakeError: the deadline has come.
        """
        try:
            while queue or self._running:
                self._start(queue)
                for running in self._read():
                    ended = self._ended(running)
                    for watcher in self._watchers:
                        watcher.ended(ended.job, ended.failure)
                    yield ended
                for watcher in self._watchers:
                    watcher.tick()
                self._watch()
        finally:
            self.stop()

    def stop(self) -> None:
        """Stop everything that runs; what does not in time is killed."""
        for running in self._running.values():
            self._interrupt(running)
        try:
            while self._running:
                for running in self._read(tell=False):
                    running.process.finish()
                self._kill_late()
        finally:  # a second interrupt
            for running in self._running.values():
                running.process.kill()

    def _start(self, queue: deque[Job]) -> None:
        now = time.monotonic()
        for job in [job for job in queue if job.not_before <= now][: self._size - len(self._running)]:
            queue.remove(job)
            process = BakeProcess(job.invocation)
            self._selector.register(process.descriptor, selectors.EVENT_READ)
            self._running[process.descriptor] = _Running(job, process)
            for watcher in self._watchers:
                watcher.began(job, process.events)

    def _read(self, *, tell: bool = True) -> list[_Running]:
        """Take what the bakes have told since; return those that have ended."""
        ended = []
        if not self._running:
            time.sleep(_TICK)
        for key, _ in self._selector.select(_TICK) if self._running else ():
            running = self._running[key.fd]
            steps = running.process.read()
            if steps is None:
                self._selector.unregister(key.fd)
                ended.append(self._running.pop(key.fd))
            elif tell:
                self._on_steps(running.job, running.process.events, steps)
        return ended

    def _ended(self, running: _Running) -> Ended:
        code, metadata = running.process.finish()
        events, names = running.process.events, frozenset(running.job.invocation.bake_targets)
        if running.overdue is not None:
            limit = format_duration(self._step_timeout)
            return Ended(running.job, events, failure=overdue(running.overdue, limit, names))
        if code:
            return Ended(running.job, events, failure=failure_of(events, names))
        return Ended(running.job, events, metadata)

    # ── time

    def _watch(self) -> None:
        now = time.monotonic()
        if self._deadline and now >= self._deadline:
            raise EdgebakeError(
                "the bake took longer than its --timeout, and was stopped",
                hints=("to build the rest: edgebake bake --resume, with the same other options",),
            )
        for running in self._running.values():
            late = self._late_step(running, now)
            if late is not None:
                running.overdue = late
                self._interrupt(running)
        self._kill_late()

    def _late_step(self, running: _Running, now: float) -> BuildStep | None:
        if not self._step_timeout or running.overdue is not None:
            return None
        late = [step for step in running.process.events.running() if now - step.seen > self._step_timeout]
        return min(late, key=lambda step: step.seen, default=None)

    def _interrupt(self, running: _Running) -> None:
        with contextlib.suppress(ProcessLookupError):
            running.process.interrupt()
        running.kill_at = time.monotonic() + GRACE

    def _kill_late(self) -> None:
        for running in self._running.values():
            if running.kill_at and time.monotonic() >= running.kill_at:
                running.process.kill()

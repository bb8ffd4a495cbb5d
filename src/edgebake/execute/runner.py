"""Runs invocations of Buildx, with retries and under timeouts; whatever ends one leaves nothing running."""

from __future__ import annotations

import random
import time
from collections.abc import Callable, Sequence
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.failures import Failure, failures_of, overdue, unexplained
from edgebake.execute.invocation import Invocation
from edgebake.execute.process import BakeProcess
from edgebake.text.duration import format_duration

_TICK = 0.25  # seconds
_FIRST, _FACTOR, _LONGEST = 2.0, 3.0, 60.0  # seconds

OnSteps = Callable[[EventReader, list[BuildStep]], None]
"""Called with the steps that have ended."""
OnRetry = Callable[[Failure, float], None]


@dataclass(frozen=True)
class Policy:
    """What to do about failures."""

    keep_going: bool = False  # whether what does not depend on a failure goes on
    retries: int = 2  # how often what failed for a transient reason is retried
    step_timeout: float = 0.0  # seconds that a step may take; 0 for any time
    timeout: float = 0.0  # seconds that all may take; 0 for any time
    resumes: tuple[str, ...] = ()  # the runs that this one goes on with


def delay(attempt: int) -> float:
    """Return the seconds to wait after the `attempt`-th try: 2, 6, 18, 54, 60, …, give or take a fifth.

    Many machines that were refused at once do not come back at once.
    """
    seconds = _FIRST * _FACTOR ** (attempt - 1)
    return min(seconds, _LONGEST) * random.uniform(0.8, 1.2)


@dataclass(frozen=True)
class Job:
    """An invocation that is run for the `attempt`-th time."""

    invocation: Invocation
    attempt: int = 1


@dataclass(frozen=True)
class Ended:
    """The result of a job: Buildx's metadata by bake target, and why it failed if it did."""

    job: Job
    events: EventReader
    metadata: dict[str, Any]
    failures: Sequence[Failure] = ()

    @property
    def done(self) -> list[str]:
        """The bake targets that ended well, as far as Buildx says so."""
        names = self.job.invocation.bake_targets
        return [name for name in names if not self.failures or name in self.metadata]


class Watcher:
    """Follows jobs from their beginning to their end, and time as it passes. By itself it does nothing."""

    def began(self, job: Job, events: EventReader) -> None:
        """A job has begun; its events are read into `events`."""

    def ended(self, ended: Ended) -> None:
        """A job has ended."""

    def tick(self) -> None:
        """Some of a second has passed, whether or not anything was reported."""

    def retry(self, number: str, seconds: float, reason: str) -> None:
        """A job is retried after some seconds; `number` is "1 of 2"."""


@dataclass
class Runner:
    """Runs jobs, one at a time."""

    policy: Policy  # how long they may take, and how often they are retried. `timeout` counts from now.
    watchers: Sequence[Watcher]  # follow the jobs

    def __post_init__(self) -> None:
        self._deadline = time.monotonic() + self.policy.timeout if self.policy.timeout else float("inf")

    def run(self, job: Job, on_steps: OnSteps) -> Ended:
        """Run a job to its end.

        Args:
            job: the job.
            on_steps: called with steps as they end.

        Raises:
            EdgebakeError: the time for everything is over.
        """
        process = BakeProcess(job.invocation)
        late = None
        try:
            for watcher in self.watchers:
                watcher.began(job, process.events)
            while late is None and (steps := process.read()) is not None:
                on_steps(process.events, steps)
                self._tick()
                late = self._late_step(process.events)
        except BaseException:
            try:
                process.stop()
            finally:
                process.finish()
            raise
        if late is not None:
            on_steps(process.events, process.stop())
        ended = self._ended(job, process, late)
        for watcher in self.watchers:
            watcher.ended(ended)
        return ended

    def _ended(self, job: Job, process: BakeProcess, late: BuildStep | None) -> Ended:
        code, metadata = process.finish()
        failures = failures_of(process.events) if late is not None or code else []
        if late is not None:
            failures.insert(0, overdue(late, format_duration(self.policy.step_timeout)))
        elif code and not failures:
            failures = [unexplained(process.events, job.invocation.bake_targets)]
        return Ended(job, process.events, metadata, failures)

    def again(self, job: Job, names: Sequence[str], failure: Failure | None, note: OnRetry | None = None) -> Job:
        """Return the job for what is baked once more: a retry, after a wait, if a transient failure is the reason.

        Args:
            job: the one that failed.
            names: what of it is baked once more.
            failure: the transient failure; None if others than these failed.
            note: called with the failure, and the seconds of the wait, before a wait.

        Raises:
            EdgebakeError: the time for everything is over.
        """
        invocation = job.invocation.only(names)
        if failure is None:
            return Job(invocation, job.attempt)
        seconds = delay(job.attempt)
        if note is not None:
            note(failure, seconds)
        for watcher in self.watchers:
            watcher.retry(f"{job.attempt} of {self.policy.retries}", seconds, failure.short)
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            time.sleep(_TICK)
            self._tick()
        return Job(invocation, job.attempt + 1)

    def _tick(self) -> None:
        for watcher in self.watchers:
            watcher.tick()
        if time.monotonic() >= self._deadline:
            hints = ("to build the rest: edgebake bake --resume, with the same other options",)
            raise EdgebakeError("the bake took longer than its --timeout, and was stopped", hints=hints)

    def _late_step(self, events: EventReader) -> BuildStep | None:
        limit = self.policy.step_timeout
        late = [step for step in events.running() if time.monotonic() - step.seen > limit] if limit else []
        return min(late, key=lambda step: step.seen, default=None)

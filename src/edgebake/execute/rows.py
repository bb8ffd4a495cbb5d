"""The rows of a bake as it runs: a bake target on a platform, what it does now, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

from edgebake.execute.events import BuildStep, EventReader

if TYPE_CHECKING:
    from edgebake.execute.pool import Job

RowState = Literal["running", "done", "failed"]


@dataclass
class Row:
    """A bake target on a platform.

    Attributes:
        bake_target: its name.
        platform: empty if it is not known.
        began: when, by the monotonic clock.
        ended: the same; None while it runs.
        state: how it stands.
        steps: its steps that were told so far; others may share them.
    """

    bake_target: str
    platform: str
    began: float
    ended: float | None = None
    state: RowState = "running"
    steps: dict[str, BuildStep] = field(default_factory=dict)
    events: EventReader = field(default_factory=EventReader)

    @property
    def seconds(self) -> float:
        """How long it runs, or ran."""
        return (self.ended or time.monotonic()) - self.began

    @property
    def cached(self) -> int:
        """How many of its steps were in the cache."""
        return sum(step.cached for step in self.steps.values())

    @property
    def built(self) -> int:
        """How many of its steps have run."""
        return sum(step.completed is not None and not step.cached for step in self.steps.values())

    @property
    def current(self) -> BuildStep | None:
        """The step that runs longest of those that run; BuildKit's own work (an export) if there is no other."""
        running = (step for step in self.steps.values() if step.started is not None and step.completed is None)
        return min(running, key=lambda step: step.seen, default=None) or self._own_work()

    def _own_work(self) -> BuildStep | None:
        running = [step for step in self.events.running() if step.is_internal]
        named = [step for step in running if self.bake_target in step.labels()]
        return min(named or running, key=lambda step: step.seen, default=None)


class Rows:
    """The rows of the invocations that have begun."""

    def __init__(self) -> None:
        self._rows: dict[int, list[Row]] = {}
        self._events: dict[int, EventReader] = {}
        self._known: dict[tuple[int, str], int] = {}  # how many names of a step were looked at

    def begin(self, job: Job, events: EventReader) -> None:
        """Add the rows of an invocation. One that is tried again takes the place of the first."""
        names, platforms = job.invocation.bake_targets, job.invocation.platforms or [""]
        for rows in self._rows.values():
            rows[:] = [row for row in rows if row.bake_target not in names]
        now = time.monotonic()
        rows = [Row(name, platform, now, events=events) for name in names for platform in platforms]
        self._rows[id(job)] = rows
        self._events[id(job)] = events

    def end(self, job: Job, *, failed: bool) -> None:
        """Tell how an invocation ended."""
        self._look(id(job))
        self._events.pop(id(job), None)
        for row in self._rows.get(id(job), ()):
            row.ended, row.state = time.monotonic(), "failed" if failed else "done"

    def __iter__(self) -> Iterator[Row]:
        """Yield the rows, with what was told since."""
        for key in self._events:
            self._look(key)
        yield from (row for rows in self._rows.values() for row in rows)

    def _look(self, key: int) -> None:
        """Give steps to the rows that their names are about."""
        rows, events = self._rows.get(key, []), self._events.get(key)
        many = len({row.bake_target for row in rows}) > 1
        apart = len({row.platform for row in rows}) > 1
        for step in events.steps.values() if events else ():
            if self._known.get((key, step.digest)) == len(step.names) or step.is_internal:
                continue
            self._known[key, step.digest] = len(step.names)
            labels = step.labels()
            for row in rows:
                if (not many or row.bake_target in labels) and (not apart or row.platform in labels):
                    row.steps[step.digest] = step

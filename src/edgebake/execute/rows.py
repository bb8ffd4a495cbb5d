"""The rows of a bake as it runs: a bake target on a platform, what it does now, and how far it is."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgebake.execute.events import BuildStep, EventReader

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

"""What ran: each invocation of Buildx with all that BuildKit reported of it, for a drawing of the build."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.execute.events import EventReader
from edgebake.execute.runner import Ended, Job, Watcher

Outcome = Literal["done", "failed", "stopped"]


@dataclass
class Ran:
    """One invocation."""

    bake_targets: Sequence[str]  # what it was for
    platforms: Sequence[str]  # all that were built
    attempt: int  # 1, and more if it was retried
    events: EventReader  # what BuildKit reported
    began: float  # seconds since the epoch
    ended: float | None = None  # the same; None while it runs
    outcome: Outcome = "stopped"  # how it ended: `stopped` if it never ended by itself


class Recording(Watcher):
    """Takes down invocations, one after the other."""

    def __init__(self) -> None:
        self.invocations: list[Ran] = []

    def began(self, job: Job, events: EventReader) -> None:
        names, platforms = tuple(job.invocation.bake_targets), tuple(job.invocation.platforms)
        self.invocations.append(Ran(names, platforms, job.attempt, events, time.time()))

    def ended(self, ended: Ended) -> None:
        ran = self.invocations[-1]
        ran.ended, ran.outcome = time.time(), "failed" if ended.failures else "done"

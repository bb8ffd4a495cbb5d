"""What ran: each invocation of Buildx with all that BuildKit reported of it, for a drawing of the build."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from edgebake.execute.events import EventReader
from edgebake.execute.runner import Ended, Job, Watcher

Outcome = Literal["done", "failed", "stopped"]


@dataclass
class Ran:
    """One invocation.

    Attributes:
        bake_targets: what it was for.
        platforms: all that were built.
        attempt: 1, and more if it was retried.
        events: what BuildKit reported.
        began: seconds since the epoch.
        ended: the same; None while it runs.
        outcome: how it ended: `stopped` if it never ended by itself.
    """

    bake_targets: Sequence[str]
    platforms: Sequence[str]
    attempt: int
    events: EventReader
    began: float
    ended: float | None = None
    outcome: Outcome = "stopped"


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

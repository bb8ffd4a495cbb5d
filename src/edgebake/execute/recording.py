"""What ran: each invocation of Buildx with all that BuildKit told of it, for a drawing of the build."""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from edgebake.execute.events import EventReader

if TYPE_CHECKING:
    from edgebake.execute.failures import Failure
    from edgebake.execute.pool import Job

Outcome = Literal["done", "failed", "stopped"]


@dataclass
class Ran:
    """One invocation.

    Attributes:
        bake_targets: what it was for.
        platforms: those that were built; none if that is not known.
        attempt: 1, and more if it was tried again.
        events: what BuildKit told.
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


class Recording:
    """Takes down invocations, in the order in which they began."""

    def __init__(self) -> None:
        self.invocations: list[Ran] = []
        self._open: dict[int, Ran] = {}

    def began(self, job: Job, events: EventReader) -> None:
        """An invocation has begun."""
        invocation = job.invocation
        ran = Ran(tuple(invocation.bake_targets), tuple(invocation.platforms), job.attempt, events, time.time())
        self.invocations.append(ran)
        self._open[id(job)] = ran

    def ended(self, job: Job, failure: Failure | None) -> None:
        """An invocation has ended."""
        ran = self._open.pop(id(job))
        ran.ended, ran.outcome = time.time(), "failed" if failure else "done"

    def tick(self) -> None:
        """Nothing is to be done as time passes."""

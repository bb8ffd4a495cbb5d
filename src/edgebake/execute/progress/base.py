"""What every kind of progress has in common. By itself it shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.rows import Rows

if TYPE_CHECKING:
    from edgebake.execute.runner import Ended, Job
    from edgebake.model.output.plan import PlatformWork

HEARTBEAT = 30.0
"""Seconds of silence after which the running steps are shown."""


class Progress:
    """Shows nothing: the base of all others.

    The runner calls `began`, `ended`, `tick` and `retry`; what runs a step calls `update`, and `close` when nothing
    runs any more, whatever the reason; the executor calls `work`.
    """

    def __init__(self) -> None:
        self._rows = Rows()
        self._modes = Modes()

    def work(self, work: Sequence[PlatformWork], modes: Modes) -> None:
        """Take how the builder does each platform."""
        self._modes = modes

    def began(self, job: Job, events: EventReader) -> None:
        """An invocation has begun."""
        self._rows.begin(job, events)

    def ended(self, ended: Ended) -> None:
        """An invocation has ended."""
        self._rows.end(ended)

    def tick(self) -> None:
        """Time has passed."""

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        """Steps have ended."""

    def retry(self, number: str, seconds: float, reason: str) -> None:
        """An invocation is retried after some seconds; `number` is "1 of 2"."""

    def close(self) -> None:
        """Nothing runs any more; forget what did."""
        self._rows = Rows()

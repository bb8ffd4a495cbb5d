"""What every kind of progress has in common. By itself it shows nothing."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.rows import Rows
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
        self._rows = Rows()
        self._modes = Modes()

    def work(self, work: Sequence[PlatformWork], modes: Modes) -> None:
        """Take how the builder does each platform."""
        self._modes = modes

    def began(self, job: Job, events: EventReader) -> None:
        self._rows.begin(job, events)

    def ended(self, ended: Ended) -> None:
        self._rows.end(ended)

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        """Steps have ended."""

    def close(self) -> None:
        """Nothing runs any more; forget what did."""
        self._rows = Rows()

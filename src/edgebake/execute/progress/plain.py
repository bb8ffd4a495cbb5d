"""Progress as plain lines."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, TextIO

from edgebake.execute.builders import work_sentence
from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.progress.base import HEARTBEAT, Lines
from edgebake.text.duration import format_duration
from edgebake.text.printable import printable

if TYPE_CHECKING:
    from edgebake.execute.runner import Job
    from edgebake.model.output.plan import PlatformWork

WORTH_A_LINE = 0.3
"""Seconds from which on a step that ends is shown."""


class Plain(Lines):
    """A line for each step that ends, and after a long silence one for each step that runs."""

    def __init__(self, stream: TextIO, *, heartbeat: float = HEARTBEAT) -> None:
        super().__init__(stream, heartbeat=heartbeat)
        self._shown: set[str] = set()

    def work(self, work: Sequence[PlatformWork], modes: Modes) -> None:
        super().work(work, modes)
        for platform_work in work:
            self._line(work_sentence(platform_work))

    def began(self, job: Job, events: EventReader) -> None:
        super().began(job, events)
        self._written = time.monotonic()

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        for step in ended:
            if is_worth_a_line(step) and step.digest not in self._shown:  # a retry reports it again
                self._shown.add(step.digest)
                self._line(self._ended(step))

    def retry(self, number: str, seconds: float, reason: str) -> None:
        self._line(f"↻ retry {number} in {seconds:.0f} s: {printable(reason)}")

    def close(self) -> None:
        super().close()
        self._shown.clear()

    def _ended(self, step: BuildStep) -> str:
        return f"{'✗' if step.error else '✓'} {step.seconds:6.1f}s  {one_line(step.name)}"

    def _running(self) -> list[str]:
        rows = [row for row in self._rows if row.state == "running"]
        steps = {step.digest: step for row in rows if (step := row.current) is not None}
        if rows and not steps:
            return [f"… {format_duration(round(max(row.seconds for row in rows)))}  waiting for the builder"]
        ages = {digest: time.monotonic() - step.seen for digest, step in steps.items()}
        longest = sorted(steps, key=lambda one: -ages[one])
        return [
            f"… {format_duration(round(ages[one]))} and running  {one_line(steps[one].name)}" for one in longest
        ]


def is_worth_a_line(step: BuildStep) -> bool:
    """Tell whether a step that has ended deserves a line: it took some time, or failed by itself."""
    if step.internal or step.cancelled:
        return False
    return bool(step.error) or (not step.cached and step.seconds >= WORTH_A_LINE)


def one_line(name: str, limit: int = 110) -> str:
    """Return text as one line without control characters, cut if it is long."""
    text = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

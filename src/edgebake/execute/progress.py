"""How a bake is shown as it goes: lines, a table on a terminal, JSON lines, or nothing (docs/progress.md)."""

from __future__ import annotations

import time
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, TextIO

from edgebake.execute.events import BuildStep, EventReader
from edgebake.execute.modes import Modes
from edgebake.execute.progress_mode import Mode
from edgebake.execute.rows import Rows
from edgebake.text.duration import told_duration

if TYPE_CHECKING:
    from edgebake.execute.builders import Work
    from edgebake.execute.failures import Failure
    from edgebake.execute.pool import Job

HEARTBEAT = 30.0
"""Seconds of silence after which a bake tells what runs."""
WORTH_A_LINE = 0.3
"""Seconds from which on a step that ends is told."""


class Progress:
    """Shows nothing: what others are made from.

    It watches the pool (`began`, `ended`, `tick`), and is told of steps (`update`), of retries, and of the
    builder's work. `close` is called when nothing runs any more, however it came to that.
    """

    def __init__(self) -> None:
        self._rows = Rows()
        self._modes = Modes()

    def work(self, work: Sequence[Work], modes: Modes) -> None:
        """Take how the platforms' work is done."""
        self._modes = modes

    def began(self, job: Job, events: EventReader) -> None:
        """An invocation has begun."""
        self._rows.begin(job, events)

    def ended(self, job: Job, failure: Failure | None) -> None:
        """An invocation has ended."""
        self._rows.end(job, failed=failure is not None)

    def tick(self) -> None:
        """Time has passed."""

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        """Steps have ended."""

    def retry(self, number: str, seconds: float, reason: str) -> None:
        """Something is tried again, for which time, and after how many seconds."""

    def close(self) -> None:
        """Nothing runs any more; forget what did."""
        self._rows = Rows()


class Plain(Progress):
    """A line for each step that ends, and after a long silence one that tells what runs.

    Args:
        stream: where to write.
        heartbeat: seconds of silence after which what runs is told.
    """

    def __init__(self, stream: TextIO, *, heartbeat: float = HEARTBEAT) -> None:
        super().__init__()
        self._stream = stream
        self._heartbeat = heartbeat
        self._written = time.monotonic()
        self._told: set[str] = set()

    def work(self, work: Sequence[Work], modes: Modes) -> None:
        super().work(work, modes)
        for one in work:
            self._line(str(one))

    def began(self, job: Job, events: EventReader) -> None:
        super().began(job, events)
        self._written = time.monotonic()

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        for step in ended:
            if is_worth_telling(step) and step.digest not in self._told:  # bakes that share a step tell of it once
                self._told.add(step.digest)
                self._line(self._ended(step))

    def tick(self) -> None:
        if time.monotonic() - self._written >= self._heartbeat:
            for text in self._running():
                self._line(text)
            self._written = time.monotonic()

    def retry(self, number: str, seconds: float, reason: str) -> None:
        self._line(f"↻ retry {number} in {seconds:.0f} s: {reason}")

    def close(self) -> None:
        super().close()
        self._told.clear()

    def _ended(self, step: BuildStep) -> str:
        return f"{'✗' if step.error else '✓'} {step.seconds:6.1f}s  {one_line(step.name)}"

    def _running(self) -> list[str]:
        rows = [row for row in self._rows if row.state == "running"]
        steps = {step.digest: step for row in rows if (step := row.current) is not None}
        if rows and not steps:
            return [f"… {told_duration(round(max(row.seconds for row in rows)))}  waiting for the builder"]
        ages = {digest: time.monotonic() - step.seen for digest, step in steps.items()}
        longest = sorted(steps, key=lambda digest: -ages[digest])
        return [f"… {told_duration(round(ages[one]))} and running  {one_line(steps[one].name)}" for one in longest]

    def _line(self, text: str) -> None:
        self._stream.write(f"{text}\n")
        self._stream.flush()
        self._written = time.monotonic()


def make_progress(mode: Mode, stream: TextIO, environment: Mapping[str, str]) -> Progress:
    """Return what shows progress.

    Args:
        mode: how. `auto`: as a table if the stream is a terminal that can, else plain.
        stream: where to.
        environment: `NO_COLOR` (https://no-color.org) and `TERM`.
    """
    if mode is Mode.auto:
        able = stream.isatty() and environment.get("TERM", "dumb") != "dumb"
        mode = Mode.tty if able else Mode.plain
    match mode:
        case Mode.quiet:
            return Progress()
        case Mode.json:
            from edgebake.execute.progress_json import JsonLines

            return JsonLines(stream)
        case Mode.tty:
            from edgebake.execute.progress_table import Table

            return Table(stream, colour=not environment.get("NO_COLOR"))
        case _:
            return Plain(stream)


def is_worth_telling(step: BuildStep) -> bool:
    """Tell whether a step that has ended deserves a line: it did something, or failed by itself."""
    if step.is_internal or step.cancelled:
        return False
    return bool(step.error) or (not step.cached and step.seconds >= WORTH_A_LINE)


def one_line(name: str, limit: int = 110) -> str:
    """Return text as one line without control characters, cut if it is long."""
    text = " ".join("".join(char if char.isprintable() else " " for char in name).split())
    return text if len(text) <= limit else text[: limit - 1] + "…"

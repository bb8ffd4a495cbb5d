"""Live progress on stderr: a line for each step that ends, and on a terminal one that shows what runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from typing import TextIO

from edgebake.execute.events import BuildStep, EventReader

_WORTH_A_LINE = 0.3  # seconds


class Progress:
    """Shows bakes as they go, one or several side by side.

    Args:
        stream: where to write.
        terminal: whether lines can be written over.
        quiet: show nothing.
    """

    def __init__(self, stream: TextIO, *, terminal: bool, quiet: bool) -> None:
        self._stream = stream
        self._terminal = terminal
        self._quiet = quiet
        self._last = 0.0
        self._readers: dict[int, EventReader] = {}
        self._told: set[str] = set()

    def tell(self, lines: Iterable[str]) -> None:
        """Show lines of text."""
        for line in lines if not self._quiet else ():
            self.line(line)

    def update(self, reader: EventReader, ended: list[BuildStep]) -> None:
        """Show the steps that ended, and what runs now. Bakes that share a step tell of it once."""
        if self._quiet:
            return
        self._readers[id(reader)] = reader
        for step in ended:
            if self._is_worth_a_line(step) and step.digest not in self._told:
                self._told.add(step.digest)
                mark = "✗" if step.error else "✓"
                self.line(f"{mark} {step.seconds:6.1f}s  {_one_line(step.name)}")
        if self._terminal and time.monotonic() - self._last > 0.1:
            self._last = time.monotonic()
            self._status()

    def retry(self, number: str, seconds: float, reason: str) -> None:
        """Tell that something is tried again, for which time, and after how many seconds."""
        self.line(f"↻ retry {number} in {seconds:.0f} s: {reason}")

    def line(self, text: str) -> None:
        """Write a line that stays."""
        if not self._quiet:
            clear = "\r\x1b[K" if self._terminal else ""
            self._stream.write(f"{clear}{text}\n")
            self._stream.flush()

    def close(self) -> None:
        """Remove the line of what runs, and forget the bakes."""
        self._readers.clear()
        self._told.clear()
        if self._terminal and not self._quiet:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _is_worth_a_line(self, step: BuildStep) -> bool:
        if step.is_internal or step.cancelled:
            return False
        return bool(step.error) or (not step.cached and step.seconds >= _WORTH_A_LINE)

    def _status(self) -> None:
        every = {step.digest: step for reader in self._readers.values() for step in reader.steps.values()}
        steps = [step for step in every.values() if not step.is_internal]
        done = sum(step.completed is not None for step in steps)
        running = [step for step in steps if step.started is not None and step.completed is None]
        text = f"[{done}/{len(steps)}]"
        if running:
            longest = min(running, key=lambda step: step.started or 0.0)
            text += f" {time.time() - (longest.started or 0.0):4.0f}s {_one_line(longest.name)}"
            text += f"  (+{len(running) - 1} more)" if running[1:] else ""
        self._stream.write("\r\x1b[K" + text[: shutil.get_terminal_size().columns - 1])
        self._stream.flush()


def _one_line(name: str) -> str:
    text = " ".join(name.split())
    return text if len(text) <= 110 else text[:109] + "…"

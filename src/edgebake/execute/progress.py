"""Live progress on stderr: a line for each step that ends, and on a terminal one that shows what runs."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from typing import TextIO

from edgebake.execute.events import BuildStep, EventReader

_WORTH_A_LINE = 0.3  # seconds


class Progress:
    """Shows a bake as it goes.

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

    def tell(self, lines: Iterable[str]) -> None:
        """Show lines of text."""
        for line in lines if not self._quiet else ():
            self._line(line)

    def update(self, reader: EventReader, ended: list[BuildStep]) -> None:
        """Show the steps that ended, and what runs now."""
        if self._quiet:
            return
        for step in ended:
            if not step.is_internal and (step.error or (not step.cached and step.seconds >= _WORTH_A_LINE)):
                mark = "✗" if step.error else "✓"
                self._line(f"{mark} {step.seconds:6.1f}s  {_one_line(step.name)}")
        if self._terminal and time.monotonic() - self._last > 0.1:
            self._last = time.monotonic()
            self._status(reader)

    def close(self) -> None:
        """Remove the line of what runs."""
        if self._terminal and not self._quiet:
            self._stream.write("\r\x1b[K")
            self._stream.flush()

    def _line(self, text: str) -> None:
        clear = "\r\x1b[K" if self._terminal else ""
        self._stream.write(f"{clear}{text}\n")
        self._stream.flush()

    def _status(self, reader: EventReader) -> None:
        steps = [step for step in reader.steps.values() if not step.is_internal]
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

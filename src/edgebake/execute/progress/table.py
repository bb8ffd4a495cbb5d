"""Progress on a terminal: lines for steps that have ended, and below them a table of what runs, redrawn."""

from __future__ import annotations

import re
import shutil
import signal
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from rich.cells import cell_len, set_cell_size

from edgebake.execute.progress.base import Row
from edgebake.execute.progress.plain import Plain, one_line

if TYPE_CHECKING:
    from edgebake.execute.events import BuildStep, EventReader
    from edgebake.execute.runner import Ended

_EVERY = 0.2  # seconds
_OPTIONS = re.compile(r"^(\[[^\]]*\] )?RUN(?:\s+--\S+)+\s+")
_COLOURS = {"bold": "1", "dim": "2", "red": "31", "green": "32", "yellow": "33", "cyan": "36"}


class Table(Plain):
    """A table with a line for each bake target and platform.

    The cursor stays visible, and a line is never longer than the terminal: whatever ends the process, the terminal
    is as it was.

    Args:
        stream: a terminal.
        colour: whether text may be coloured.
    """

    def __init__(self, stream: TextIO, *, colour: bool) -> None:
        super().__init__(stream, heartbeat=float("inf"))
        self._colour = colour
        self._drawn = 0  # lines
        self._last = 0.0

    def update(self, events: EventReader, ended: list[BuildStep]) -> None:
        super().update(events, ended)
        self.tick()

    def ended(self, ended: Ended) -> None:
        super().ended(ended)
        self._draw()

    def tick(self) -> None:
        if time.monotonic() - self._last >= _EVERY:
            self._draw()

    def close(self) -> None:
        self._erase()
        self._stream.flush()
        super().close()

    # ── drawing

    def _line(self, text: str) -> None:
        self._erase()
        mark, rest = text[:1], text[1:]
        colour = {"✓": "green", "✗": "red", "↻": "yellow"}.get(mark)
        super()._line(f"{self._paint(mark, colour)}{rest}" if colour else text)

    def _ended(self, step: BuildStep) -> str:
        text = f"{'✗' if step.error else '✓'} {step.seconds:6.1f}s  {one_line(_without_options(step.name), 500)}"
        return cut(text, max(20, shutil.get_terminal_size().columns - 1))

    def _draw(self) -> None:
        self._last = time.monotonic()
        size = shutil.get_terminal_size()
        lines = self._table(max(20, size.columns - 1), max(3, size.lines - 2))
        with _uninterrupted():
            self._erase()
            self._stream.write("".join(f"{line}\n" for line in lines))
            self._stream.flush()
            self._drawn = len(lines)

    def _erase(self) -> None:
        with _uninterrupted():
            if self._drawn:
                self._stream.write(f"\x1b[{self._drawn}A\r\x1b[J")  # up to its first line; clear what is below
                self._drawn = 0

    def _paint(self, text: str, name: str) -> str:
        return f"\x1b[{_COLOURS[name]}m{text}\x1b[0m" if self._colour and text else text

    # ── the table

    def _table(self, width: int, height: int) -> list[str]:
        rows = sorted(self._rows, key=lambda row: ("failed", "running", "done").index(row.state))
        if not rows:
            return []
        shown = rows if len(rows) < height else rows[: height - 2]
        left = len(rows) - len(shown)
        columns = [max(len(cell) for cell in cells) for cells in zip(*map(self._facts, shown), strict=True)]
        lines = [self._head(rows, width), *(self._row(row, columns, width) for row in shown)]
        return [*lines, *([self._paint(f"  … and {left} more", "dim")] if left else [])]

    def _head(self, rows: Sequence[Row], width: int) -> str:
        readers = {id(row.events): row.events for row in rows}
        all_steps = (step for events in readers.values() for step in events.steps.values())
        steps = [step for step in all_steps if step.rows and not step.internal]
        done = sum(step.completed is not None for step in steps)
        cached = sum(step.cached for step in steps)
        text = f"{clock(max(row.seconds for row in rows))}  {done} of {len(steps)} steps so far, {cached} cached"
        return self._paint(cut(text, width), "bold")

    def _facts(self, row: Row) -> tuple[str, ...]:
        mark = {"running": "▸", "done": "✓", "failed": "✗"}[row.state]
        mode = self._modes.platforms.get(row.platform, "")
        return mark, row.bake_target, row.platform, mode, clock(row.seconds), f"{row.cached} cached"

    def _row(self, row: Row, columns: Sequence[int], width: int) -> str:
        """Return a line; of one that does not fit, mode and platform go last: the step is what moves."""
        mark, name, platform, mode, elapsed, cached = (
            cell.ljust(size) for cell, size in zip(self._facts(row), columns, strict=True)
        )
        text = cut(f"{name}  {platform}  {mode}  {elapsed}  {cached}  {self._now(row)}", width - 2)
        colour = {"running": "cyan", "done": "green", "failed": "red"}[row.state]
        if row.state == "done":
            text = self._paint(text, "dim")
        elif mode.strip() == "emulated":
            text = text.replace(mode, self._paint(mode, "yellow"), 1)
        return f"{self._paint(mark, colour)} {text}"

    def _now(self, row: Row) -> str:
        step = row.current
        if row.state != "running":
            return f"{row.built} built"
        if step is None:
            return "waiting"
        text = one_line(_without_options(step.text), 200)
        what = f"{step.stage}: {text}" if step.stage else text
        return f"{clock(time.monotonic() - step.seen)}  {what}"


@contextmanager
def _uninterrupted() -> Iterator[None]:
    """Let Ctrl-C wait for a moment: what was drawn, and what is known of it, must not differ."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, (signal.SIGINT, signal.SIGTERM))
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _without_options(text: str) -> str:
    """Return an instruction without its mounts, which say less than the command behind them."""
    return _OPTIONS.sub(r"\1RUN ", text)


def clock(seconds: float) -> str:
    """Return a duration as a column of a table has it.

    >>> clock(75), clock(3700)
    ('1:15', '1:01:40')
    """
    minutes, rest = divmod(int(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


def cut(text: str, width: int) -> str:
    """Return text that takes at most `width` columns of a terminal."""
    text = text.rstrip()
    return text if cell_len(text) <= width else set_cell_size(text, width - 1).rstrip() + "…"

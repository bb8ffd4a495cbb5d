"""A word on a terminal about what a command is busy with, until it has something to show."""

from __future__ import annotations

import os
import sys

import typer

_ERASE = "\r\x1b[K"


class Waiting:
    """Says on stderr what is being waited for, and takes it back in the end; where that is no terminal, nothing.

    Args:
        text: what goes on ("planning what to build").
        shown: say it at all.
    """

    def __init__(self, text: str, *, shown: bool = True) -> None:
        self._text = text
        self._said = False
        self._stream = sys.stderr
        self._shown = shown and self._stream.isatty() and os.environ.get("TERM", "dumb") != "dumb"

    def __enter__(self) -> Waiting:
        if self._shown:
            self._said = True
            self._stream.write(f"{self._text} …")
            self._stream.flush()
        return self

    def end(self) -> None:
        """Take it back: something else is shown now. A second time does nothing."""
        if self._said:
            self._said = False
            self._stream.write(_ERASE)
            self._stream.flush()

    def report(self, line: str) -> None:
        """Show a line on stderr in its place."""
        self.end()
        typer.echo(line, err=True)

    def __exit__(self, *exception: object) -> None:
        self.end()

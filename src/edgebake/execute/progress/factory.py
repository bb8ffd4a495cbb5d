"""Makes the kind of progress that is asked for."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

from edgebake.execute.progress import Mode
from edgebake.execute.progress.base import Progress
from edgebake.execute.progress.json_lines import JsonLines
from edgebake.execute.progress.plain import Plain
from edgebake.execute.progress.table import Table


def make_progress(mode: Mode, stream: TextIO, environment: Mapping[str, str]) -> Progress:
    """Return what shows progress.

    Args:
        mode: how. `auto`: a table if the stream is a terminal that can show one, else plain lines.
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
            return JsonLines(stream)
        case Mode.tty:
            return Table(stream, colour=not environment.get("NO_COLOR"))
        case _:
            return Plain(stream)

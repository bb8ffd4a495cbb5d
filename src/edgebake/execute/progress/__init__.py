"""How a bake is shown while it runs: lines, a table on a terminal, JSON lines, or nothing (docs/progress.md)."""

from __future__ import annotations

from enum import Enum


class Mode(str, Enum):
    """How progress is shown; `auto` is a table on a terminal, else plain lines."""

    auto = "auto"
    tty = "tty"
    plain = "plain"
    quiet = "quiet"
    json = "json"

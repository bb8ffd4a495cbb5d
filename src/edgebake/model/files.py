"""The files that make a folder a project. Imports nothing of edgebake, so that a cached result stays fast."""

from __future__ import annotations

from pathlib import Path

PROJECT_FILE = "edgebake.yaml"
LOCK_FILE = "edgebake.lock"
NO_PYTHON = "EDGEBAKE_NO_PYTHON"
"""The variable that refuses recipes written in Python."""


def find_root(start: Path) -> Path | None:
    """Return the nearest folder, `start` or one above it, with a project file; None if there is none."""
    return next((folder for folder in (start, *start.parents) if is_there(folder / PROJECT_FILE)), None)


def is_there(path: Path) -> bool:
    """Return whether a file exists. A dangling link counts: reading it reports the mistake."""
    return path.is_file() or path.is_symlink()

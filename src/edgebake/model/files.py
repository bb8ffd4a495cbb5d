"""The files that make a folder a project. Imports nothing of edgebake: an answer that is known needs no more."""

from __future__ import annotations

from pathlib import Path

PROJECT_FILE = "edgebake.yaml"
LOCK_FILE = "edgebake.lock"


def find_root(start: Path) -> Path | None:
    """Return the nearest folder from `start` upward that holds a project file, or None."""
    return next((folder for folder in (start, *start.parents) if is_there(folder / PROJECT_FILE)), None)


def is_there(path: Path) -> bool:
    """Tell whether there is a file; a link that leads nowhere is one, too, which then cannot be read."""
    return path.is_file() or path.is_symlink()

"""The folder of the built-in catalogue."""

from __future__ import annotations

from pathlib import Path


def builtin_root() -> Path:
    """Return the folder with the built-in recipes, targets and templates: in the wheel, or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_catalogue"
    return packaged if packaged.is_dir() else package.parents[1]

"""Conditions and positions as text for users."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.errors import Position
from edgebake.load.catalogue import builtin_root
from edgebake.model.condition import Condition

BUILTIN = "builtin:"
"""Prefix of the path of a file in the built-in catalogue, which is then relative to the catalogue's folder."""


def format_path(path: str) -> str:
    """Return a file's path for users. A path in the built-in catalogue is the same on every machine."""
    root = f"{builtin_root()}/"
    return BUILTIN + path.removeprefix(root) if path.startswith(root) else path


def format_position(at: Position | None) -> str:
    """Return `file:line`; only the file if the line is not known; "" for None."""
    if at is None:
        return ""
    return f"{format_path(at.path)}:{at.line}" if at.line else format_path(at.path)


def format_condition(condition: Condition) -> str:
    """Return a condition as one line; "" if it always holds."""
    parts = [f"no {name}" if values == ("none",) else _term(name, values) for name, values in condition.terms]
    if condition.alternatives:
        alternatives = [format_condition(alternative) for alternative in condition.alternatives]
        parts.append(" or ".join(f"({text})" for text in alternatives))
    return ", ".join(parts)


def _term(name: str, values: Sequence[str]) -> str:
    separator = "" if values[0][:1] in "<>=!~" else " "
    return f"{name}{separator}{' or '.join(values)}"

"""Conditions and positions, for people."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.errors import Position
from edgebake.load.catalogue import builtin_root
from edgebake.model.condition import Condition

BUILTIN = "builtin:"
"""Stands before the path of a file of the built-in catalogue, from that catalogue's folder on."""


def told_path(path: str) -> str:
    """Return a file's path; one of the built-in catalogue reads the same on every machine."""
    root = f"{builtin_root()}/"
    return BUILTIN + path.removeprefix(root) if path.startswith(root) else path


def told_position(at: Position | None) -> str:
    """Return `file:line`, the file alone if the line is not known, or "" if it is in no file."""
    if at is None:
        return ""
    return f"{told_path(at.path)}:{at.line}" if at.line else told_path(at.path)


def told_condition(condition: Condition) -> str:
    """Return a condition on one line; "" if it always holds."""
    parts = [f"no {name}" if values == ("none",) else _term(name, values) for name, values in condition.terms]
    if condition.alternatives:
        ways = [told_condition(one) for one in condition.alternatives]
        parts.append(" or ".join(f"({way})" for way in ways))
    return ", ".join(parts)


def _term(name: str, values: Sequence[str]) -> str:
    separator = "" if values[0][:1] in "<>=!~" else " "
    return f"{name}{separator}{' or '.join(values)}"

"""What commands print about files that they write or check."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edgebake.render.writer import Change


def changes_text(changes: Iterable[Change]) -> Iterator[str]:
    """Yield a line for each change."""
    return (f"{change.kind:<8} {change.path}" for change in changes)


def stale_text(paths: Sequence[str], command: str) -> str:
    """Return the error for files that differ from what `command` writes."""
    lines = [f"error: {path} is stale" for path in paths]
    return "\n".join([*lines, "", f"hint: write it again: {command}"])

"""Rows as text."""

from __future__ import annotations

from collections.abc import Sequence


def padded(rows: Sequence[Sequence[str]]) -> list[str]:
    """Return rows as lines of equal width. A column is as wide as its widest cell."""
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))] if rows else []
    return ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in rows]


def as_table(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as text without trailing spaces. A column is as wide as its widest cell."""
    return "\n".join(line.rstrip() for line in padded(rows))

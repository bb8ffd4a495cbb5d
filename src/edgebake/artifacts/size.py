"""Sizes as people write them: 500MB, 20GB."""

from __future__ import annotations

import re

from edgebake.errors import EdgebakeError

_UNITS = {"": 1, "B": 1, "KB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}


def parse_size(text: str, option: str) -> int:
    """Return a size in bytes.

    >>> parse_size("1.5GB", "--limit")
    1500000000

    Raises:
        EdgebakeError: it is none.
    """
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*([KMGT]?B)?", text.strip().upper())
    if match is None:
        raise EdgebakeError(f"{option} {text!r} is no size", hints=("for example 500MB or 20GB",))
    return int(float(match[1]) * _UNITS[match[2] or ""])


def told_size(size: float) -> str:
    """Return bytes for people.

    >>> told_size(1_500_000_000)
    '1.5 GB'
    """
    for unit in ("B", "KB", "MB", "GB"):
        if size < 999.5:  # what would be told as 1000 is one of the next
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"

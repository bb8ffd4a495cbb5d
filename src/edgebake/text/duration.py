"""Durations as people write them: 90s, 20m, 2h, 1h30m."""

from __future__ import annotations

import re

from edgebake.errors import EdgebakeError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def parse_duration(text: str, option: str) -> float:
    """Return a duration in seconds.

    >>> parse_duration("1h30m", "--timeout")
    5400.0

    Raises:
        EdgebakeError: it is none, or it is nothing.
    """
    match = _DURATION.fullmatch(text.strip())
    found = zip(match.groups(), _UNITS.values(), strict=True) if match else ()
    seconds = sum(float(number) * unit for number, unit in found if number)
    if not seconds:
        raise EdgebakeError(f"{option} {text!r} is no duration", hints=("for example 90s, 20m, 2h or 1h30m",))
    return seconds


def told_duration(seconds: float) -> str:
    """Return seconds as they are written.

    >>> told_duration(5400)
    '1h30m'
    """
    rest, parts = seconds, []
    for unit, size in _UNITS.items():
        number = int(rest // size) if unit != "s" else rest
        if number:
            parts.append(f"{number:g}{unit}")
        rest -= int(number) * size
    return "".join(parts) or "0s"

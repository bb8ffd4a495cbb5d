"""Durations as users write them: 90s, 20m, 2h, 1h30m."""

from __future__ import annotations

import re

from edgebake.errors import EdgebakeError

_UNITS = {"h": 3600.0, "m": 60.0, "s": 1.0}
_DURATION = re.compile(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s)?")


def parse_duration(text: str, option: str) -> float:
    """Return a duration in seconds. `option` is the option it comes from, for messages.

    >>> parse_duration("1h30m", "--timeout")
    5400.0

    Raises:
        EdgebakeError: the text is not a duration, or it is zero.
    """
    match = _DURATION.fullmatch(text.strip())
    parts = zip(match.groups(), _UNITS.values(), strict=True) if match else ()
    seconds = sum(float(number) * unit for number, unit in parts if number)
    if not seconds:
        raise EdgebakeError(f"{option} {text!r} is not a duration", hints=("use 90s, 20m, 2h or 1h30m",))
    return seconds


def format_duration(seconds: float) -> str:
    """Return seconds as a duration.

    >>> format_duration(5400)
    '1h30m'
    """
    rest, parts = seconds, []
    for unit, size in _UNITS.items():
        number = int(rest // size) if unit != "s" else rest
        if number:
            parts.append(f"{number:g}{unit}")
        rest -= int(number) * size
    return "".join(parts) or "0s"

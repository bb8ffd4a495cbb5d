"""Durations as people write them."""

from __future__ import annotations

import pytest

from edgebake.errors import EdgebakeError
from edgebake.text.duration import format_duration, parse_duration


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("90s", 90), ("20m", 1200), ("2h", 7200), ("1h30m", 5400), ("1.5s", 1.5), ("1h2m3s", 3723)],
)
def test_a_duration_is_read_and_told(text: str, seconds: float) -> None:
    assert parse_duration(text, "--timeout") == seconds
    assert parse_duration(format_duration(seconds), "--timeout") == seconds


@pytest.mark.parametrize("text", ["", "90", "-1s", "1d", "s", "1m1h", "0s", "1 h", "∞"])
def test_what_is_no_duration_is_refused(text: str) -> None:
    with pytest.raises(EdgebakeError, match=r"--timeout .* is not a duration"):
        parse_duration(text, "--timeout")

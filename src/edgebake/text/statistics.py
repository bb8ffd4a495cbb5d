"""Quantiles, and a test whether two sets of runs differ by more than chance."""

from __future__ import annotations

import math
from bisect import bisect_left, bisect_right
from collections.abc import Sequence

SIGNIFICANT = 0.05
"""A difference is significant if it is less probable than this by chance alone."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation between the two nearest values.

    This is type 7 of Hyndman and Fan (Sample Quantiles in Statistical Packages, 1996), the default of numpy and R.

    `ordered` are the values, ascending, at least one; `share` is from 0 (the least) to 1 (the greatest).
    """
    position = share * (len(ordered) - 1)
    below = math.floor(position)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return min(max(low + (high - low) * (position - below), low), high)


def median(values: Sequence[float]) -> float:
    """Return the middle value; the mean of the two middle ones if their number is even."""
    return quantile(sorted(values), 0.5)


def spread(values: Sequence[float]) -> float:
    """Return half of the range of the values, as a share of their median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def chance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how probable such a difference is if both sets have the same distribution (two-sided p-value).

    This is the exact Mann-Whitney U test. Equal values share their ranks. It counts the ways to split all values
    into two sets of these sizes, and how many of them differ at least as much. It assumes no distribution.
    With fewer than four values in each set, no difference is significant at 0.05. Each set has at least one value.
    """
    values, ordered = [*first, *second], sorted([*first, *second])
    # Ranks count from 1. They are doubled so that a shared rank, the mean of the first and the last, is an integer.
    doubled = [bisect_left(ordered, value) + 1 + bisect_right(ordered, value) for value in values]
    size, total = len(first), len(doubled)
    middle = size * (total + 1)  # of the doubled sums of ranks
    far = abs(sum(doubled[:size]) - middle)
    ways = _ways(doubled, size)
    as_far = sum(count for score, count in ways.items() if abs(score - middle) >= far)
    return as_far / math.comb(total, size)


def can_differ(first: int, second: int) -> bool:
    """Return whether sets of these sizes can differ significantly at all."""
    return 2 / math.comb(first + second, first) < SIGNIFICANT


def _ways(ranks: Sequence[int], size: int) -> dict[int, int]:
    """Return in how many ways `size` of the ranks add up to each sum."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
    for rank in ranks:
        for count in range(size, 0, -1):
            for score, number in ways[count - 1].items():
                ways[count][score + rank] = ways[count].get(score + rank, 0) + number
    return ways[size]

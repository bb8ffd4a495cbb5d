"""Quantiles, and whether two sets of runs differ by more than chance."""

from __future__ import annotations

import math
from collections.abc import Sequence

SIGNIFICANT = 0.05
"""How probable a difference may be by chance alone, to be called one."""


def quantile(ordered: Sequence[float], share: float) -> float:
    """Return a quantile by linear interpolation between the two nearest values.

    That is type 7 of Hyndman and Fan (Sample Quantiles in Statistical Packages, 1996), as of numpy and R.

    Args:
        ordered: the values, ascending; at least one.
        share: from 0 (the least) to 1 (the greatest).
    """
    place = share * (len(ordered) - 1)
    below = math.floor(place)
    low, high = ordered[below], ordered[min(below + 1, len(ordered) - 1)]
    return min(max(low + (high - low) * (place - below), low), high)


def median(values: Sequence[float]) -> float:
    """Return the value in the middle; of an even number, the mean of the two there."""
    return quantile(sorted(values), 0.5)


def spread(values: Sequence[float]) -> float:
    """Return half of what lies between the least and the greatest value, as a share of the median."""
    middle = median(values)
    return (max(values) - min(values)) / 2 / middle if middle else 0.0


def chance(first: Sequence[float], second: Sequence[float]) -> float:
    """Return how probable a difference like this is if both sets are of one kind (two-sided).

    The Mann-Whitney U test, exact, with the ranks of equal values shared: it counts the ways to deal all values
    into two sets of these sizes, and how many of them lie as far from the middle. It asks for no distribution.
    With fewer than four values a side nothing can be told at 0.05.

    Args:
        first: values of one set; at least one.
        second: values of the other; at least one.
    """
    doubled = _doubled_ranks([*first, *second])
    size, total = len(first), len(doubled)
    middle = size * (total + 1)  # of the doubled sums of ranks
    far = abs(sum(doubled[:size]) - middle)
    ways = _ways(doubled, size)
    as_far = sum(count for score, count in ways.items() if abs(score - middle) >= far)
    return as_far / math.comb(total, size)


def can_tell(first: int, second: int) -> bool:
    """Tell whether sets of these sizes can differ significantly at all."""
    return 2 / math.comb(first + second, first) < SIGNIFICANT


def _doubled_ranks(values: Sequence[float]) -> list[int]:
    """Return each value's rank, doubled so that a shared one is whole."""
    ordered = sorted(values)
    first: dict[float, int] = {}
    last: dict[float, int] = {}
    for place, value in enumerate(ordered, start=1):
        first.setdefault(value, place)
        last[value] = place
    return [first[value] + last[value] for value in values]


def _ways(ranks: Sequence[int], size: int) -> dict[int, int]:
    """Return in how many ways `size` of the ranks add up to each sum."""
    ways: list[dict[int, int]] = [{0: 1}, *({} for _ in range(size))]
    for rank in ranks:
        for taken in range(size, 0, -1):
            for score, count in ways[taken - 1].items():
                ways[taken][score + rank] = ways[taken].get(score + rank, 0) + count
    return ways[size]

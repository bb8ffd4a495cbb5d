"""Quantiles, and the test that tells a difference from noise."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edgebake.text.statistics import SIGNIFICANT, can_differ, chance, median, quantile, spread

values = st.lists(st.floats(0, 1e9, allow_subnormal=False), min_size=1, max_size=60)
few = st.lists(st.integers(0, 6), min_size=1, max_size=5)
shares = st.floats(0, 1)


@given(values, shares)
def test_a_quantile_is_numpy_s(found: list[float], share: float) -> None:
    expected = float(np.quantile(np.array(found), share))
    assert math.isclose(quantile(sorted(found), share), expected, rel_tol=1e-9, abs_tol=1e-9)


@given(values, shares, shares)
def test_quantiles_lie_between_the_ends_and_in_their_order(found: list[float], one: float, other: float) -> None:
    ordered = sorted(found)
    low, high = sorted([one, other])
    assert ordered[0] <= quantile(ordered, low) <= quantile(ordered, high) <= ordered[-1]
    assert (quantile(ordered, 0), quantile(ordered, 1)) == (ordered[0], ordered[-1])


@given(st.lists(st.integers(0, 10**12), min_size=1, max_size=40), st.integers(1, 1000))
def test_a_quantile_scales_with_its_values(found: list[int], factor: int) -> None:
    ordered = sorted(found)
    scaled = [one * factor for one in ordered]
    for share in (0.1, 0.5, 0.99):
        assert math.isclose(quantile(scaled, share), quantile(ordered, share) * factor, rel_tol=1e-9)


def test_the_middle_and_the_spread_by_hand() -> None:
    assert median([3, 1, 2]) == 2
    assert median([4, 1, 2, 3]) == 2.5
    assert quantile([0, 10], 0.99) == pytest.approx(9.9)
    assert spread([90, 100, 110]) == pytest.approx(0.1)
    assert spread([0, 0]) == 0


# ── the test


def by_enumeration(first: list[int], second: list[int]) -> float:
    """Return the chance as the definition has it: over all ways to deal the values, by the U statistic."""
    everything, size = [*first, *second], len(first)

    def u(chosen: tuple[int, ...]) -> float:
        mine = [everything[i] for i in chosen]
        others = [everything[i] for i in range(len(everything)) if i not in chosen]
        return sum((a > b) + (a == b) / 2 for a in mine for b in others)

    middle = len(first) * len(second) / 2
    far = abs(u(tuple(range(size))) - middle)
    ways = list(itertools.combinations(range(len(everything)), size))
    return sum(abs(u(one) - middle) >= far for one in ways) / len(ways)


@given(few, few)
def test_the_chance_is_the_one_of_its_definition(first: list[int], second: list[int]) -> None:
    assert chance(first, second) == pytest.approx(by_enumeration(first, second))


@given(few, few)
def test_the_chance_is_alike_from_both_sides_and_in_any_order(first: list[int], second: list[int]) -> None:
    assert chance(first, second) == chance(second, first) == chance(first[::-1], second[::-1])
    assert 0 < chance(first, second) <= 1
    assert chance(first, first) == 1


def test_chances_of_the_published_tables() -> None:
    # Full separation: U = 0. The critical value at 0.05, two-sided, is 0 for 4 and 4 and for 3 and 5, and 2 for 5 and 5.
    assert chance([1, 2, 3, 4], [5, 6, 7, 8]) == pytest.approx(2 / 70)
    assert chance([1, 2, 3], [4, 5, 6]) == pytest.approx(0.1)
    assert chance([1, 2, 3, 4, 7], [5, 6, 8, 9, 10]) < SIGNIFICANT  # U = 2
    assert chance([1, 2, 3, 4, 8], [5, 6, 7, 9, 10]) > SIGNIFICANT  # U = 3


def test_how_many_runs_it_takes() -> None:
    assert [can_differ(n, n) for n in (1, 2, 3, 4, 5)] == [False, False, False, True, True]
    assert can_differ(3, 5)
    assert not can_differ(1, 30)


def test_many_runs_take_no_time() -> None:
    assert chance(list(range(50)), [value + 0.5 for value in range(50)]) > 0.5

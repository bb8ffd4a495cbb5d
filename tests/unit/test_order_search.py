"""Orders that share most: against every order of small problems; the bound is one; what has to be in front is."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from itertools import permutations, product
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from edgebake.order.load import Load
from edgebake.order.problem import OrderedImage, Packages, Problem
from edgebake.order.search import Order, best_order

ROOT = Path(__file__).resolve().parents[2]
NAMES = "abcde"


def load(seconds: float, changes: float) -> Load:
    return Load(seconds, 0.0, changes)


@st.composite
def problems(draw: st.DrawFn, images: int = 3, recipes: int = 4) -> Problem:
    """Draw a few images over a few recipes, with needs, contents that differ, and packages that two recipes share."""
    rank = draw(st.permutations(NAMES))
    needs = draw(st.sets(st.tuples(st.sampled_from(NAMES), st.sampled_from(NAMES)), max_size=3))
    possible = {(a, b) for a, b in needs if rank.index(a) < rank.index(b)}
    packages = draw(
        st.dictionaries(st.sampled_from(NAMES), st.frozensets(st.sampled_from("xyz"), max_size=2), max_size=2)
    )
    made = []
    for number in range(draw(st.integers(1, images))):
        names = draw(st.sets(st.sampled_from(NAMES), min_size=1, max_size=recipes))
        line = tuple(name for name in rank if name in names)
        before = frozenset(pair for pair in possible if set(pair) <= names)
        other = draw(st.booleans())
        contents = {name: ("other" if other and name == line[0] else "same") for name in line}
        own = (Packages({name: packages.get(name, frozenset()) for name in line}),) if packages else ()
        made.append(OrderedImage(f"image{number}", line, before, contents, own))
    loads = {name: load(draw(st.integers(0, 20)), draw(st.sampled_from([0, 0.5, 3]))) for name in NAMES}
    return Problem(tuple(made), loads)


def possible_lines(image: OrderedImage) -> list[tuple[str, ...]]:
    """Return every line of an image, found without the code under test."""
    found = []
    for line in permutations(image.line):
        if all(line.index(a) < line.index(b) for a, b in image.before):
            found.append(line)
    return found


def every_order(problem: Problem) -> Iterator[tuple[tuple[str, ...], ...]]:
    return product(*(possible_lines(image) for image in problem.images))


def cost_by_hand(problem: Problem, lines: tuple[tuple[str, ...], ...]) -> float:
    """Return what an order costs, one stage after the other, by the definition."""
    stages: dict[object, float] = {}
    for image, line in zip(problem.images, lines, strict=True):
        path: list[object] = []
        for place, name in enumerate(line):
            owned = []
            for packages in image.packages:
                taken = {p for one in line[:place] for p in packages.needs.get(one, ())}
                owned.append(frozenset(set(packages.needs.get(name, ())) - taken))
            path.append((name, image.contents.get(name), tuple(owned)))
            rate = 1 + sum(problem.loads[one].changes for one in line[: place + 1])
            stages[tuple(path)] = problem.loads[name].once * rate
    return sum(stages.values())


def is_possible(problem: Problem, order: Order) -> bool:
    return all(line in possible_lines(image) for image, line in zip(problem.images, order.lines, strict=True))


@settings(max_examples=150, deadline=None)
@given(problems())
def test_small_problems_are_solved_exactly(problem: Problem) -> None:
    best = min(cost_by_hand(problem, lines) for lines in every_order(problem))
    found = best_order(problem)
    assert is_possible(problem, found)
    assert found.cost == pytest.approx(best) == pytest.approx(cost_by_hand(problem, found.lines))
    assert found.within == pytest.approx(1.0)


@settings(max_examples=150, deadline=None)
@given(problems())
def test_what_is_searched_is_possible_and_not_worse_and_its_bound_holds(problem: Problem) -> None:
    found = best_order(problem, states=0)
    best = min(cost_by_hand(problem, lines) for lines in every_order(problem))
    ranked = cost_by_hand(problem, tuple(image.line for image in problem.images))
    assert is_possible(problem, found)
    assert found.cost <= ranked + 1e-6
    assert problem.lower_bound() <= best + 1e-6
    assert found.bound <= best + 1e-6
    assert found.cost == pytest.approx(cost_by_hand(problem, found.lines))
    assert found.cost <= found.within * best + 1e-6


@settings(max_examples=20, deadline=None)
@given(problems(images=6, recipes=5))
def test_a_larger_problem_keeps_its_bound_and_what_has_to_be_in_front(problem: Problem) -> None:
    found = best_order(problem, states=0)
    assert is_possible(problem, found)
    assert found.bound <= found.cost + 1e-9


def problem(loads: dict[str, Load], *lines: str, before: set[tuple[str, str]] = frozenset()) -> Problem:  # type: ignore[assignment]
    images = tuple(
        OrderedImage(line, tuple(line), frozenset(p for p in before if set(p) <= set(line))) for line in lines
    )
    return Problem(images, loads)


def test_what_images_have_in_common_comes_first() -> None:
    loads = dict.fromkeys("amyz", load(10, 0.1))
    found = best_order(problem(loads, "amz", "ymz"))
    assert [line[:2] for line in found.lines] in ([("m", "z")] * 2, [("z", "m")] * 2)


def test_what_changes_often_stands_last_even_if_all_have_it() -> None:
    loads = {"a": load(1, 30), "b": load(100, 0.1), "c": load(100, 0.1)}
    found = best_order(problem(loads, "ab", "ac"))
    assert found.lines == (("b", "a"), ("c", "a"))


def test_a_big_stage_is_shared_rather_than_a_small_one() -> None:
    loads = {"a": load(1, 0), "b": load(100, 0), "c": load(1, 0)}
    found = best_order(problem(loads, "ab", "bc", "ac"))
    assert found.cost == 1 + 100 + 1 + 1 + 1  # b once; a and c, of which one pair only can share
    assert [line[0] for line in found.lines[:2]] == ["b", "b"]


def test_the_bound_counts_what_has_to_be_there_twice() -> None:
    loads = dict.fromkeys("abc", load(10, 0))
    three = problem(loads, "ab", "bc", "ac")
    assert three.lower_bound() == 40  # three stages, and one of them again
    assert best_order(three).cost == 50


def test_what_stands_behind_something_that_others_lack_is_there_twice() -> None:
    loads = {"a": load(1, 0), "b": load(100, 0)}
    one = problem(loads, "ab", "b", before={("a", "b")})
    assert one.lower_bound() == best_order(one).cost == 201


PROGRAM = """
from edgebake.order.load import Load
from edgebake.order.problem import OrderedImage, Problem
from edgebake.order.search import best_order
names = [f"r{n}" for n in range(12)]
images = tuple(
    OrderedImage(f"i{n}", tuple(names[n % 3 :: 1 + n % 2]), frozenset({(names[8], names[10])})) for n in range(8)
)
loads = {name: Load(1 + n % 4, 1e6 * n, n / 10) for n, name in enumerate(names)}
print(best_order(Problem(images, loads)))
"""


def test_it_comes_out_the_same_whatever_the_hash_seed() -> None:
    said = {
        subprocess.run(
            [sys.executable, "-c", PROGRAM],
            env={**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": str(ROOT / "src")},
            capture_output=True,
            check=True,
        ).stdout
        for seed in ("0", "1", "77")
    }
    assert len(said) == 1

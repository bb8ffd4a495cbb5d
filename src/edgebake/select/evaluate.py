"""What terms select in a graph of items, and what commas, spaces and --exclude make of that."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Protocol, TypeVar

import networkx as nx

from edgebake.select.grammar import ALL, Term, Union

T = TypeVar("T")


class Items(Protocol[T]):
    """A graph whose items terms name; edges lead from an item to those that need it."""

    @property
    def graph(self) -> nx.DiGraph[T]: ...

    def of(self, term: Term) -> frozenset[T]:
        """Return the items that a term's method and value name, whatever its operators are.

        Raises:
            EdgebakeError: there is no such thing at all.
        """


def reached(term: Term, items: Items[T]) -> frozenset[T]:
    """Return what a term selects: the items that it names, and those that its operators lead to."""
    found = items.of(term)
    needs, needed_by = items.graph.predecessors, items.graph.successors
    if term.around:
        return walk(walk(found, needed_by, ALL), needs, ALL)
    return walk(found, needs, term.up) | walk(found, needed_by, term.down or 0)


def walk(starts: Iterable[T], following: Callable[[T], Iterable[T]], steps: int) -> frozenset[T]:
    """Return items and all that can be reached from them in so many steps."""
    found = set(starts)
    edge = found
    while edge and steps > 0:
        edge = {after for item in edge for after in following(item)} - found
        found |= edge
        steps -= 1
    return frozenset(found)


def combined(
    select: Union, exclude: Union, every: frozenset[T], selected_by: Callable[[Term], frozenset[T]]
) -> frozenset[T]:
    """Return what a whole selector selects.

    Args:
        select: the terms; `every` if there are none.
        exclude: what is taken away from that.
        every: all there is.
        selected_by: returns what one term selects.
    """
    chosen = _union(select, selected_by) if select else every
    return (chosen - _union(exclude, selected_by)) & every


def _union(union: Union, selected_by: Callable[[Term], frozenset[T]]) -> frozenset[T]:
    groups = ([selected_by(term) for term in group] for group in union)
    return frozenset().union(*(frozenset.intersection(*group) for group in groups))

"""The longest way through a graph of work: what a build cannot be shorter than, however much runs side by side."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from graphlib import TopologicalSorter

Weight = tuple[float, int]
"""Seconds, and where they are equal the number of steps."""


@dataclass(frozen=True)
class Way:
    """The longest way to a node, itself included: its weight, and the node before it ("" at the beginning)."""

    weight: Weight
    before: str


def longest_ways(needs: Mapping[str, Iterable[str]], seconds: Mapping[str, float]) -> dict[str, Way]:
    """Return the longest way to each node.

    Args:
        needs: what each node needs, by node; what is no key itself does not count. Of equal ones the first wins.
        seconds: what a node takes by itself; 0 if nothing is said.

    Raises:
        graphlib.CycleError: nodes need each other.
    """
    known = {node: [one for one in several if one in needs] for node, several in needs.items()}
    ways: dict[str, Way] = {}
    for node in TopologicalSorter(known).static_order():
        before = max(known[node], key=lambda one: ways[one].weight, default="")
        total, steps = ways[before].weight if before else (0.0, 0)
        ways[node] = Way((total + seconds.get(node, 0.0), steps + 1), before)
    return {node: ways[node] for node in known}


def critical_path(ways: Mapping[str, Way], end: str = "") -> list[str]:
    """Return the nodes of the longest way of all, or of that to `end`, from its beginning on."""
    node = end or max(ways, key=lambda one: ways[one].weight, default="")
    found = []
    while node:
        found.append(node)
        node = ways[node].before
    return found[::-1]

"""The requirements of one resolved image as a graph, and the paths that lead to a recipe."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice, pairwise

import networkx as nx

from edgebake.resolve.ask import Ask
from edgebake.resolve.resolution import Resolution

IMAGE = ""
"""The image itself, where all paths begin."""


@dataclass(frozen=True)
class Step:
    """An edge: `parent` asks for `name` in one or more ways. `asks` are by where they stand."""

    parent: str
    name: str
    asks: tuple[Ask, ...]

    @property
    def is_library(self) -> bool:
        """Whether `parent` is only compiled against it."""
        return all(ask.kind == "library" for ask in self.asks)


class RequirementGraph:
    """Who needs whom in one image on one target and platform.

    A name that a recipe provides is written out as that recipe. Facts that the base image or the host brings are
    nodes too.
    """

    def __init__(self, resolution: Resolution) -> None:
        steps: dict[tuple[str, str], list[Ask]] = {}
        there = {IMAGE, *resolution.pins, *resolution.provided}
        for ask in resolution.asks:
            name = resolution.stands_for.get(ask.name, ask.name)
            parent = ask.parent or IMAGE
            if ask.kind in ("run", "library") and parent in there and name in there:
                steps.setdefault((parent, name), []).append(ask)
        self.provided = frozenset(resolution.provided)
        """What needs no recipe: the base image or the host brings it."""
        self.steps = {edge: Step(*edge, tuple(steps[edge])) for edge in sorted(steps)}
        self.graph: nx.DiGraph[str] = nx.DiGraph()
        self.graph.add_nodes_from(sorted(there))
        self.graph.add_edges_from(self.steps)

    def count(self, name: str) -> int:
        """Return how many paths lead from the image to a name. There can be very many."""
        counts = {IMAGE: 1}
        for node in nx.topological_sort(self.graph):
            if node != IMAGE:
                counts[node] = sum(counts[parent] for parent in self.graph.predecessors(node))
        return counts[name]

    def paths(self, name: str, limit: int | None = None) -> list[tuple[Step, ...]]:
        """Return the paths from the image to a name, shortest first, at most `limit`."""
        if not nx.has_path(self.graph, IMAGE, name):
            return []
        found = nx.shortest_simple_paths(self.graph, IMAGE, name)
        return [tuple(self.steps[edge] for edge in pairwise(path)) for path in islice(found, limit)]

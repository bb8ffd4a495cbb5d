"""BuildGraph: the domain's verbs over a networkx DAG."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING

from edgebake.graph.node import Node

if TYPE_CHECKING:
    import networkx as nx

Key = tuple[str, str]


@dataclass(frozen=True)
class BakeTarget:
    """A `target` block of the bake file: an image (or its tests) on one target.

    `stage` is the id of the node that it builds; `tags` may hold `${NAME}`.
    """

    name: str
    image: str
    target: str
    stage: str
    platforms: tuple[str, ...]
    repository: str = ""
    tags: tuple[str, ...] = ()
    is_test: bool = False


@dataclass(frozen=True)
class Index:
    """A tag over several targets: for each platform, the bake target whose image stands there.

    `tag` may hold `${NAME}`.
    """

    image: str
    repository: str
    tag: str
    parts: tuple[tuple[str, str], ...]


class BuildGraph:
    """Stages and what they are made from. Edges lead from a stage to those that need it.

    Nodes are known by (target, id): one Dockerfile for each target, nothing shared between them.
    """

    def __init__(self) -> None:
        self._dag: nx.DiGraph[Key] | None = None
        self._nodes: dict[Key, Node] = {}
        self._by_target: dict[str, list[Node]] = {}
        self._places: dict[Key, int] = {}  # in the order of adding
        self.bake_targets: list[BakeTarget] = []
        self.indexes: list[Index] = []

    def add(self, node: Node) -> Node:
        """Add a stage whose parents are there already; an equal one is added once. Return the one that is kept."""
        key = (node.target, node.id)
        known = self._nodes.get(key)
        if known is not None:
            known.extend(node)
            return known
        self._nodes[key] = node
        self._places[key] = len(self._places)
        self._by_target.setdefault(node.target, []).append(node)
        self._dag = None
        return node

    def node(self, target: str, node_id: str) -> Node:
        """Return a stage."""
        return self._nodes[target, node_id]

    def __len__(self) -> int:
        return len(self._nodes)

    def __iter__(self) -> Iterator[Node]:
        """Yield the stages; each after its parents, the order of adding otherwise."""
        return iter(self._nodes.values())

    def of_target(self, target: str) -> list[Node]:
        """Return one target's stages, each after its parents."""
        return self._by_target.get(target, [])

    def place(self, node: Node) -> int:
        """Return the place of a stage in the order in which all were added."""
        return self._places[node.target, node.id]

    def parents(self, node: Node) -> list[Node]:
        """Return what a stage is made from, the one that it continues first."""
        return [self._nodes[node.target, parent] for parent in node.parents]

    def needed_by(self, target: str, stages: Iterable[str]) -> list[Node]:
        """Return these stages and all that they are made from, each after its parents."""
        # A plan asks this only, and networkx takes a quarter of its time to import.
        found: set[Key] = set()
        todo = [(target, stage) for stage in stages]
        while todo:
            key = todo.pop()
            if key not in found:
                found.add(key)
                todo.extend((target, parent) for parent in self._nodes[key].parents)
        return self._in_order(found)

    def ordered(self, target: str, stages: Iterable[str]) -> list[str]:
        """Return ids of one target's stages, each after its parents."""
        return sorted(stages, key=lambda stage: self._places[target, stage])

    def _in_order(self, keys: Iterable[Key]) -> list[Node]:
        return [self._nodes[key] for key in sorted(keys, key=self._places.__getitem__)]

    @property
    def targets(self) -> list[str]:
        """The targets' names, sorted."""
        return sorted(self._by_target)

    @property
    def dag(self) -> nx.DiGraph[Key]:
        """The graph as networkx has it, not to be changed. It is made when it is first asked for."""
        if self._dag is None:
            import networkx as nx

            self._dag = nx.DiGraph()
            self._dag.add_nodes_from(self._nodes)
            for key, node in self._nodes.items():
                self._dag.add_edges_from(((node.target, parent), key) for parent in node.parents)
        return self._dag

"""BuildGraph: the domain's verbs over a networkx graph of stages."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import chain

import networkx as nx

from edgebake.dataclasses import dataclass
from edgebake.graph.node import Node, StageKey


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
    """Stages and what they are made from.

    Attributes:
        dag: the graph. Its nodes are (target, id), each after its parents in the order of adding, with the stage as
            `stage` and its place in that order as `place`; an edge leads from a stage to each that is made from it.
            One Dockerfile for each target: no edge leads from one to another; the graph's `targets` has each one's
            stages. Only `add` changes it.
        bake_targets: what is built.
        indexes: the tags over several targets.
    """

    def __init__(self) -> None:
        self.dag: nx.DiGraph[StageKey] = nx.DiGraph(targets={})
        self._reversed = self.dag.reverse(copy=False)
        self.bake_targets: list[BakeTarget] = []
        self.indexes: list[Index] = []

    def add(self, node: Node) -> Node:
        """Add a stage; an equal one is added once. Return the one that is kept.

        Raises:
            KeyError: one of its parents is not there.
        """
        key = node.key
        if key in self.dag:
            kept: Node = self.dag.nodes[key]["stage"]
            kept.extend(node)
            return kept
        edges = [(StageKey(node.target, parent), key) for parent in node.parents]
        for parent, _ in edges:
            if parent not in self.dag:
                raise KeyError(parent)
        self.dag.add_node(key, stage=node, place=len(self.dag))
        self.dag.add_edges_from(edges)
        self.dag.graph["targets"].setdefault(node.target, []).append(node)
        return node

    def node(self, target: str, node_id: str) -> Node:
        """Return a stage."""
        stage: Node = self.dag.nodes[StageKey(target, node_id)]["stage"]
        return stage

    def __len__(self) -> int:
        return len(self.dag)

    def __iter__(self) -> Iterator[Node]:
        """Yield the stages; each after its parents, the order of adding otherwise."""
        return (facts["stage"] for facts in self.dag.nodes.values())

    def of_target(self, target: str) -> list[Node]:
        """Return one target's stages, each after its parents."""
        return list(self.dag.graph["targets"].get(target, ()))

    def place(self, node: Node) -> int:
        """Return the place of a stage in the order in which all were added."""
        place: int = self.dag.nodes[node.key]["place"]
        return place

    def parents(self, node: Node) -> list[Node]:
        """Return what a stage is made from, the one that it continues first."""
        return [self.node(node.target, parent) for parent in node.parents]

    def needed_by(self, target: str, stages: Iterable[str]) -> list[Node]:
        """Return these stages and all that they are made from, each after its parents."""
        ends = [StageKey(target, stage) for stage in dict.fromkeys(stages)]
        keys = chain.from_iterable(nx.bfs_layers(self._reversed, ends))
        return [self.dag.nodes[key]["stage"] for key in sorted(keys, key=self._place)]

    def ordered(self, target: str, stages: Iterable[str]) -> list[str]:
        """Return ids of one target's stages, each after its parents."""
        return [stage for _, stage in sorted((StageKey(target, stage) for stage in stages), key=self._place)]

    def _place(self, key: StageKey) -> int:
        place: int = self.dag.nodes[key]["place"]
        return place

"""The build graph, and that of the recipes' requirements, for drawing.

Both are networkx graphs. A node's name is unique and stable (`cpu/eb-numpy`). It has a `label` for people, a
`kind`, and the `target` that it belongs to; further attributes are what JSON has besides. An edge has a `kind`, and
a `label` ("" for none). Nodes and edges stand in one order for the same input.
"""

from __future__ import annotations

from collections.abc import Collection, Container, Iterable, Sequence
from itertools import islice, pairwise
from typing import TYPE_CHECKING, TypeAlias

import networkx as nx

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.graph.node import Kind, Node, StageKey
from edgebake.inspect.selected import Selected
from edgebake.resolve.ask import Ask
from edgebake.resolve.resolution import Resolution

if TYPE_CHECKING:
    from edgebake.select.project import Item

Graph: TypeAlias = "nx.DiGraph[str]"
_AND = ", "
IMAGE = ""
"""The image itself, where all paths begin."""

_KINDS: dict[str, tuple[Kind, ...]] = {
    "Base images": ("base", "native"),
    "Build tools": ("tool",),
    "Fetched": ("fetch", "source", "sysroot"),
    "Built": ("build",),
    "Install line": ("install",),
    "Images": ("check", "image", "test"),
}
LAYERS = tuple(_KINDS)
_LAYER = {kind: number for number, kinds in enumerate(_KINDS.values()) for kind in kinds}
_TOOLS, _FETCHED, _LINE = 1, 2, 4


def stage_graph(
    compilation: Compilation,
    bake_targets: Iterable[BakeTarget],
    platforms: Sequence[str] = (),
    kept: Container[StageKey] | None = None,
) -> Graph:
    """Return the stages that bake targets are made from; edges lead from a stage to those that need it.

    Kinds of nodes are those of stages. Kinds of edges: `from` if a stage continues the other, else `copy`.

    Args:
        compilation: the compiled project.
        bake_targets: what is made.
        platforms: only stages on these; empty for all.
        kept: only these stages of it; None for all.
    """
    graph: Graph = nx.DiGraph()
    ends: dict[str, dict[str, list[str]]] = {}
    for one in bake_targets:
        ends.setdefault(one.target, {}).setdefault(one.stage, []).append(one.name)
    for target, stages in sorted(ends.items()):
        names = {key: f"{target}/{name}" for key, name in compilation.names[target].items()}
        nodes = {node.id: node for node in compilation.graph.needed_by(target, stages)}
        bodies = {
            key: {name: body for name, body in node.bodies.items() if not platforms or name in platforms}
            for key, node in nodes.items()
        }
        parents = {key: dict.fromkeys(s for body in bodies[key].values() for s in body.parents) for key in nodes}
        reached = set(stages)  # on these platforms
        for key in reversed(nodes):  # each before those that it needs
            reached.update(parents[key] if key in reached else ())
        shown = [key for key in nodes if key in reached and (kept is None or (target, key) in kept)]
        for key in shown:
            _add_stage(graph, names[key], nodes[key], list(bodies[key]), stages.get(key, []))
        for key in shown:
            for parent in parents[key]:
                if names[parent] in graph:
                    continues = any(body.parent == parent for body in bodies[key].values())
                    graph.add_edge(names[parent], names[key], kind="from" if continues else "copy", label="")
    return graph


def _add_stage(graph: Graph, name: str, node: Node, platforms: list[str], bake_targets: list[str]) -> None:
    label = f"build tool {node.title}" if node.kind == "tool" else node.title
    graph.add_node(
        name,
        label=label,
        kind=node.kind,
        target=node.target,
        stage=name.partition("/")[2],
        recipe=node.recipe or None,
        platforms=platforms,
        native=node.native,
        bake_targets=bake_targets,
    )


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


def recipe_graph(selected: Iterable[Selected], items: Collection[Item] | None = None) -> Graph:
    """Return who needs whom in images; edges lead from an image or recipe to what it needs.

    Platforms of one target are drawn together, and so are images: a recipe is one node for each release. Kinds of
    nodes: `image`, `recipe`, and `fact` for what the base image or the host brings. Kinds of edges: `run`, and
    `library` for what is only compiled against; their label is the version that is asked for.

    Args:
        selected: what is drawn.
        items: only these images and recipes of it; None for all. Facts are shown where one of them asks for them.
    """
    graph: Graph = nx.DiGraph()
    shown = {(item.cell.image, item.cell.target, item.cell.platform, item.recipe) for item in items or ()}
    for one in selected:
        for platform in one.platforms:
            where = (one.plan.name, one.plan.target.name, platform)
            requirements = RequirementGraph(one.plan.resolutions[platform])
            there = set(requirements.graph)
            if items is not None:
                own = {name for name in there if (*where, name) in shown}
                there = own | {n for p, n in requirements.steps if p in own and n in requirements.provided}
            _add_requirements(graph, one, platform, requirements, there)
    return graph


def _add_requirements(
    graph: Graph, one: Selected, platform: str, requirements: RequirementGraph, there: Container[str]
) -> None:
    resolution, target = one.plan.resolutions[platform], one.plan.target.name
    names: dict[str, str] = {}
    if IMAGE in there:
        names[IMAGE] = f"{target}/image:{one.plan.name}"
        _add_once(graph, names[IMAGE], one.plan.name, "image", target, platform)
    for name in filter(there.__contains__, requirements.graph):
        if name in resolution.pins:
            label = resolution.pins[name].title
            names[name] = f"{target}/{label.replace(' ', ':')}"
            _add_once(graph, names[name], label, "recipe", target, platform)
        elif name in resolution.provided:
            names[name] = f"{target}/fact:{name}"
            label = f"{name} {resolution.provided[name]}"
            _add_once(graph, names[name], label, "fact", target, platform)
    for (parent, name), step in requirements.steps.items():
        if parent in names and name in names:
            edge = (names[parent], names[name])
            known = graph.edges[edge]["label"].split(_AND) if edge in graph.edges else []
            versions = [ask.requirement.version for ask in step.asks]
            label = _AND.join(dict.fromkeys(version for version in (*known, *versions) if version))
            graph.add_edge(*edge, kind="library" if step.is_library else "run", label=label)


def _add_once(graph: Graph, name: str, label: str, kind: str, target: str, platform: str) -> None:
    if name not in graph:
        graph.add_node(name, label=label, kind=kind, target=target, platforms=[])
    platforms = graph.nodes[name]["platforms"]
    if platform not in platforms:
        platforms.append(platform)


def stage_layers(graph: Graph) -> dict[str, int]:
    """Return which of `LAYERS` each stage is in; no edge leads to an earlier one.

    What another stage needs is never in a later layer than that one: what a build half on the target platform
    installs for itself is among the tools.
    """
    found: dict[str, int] = {}
    for name in graph:  # each after its parents
        kind = graph.nodes[name]["kind"]
        before = (found[parent] for parent in graph.predecessors(name))
        found[name] = max(before, default=_FETCHED) if kind == "artifact" else _LAYER[kind]
    for name in reversed(list(graph)):
        found[name] = min([found[name], *(found[child] for child in graph.successors(name))])
        if graph.nodes[name]["kind"] == "install" and found[name] < _LINE:
            found[name] = _TOOLS
    return found


def by_target(graph: Graph) -> dict[str, list[str]]:
    """Return the nodes of each target."""
    names: dict[str, list[str]] = {}
    for name in graph:
        names.setdefault(graph.nodes[name]["target"], []).append(name)
    return names

"""The stages of a build that belong to selected recipes and images."""

from __future__ import annotations

from collections.abc import Collection

from edgebake.graph.compile import Compilation
from edgebake.graph.node import Node, StageKey
from edgebake.select.project import IMAGE, Item


def stages_of(compilation: Compilation, items: Collection[Item]) -> frozenset[StageKey]:
    """Return the stages of recipes and images, as the graph knows them.

    A stage of no recipe (the base image, folders of files) is there where one of these is made from it.
    """
    chosen: dict[str, set[tuple[str, str]]] = {}
    for item in items:
        chosen.setdefault(item.cell.bake_target, set()).add((item.recipe, item.cell.platform))
    found: set[StageKey] = set()
    for bake_target in compilation.graph.bake_targets:
        if bake_target.name not in chosen:
            continue
        nodes = compilation.graph.needed_by(bake_target.target, [bake_target.stage])
        own = [node for node in nodes if _is_of(node, chosen[bake_target.name])]
        found.update(node.key for node in own)
        parents = (parent for node in own for parent in compilation.graph.parents(node) if not parent.recipe)
        found.update(parent.key for parent in parents)
    return frozenset(found)


def _is_of(node: Node, chosen: Collection[tuple[str, str]]) -> bool:
    if not node.recipe and node.kind != "image":
        return False
    return any((node.recipe or IMAGE, platform) in chosen for platform in node.bodies)

"""Selectors in `edgebake list`, and in the drawn graph: opening what they need of the project, and no more."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from typing import Literal

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.graph.node import Node, StageKey
from edgebake.load.workspace import Workspace
from edgebake.model.request import Request
from edgebake.select.catalogue import CatalogueItems, targets_of
from edgebake.select.evaluate import combined, reached
from edgebake.select.grammar import Asked
from edgebake.select.images import picked_cells
from edgebake.select.project import IMAGE, Item, ProjectItems

Kind = Literal["recipes", "targets", "images"]


def selected_names(
    workspace: Workspace, kind: Kind, request: Request, names: Iterable[str], items: Callable[[], ProjectItems]
) -> list[str]:
    """Return those of some names that a request's selectors match, sorted.

    Args:
        workspace: the project, or an empty one for the built-in catalogue.
        kind: what the names are of.
        request: the selectors.
        names: all names of that kind.
        items: the items of the project's images; called only if a selector is about images.

    Raises:
        EdgebakeError: a selector is wrong, or names something undefined.
    """
    asked = Asked.of(request)
    known = CatalogueItems(workspace, items)
    if kind == "images":
        cells, _ = picked_cells(asked, known.project)
        return sorted({cell.image for cell in cells})
    every = frozenset(names)
    if kind == "recipes":
        return sorted(combined(asked.select, asked.exclude, every, lambda term: reached(term, known)))
    return sorted(combined(asked.select, asked.exclude, every, lambda term: targets_of(term, known, every)))


def selected_items(items: ProjectItems, request: Request) -> frozenset[Item]:
    """Return the recipes and images that a request's selectors match, as nodes of the graph.

    Raises:
        EdgebakeError: a selector is wrong, names something undefined, or matches nothing.
    """
    asked = Asked.of(request)
    matches = combined(asked.select, asked.exclude, frozenset(items.graph), lambda term: reached(term, items))
    if not matches and not any(term.method == "state" for term in asked.terms):
        raise EdgebakeError(f"{asked} matches nothing in the graph", hints=("edgebake graph shows all of it",))
    return matches


def stages_of(compilation: Compilation, items: Collection[Item]) -> frozenset[StageKey]:
    """Return the stages of recipes and images, as the graph knows them.

    A stage of no recipe (the base image, folders of files) is there where one of these is made from it.
    """
    chosen: dict[str, set[tuple[str, str]]] = {}
    for item in items:
        chosen.setdefault(item.cell.bake_target, set()).add((item.recipe, item.cell.platform))
    found: set[StageKey] = set()
    for bake_target in (one for one in compilation.graph.bake_targets if one.name in chosen):
        nodes = compilation.graph.needed_by(bake_target.target, [bake_target.stage])
        own = [node for node in nodes if _is_of(node, chosen[bake_target.name])]
        found.update(node.key for node in own)
        parents = (parent for node in own for parent in compilation.graph.parents(node) if not parent.recipe)
        found.update(parent.key for parent in parents)
    return frozenset(found)


def _is_of(node: Node, chosen: Collection[tuple[str, str]]) -> bool:
    has_name = bool(node.recipe) or node.kind == "image"
    return has_name and any((node.recipe or IMAGE, platform) in chosen for platform in node.bodies)

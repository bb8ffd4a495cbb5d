"""Selectors in `edgebake list`, and in the drawn graph: opening what they need of the project, and no more."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal

from edgebake.errors import EdgebakeError
from edgebake.load.workspace import Workspace
from edgebake.model.request import Request
from edgebake.select.catalogue import CatalogueItems, selected_recipes, selected_targets
from edgebake.select.evaluate import combined, reached
from edgebake.select.grammar import Asked
from edgebake.select.images import picked_cells
from edgebake.select.project import Item, ProjectItems

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
    if kind == "recipes":
        return selected_recipes(asked, known, names)
    if kind == "targets":
        return selected_targets(asked, known, names)
    cells, _ = picked_cells(asked, known.project)
    return sorted({cell.image for cell in cells})


def selected_items(items: ProjectItems, request: Request) -> frozenset[Item]:
    """Return the recipes and images that a request's selectors match, as nodes of the graph.

    Raises:
        EdgebakeError: a selector is wrong, names something undefined, or matches nothing.
    """
    asked = Asked.of(request)
    matches = combined(asked.select, asked.exclude, items.every, lambda term: reached(term, items))
    if not matches and not any(term.method == "state" for term in asked.terms):
        raise EdgebakeError(f"{asked} matches nothing in the graph", hints=("edgebake graph shows all of it",))
    return matches

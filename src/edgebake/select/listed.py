"""Selectors in `edgebake list`, and in the drawn graph: opening what they need of the project, and no more."""

from __future__ import annotations

from collections.abc import Iterable
from functools import partial
from typing import Literal

from edgebake.compile import Compilation, compile_workspace
from edgebake.errors import EdgebakeError
from edgebake.load.workspace import Workspace
from edgebake.plan.history import read_history
from edgebake.plan.selection import Selection
from edgebake.select.catalogue import CatalogueItems, selected_recipes, selected_targets
from edgebake.select.evaluate import combined, reached
from edgebake.select.grammar import Asked
from edgebake.select.images import picked_cells, project_items
from edgebake.select.project import Item, ProjectItems

Kind = Literal["recipes", "targets", "images"]


def selected_names(workspace: Workspace, kind: Kind, selection: Selection, names: Iterable[str]) -> list[str]:
    """Return those of some names that a selection's selectors select, sorted.

    Args:
        workspace: the project, or an empty one for the built-in catalogue.
        kind: what the names are of.
        selection: the selectors.
        names: all names of that kind.

    Raises:
        EdgebakeError: a selector is wrong, or names what there is not.
    """
    asked = Asked.of(selection)
    items = CatalogueItems(workspace, partial(_items, workspace, selection))
    if kind == "recipes":
        return selected_recipes(asked, items, names)
    if kind == "targets":
        return selected_targets(asked, items, names)
    cells, _ = picked_cells(asked, items.project)
    return sorted({cell.image for cell in cells})


def selected_items(compilation: Compilation, selection: Selection) -> frozenset[Item]:
    """Return the recipes and images that a selection's selectors select, as nodes of the graph.

    Raises:
        EdgebakeError: a selector is wrong, names what there is not, or selects nothing.
    """
    asked = Asked.of(selection)
    items = project_items(compilation, selection, read_history(compilation.workspace.root).record)
    found = combined(asked.select, asked.exclude, items.every, lambda term: reached(term, items))
    if not found and not any(term.method == "state" for term in asked.terms):
        raise EdgebakeError(f"{asked} selects nothing of the graph", hints=("edgebake graph shows all of it",))
    return found


def _items(workspace: Workspace, selection: Selection) -> ProjectItems:
    """Return the items of the project's images.

    Raises:
        EdgebakeError: there is no project, or it does not compile.
    """
    if workspace.document is None:
        raise EdgebakeError("a selector is about images, and there is no project", hints=("edgebake init",))
    compilation = compile_workspace(workspace)
    return project_items(compilation, selection, read_history(compilation.workspace.root).record)

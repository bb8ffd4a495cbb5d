"""`edgebake graph`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import Exclude, ImageName, Names, Select, StateRef, Targets

if TYPE_CHECKING:
    import networkx as nx

    from edgebake.load.workspace import Workspace
    from edgebake.plan.selection import Selection


class Format(str, Enum):
    """Languages of a graph."""

    mermaid = "mermaid"
    dot = "dot"
    json = "json"


def graph(
    names: Names = None,
    target: Targets = None,
    select: Select = None,
    exclude: Exclude = None,
    state_ref: StateRef = None,
    name: ImageName = None,
    language: Annotated[Format, typer.Option("--format", help="Language of the text.")] = Format.mermaid,
    recipes: Annotated[
        bool, typer.Option("--recipes", help="Who needs whom among the recipes, not the stages of the build.")
    ] = False,
) -> None:
    """Print the build graph, the stages of the Dockerfiles and what each is made from, as text for drawing.

    Example: edgebake graph detector --target cpu > build.mmd

    Example: edgebake graph --recipes --format dot | dot -Tsvg > recipes.svg

    Example: edgebake graph detector --select +opencv,target:cpu
    """
    from pathlib import Path

    from edgebake.cli.options import selection_of
    from edgebake.plan.selection import open_selection

    selection = selection_of(names, target, None, name, select, exclude, state_ref)
    workspace = open_selection(Path.cwd(), selection)
    found = _recipes(workspace, selection) if recipes else _stages(workspace, selection)

    from edgebake.explore.draw import as_dot, as_json, as_mermaid

    if language is Format.json:
        typer.echo(as_json(found, "recipes" if recipes else "stages"))
    else:
        typer.echo(as_dot(found) if language is Format.dot else as_mermaid(found))


def _recipes(workspace: Workspace, selection: Selection) -> nx.DiGraph[str]:
    from edgebake.explore.graphs import recipe_graph
    from edgebake.explore.selected import resolve_selected

    if not selection.has_selectors:
        return recipe_graph(resolve_selected(workspace, selection))

    from edgebake.compile import compile_workspace
    from edgebake.select.listed import selected_items

    items = selected_items(compile_workspace(workspace), selection)
    return recipe_graph(resolve_selected(workspace, selection), items)


def _stages(workspace: Workspace, selection: Selection) -> nx.DiGraph[str]:
    from edgebake.compile import compile_workspace
    from edgebake.explore.graphs import stage_graph
    from edgebake.plan.selection import selected_bake_targets

    compilation = compile_workspace(workspace)
    bake_targets = selected_bake_targets(compilation.graph.bake_targets, workspace, selection)
    if not selection.has_selectors:
        return stage_graph(compilation, bake_targets)

    from edgebake.select.listed import selected_items
    from edgebake.select.stages import stages_of

    return stage_graph(compilation, bake_targets, stages_of(compilation, selected_items(compilation, selection)))

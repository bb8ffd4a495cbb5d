"""`edgebake graph`."""

from __future__ import annotations

from enum import Enum
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import ImageName, Names, Targets

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
    name: ImageName = None,
    language: Annotated[Format, typer.Option("--format", help="Language of the text.")] = Format.mermaid,
    json_output: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
    recipes: Annotated[
        bool, typer.Option("--recipes", help="Who needs whom among the recipes, not the stages of the build.")
    ] = False,
) -> None:
    """Print the build graph, the stages of the Dockerfiles and what each is made from, as text for drawing.

    Mermaid is drawn by GitHub and most editors, DOT by Graphviz, and JSON is for programs.

    Example: edgebake graph detector --target cpu > build.mmd

    Example: edgebake graph --recipes --format dot | dot -Tsvg > recipes.svg
    """
    from pathlib import Path

    from edgebake.plan.selection import Selection, open_selection

    selection = Selection(tuple(names or ()), tuple(target or ()), name=name)
    workspace = open_selection(Path.cwd(), selection)
    found = _recipes(workspace, selection) if recipes else _stages(workspace, selection)

    from edgebake.explore.draw import as_dot, as_json, as_mermaid

    if json_output or language is Format.json:
        typer.echo(as_json(found, "recipes" if recipes else "stages"))
    else:
        typer.echo(as_dot(found) if language is Format.dot else as_mermaid(found))


def _recipes(workspace: Workspace, selection: Selection) -> nx.DiGraph[str]:
    from edgebake.explore.graphs import recipe_graph
    from edgebake.explore.selected import resolve_selected

    return recipe_graph(resolve_selected(workspace, selection))


def _stages(workspace: Workspace, selection: Selection) -> nx.DiGraph[str]:
    from edgebake.compile import compile_workspace
    from edgebake.explore.graphs import stage_graph
    from edgebake.plan.selection import selected_bake_targets

    compilation = compile_workspace(workspace)
    return stage_graph(compilation, selected_bake_targets(compilation.graph.bake_targets, workspace, selection))

"""`edgebake graph`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import Exclude, ImageName, Names, Platforms, Select, Targets
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    import networkx as nx

    from edgebake.pipeline import Pipeline


class Format(str, Enum):
    """Languages of a graph."""

    mermaid = "mermaid"
    dot = "dot"
    json = "json"
    svg = "svg"
    html = "html"


_BY_SUFFIX = {".mmd": Format.mermaid, ".mermaid": Format.mermaid, ".dot": Format.dot, ".gv": Format.dot}


def graph(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    select: Select = None,
    exclude: Exclude = None,
    name: ImageName = None,
    language: Annotated[
        Format | None,
        typer.Option(
            "--format", help="What to write; else what the ending of -o says, or mermaid.", show_default=False
        ),
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option("--output", "-o", metavar="FILE", help="Write it there: .mmd, .dot, .json, .svg, .html."),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="As --format json.")] = False,
    recipes: Annotated[
        bool, typer.Option("--recipes", help="Who needs whom among the recipes, not the stages of the build.")
    ] = False,
) -> None:
    """Draw the build graph: the stages of the Dockerfiles, and what each is made from.

    html is a page of its own, with the critical path, what is up to date and what is not, zoom and search; svg is a
    picture; Mermaid is drawn by GitHub and most editors, DOT by Graphviz, and JSON is for programs.

    Example: edgebake graph detector --target cpu -o build.html

    Example: edgebake graph --recipes --format dot | dot -Tsvg > recipes.svg

    Example: edgebake graph detector --select +opencv,target:cpu
    """
    from edgebake.cli.options import request_of
    from edgebake.errors import EdgebakeError
    from edgebake.pipeline import Pipeline

    language = Format.json if json_output else language or _from_suffix(output) or Format.mermaid
    if language is Format.html and recipes:
        raise EdgebakeError("the page shows stages, not recipes", hints=("draw recipes as --format svg",))
    pipeline = Pipeline(Path.cwd(), request_of(names, target, platform, name, select, exclude))
    with Waiting("compiling"):
        text = _page(pipeline) if language is Format.html else _text(pipeline, language, recipes=recipes)
    if output is None:
        typer.echo(text)
        return
    from edgebake.system.atomic import write_file

    write_file(output.absolute(), f"{text}\n".encode())


def _from_suffix(output: Path | None) -> Format | None:
    """Return the format that a file's ending says.

    Raises:
        EdgebakeError: it says none.
    """
    from edgebake.errors import EdgebakeError

    if output is None:
        return None
    suffix = output.suffix.lower()
    found = _BY_SUFFIX.get(suffix) or next((one for one in Format if f".{one.value}" == suffix), None)
    if found is None:
        raise EdgebakeError(
            f"{output.name!r} does not say what to write",
            hints=("end it in .mmd, .dot, .json, .svg or .html", "or say it with --format"),
        )
    return found


def _page(pipeline: Pipeline) -> str:
    from edgebake.cli.format.reasons import change_text
    from edgebake.inspect.graph_page import graph_page

    return graph_page(pipeline.plan(), change_text).rstrip("\n")


def _text(pipeline: Pipeline, language: Format, *, recipes: bool) -> str:
    from edgebake.inspect.draw import as_dot, as_json, as_mermaid
    from edgebake.inspect.svg import as_svg

    drawn = _recipes(pipeline) if recipes else _stages(pipeline)
    kind = "recipes" if recipes else "stages"
    match language:
        case Format.json:
            return as_json(drawn, kind)
        case Format.svg:
            return as_svg(drawn, kind)
        case Format.dot:
            return as_dot(drawn)
        case _:
            return as_mermaid(drawn)


def _recipes(pipeline: Pipeline) -> nx.DiGraph[str]:
    from edgebake.inspect.graphs import recipe_graph
    from edgebake.inspect.selected import resolve_selected
    from edgebake.select.listed import selected_items

    selected = resolve_selected(pipeline.workspace, pipeline.request)
    if not pipeline.request.has_selectors:
        return recipe_graph(selected)
    return recipe_graph(selected, selected_items(pipeline.items, pipeline.request))


def _stages(pipeline: Pipeline) -> nx.DiGraph[str]:
    from edgebake.inspect.graphs import stage_graph
    from edgebake.select.listed import selected_items
    from edgebake.select.request import scope_of
    from edgebake.select.stages import stages_of

    compilation, request = pipeline.compilation, pipeline.request
    scope = scope_of(compilation.graph.bake_targets, pipeline.workspace, request)
    bake_targets = [target.bake_target for target in scope.targets]
    if not request.has_selectors:
        return stage_graph(compilation, bake_targets, request.platforms)
    kept = stages_of(compilation, selected_items(pipeline.items, request))
    return stage_graph(compilation, bake_targets, request.platforms, kept)

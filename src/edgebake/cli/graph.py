"""`edgebake graph`."""

from __future__ import annotations

from enum import Enum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.command import command, command_options
from edgebake.cli.options import SelectOptions
from edgebake.cli.waiting import Waiting
from edgebake.errors import EdgebakeError

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


_BY_SUFFIX = {f".{kind.value}": kind for kind in Format} | {".mmd": Format.mermaid, ".gv": Format.dot}


@command_options
class GraphOptions(SelectOptions):
    """What is drawn, and how.

    Raises:
        EdgebakeError: two formats are named, a file's suffix names none, or the page is to show recipes.
    """

    recipes: Annotated[
        bool, typer.Option("--recipes", help="Draw which recipes require which, not the stages.")
    ] = False
    language: Annotated[
        Format | None,
        typer.Option(
            "--format", help="Format; by default that of the suffix of -o, or mermaid.", show_default=False
        ),
    ] = None
    output: Annotated[
        Path | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write to this file: .mmd, .dot, .json, .svg or .html."
        ),
    ] = None
    json_output: Annotated[bool, typer.Option("--json", help="The same as --format json.")] = False

    def __post_init__(self) -> None:
        if self.json_output and self.language not in (None, Format.json):
            raise EdgebakeError("--json and --format cannot be combined", hints=("--json is --format json",))
        if self.recipes and self.format is Format.html:
            raise EdgebakeError("the page shows stages, not recipes", hints=("draw recipes as --format svg",))

    @property
    def format(self) -> Format:
        """The format: the one that is named, or that of the file's suffix, or Mermaid."""
        if self.json_output:
            return Format.json
        return self.language or self._format_of_output() or Format.mermaid

    def _format_of_output(self) -> Format | None:
        if self.output is None:
            return None
        suffix = self.output.suffix.lower()
        if suffix not in _BY_SUFFIX:
            raise EdgebakeError(
                f"the suffix of {self.output.name!r} names no format",
                hints=("use .mmd, .dot, .json, .svg or .html", "or add --format"),
            )
        return _BY_SUFFIX[suffix]


@command(GraphOptions)
def graph(options: GraphOptions) -> None:
    """Draw the build graph: the stages of the Dockerfiles, and their dependencies.

    html is a page with the critical path, the state of each stage, zoom and search. svg is a picture. GitHub and
    most editors draw Mermaid, Graphviz draws DOT, and JSON is for programs.

    Example: edgebake graph detector --target cpu -o build.html

    Example: edgebake graph --recipes --format dot | dot -Tsvg > recipes.svg

    Example: edgebake graph detector --select +opencv,target:cpu
    """
    from edgebake.cli.console import print_text
    from edgebake.pipeline import Pipeline

    _ = options.format  # a wrong suffix is reported before anything is compiled
    with Waiting("compiling"):
        pipeline = Pipeline(Path.cwd(), options.request)
        text = _page(pipeline) if options.format is Format.html else _text(pipeline, options)
    if options.output is None:
        print_text(text)
        return
    from edgebake.system.atomic import write_file

    write_file(options.output.absolute(), f"{text}\n".encode())


def _page(pipeline: Pipeline) -> str:
    from edgebake.cli.format.reasons import change_text
    from edgebake.inspect.graph_page import graph_page

    return graph_page(pipeline.plan(), change_text).rstrip("\n")


def _text(pipeline: Pipeline, options: GraphOptions) -> str:
    from edgebake.cli.console import json_text
    from edgebake.cli.format.graph import data
    from edgebake.inspect.draw import as_dot, as_mermaid
    from edgebake.inspect.svg import as_svg

    drawn = _recipes(pipeline) if options.recipes else _stages(pipeline)
    match options.format:
        case Format.json:
            return json_text(data(drawn, "recipes" if options.recipes else "stages"))
        case Format.svg:
            return as_svg(drawn, "recipes" if options.recipes else "stages")
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
    from edgebake.select.listed import selected_items, stages_of
    from edgebake.select.request import scope_of

    compilation, request = pipeline.compilation, pipeline.request
    scope = scope_of(compilation.graph.bake_targets, pipeline.workspace, request)
    bake_targets = [target.bake_target for target in scope.targets]
    if not request.has_selectors:
        return stage_graph(compilation, bake_targets, request.platforms)
    kept = stages_of(compilation, selected_items(pipeline.items, request))
    return stage_graph(compilation, bake_targets, request.platforms, kept)

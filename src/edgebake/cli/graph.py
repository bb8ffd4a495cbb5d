"""`edgebake graph`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Literal, get_args

from edgebake.cli.command import command, command_options, flag, option
from edgebake.cli.console import Waiting, json_text, print_text
from edgebake.cli.options import SelectOptions
from edgebake.errors import EdgebakeError

if TYPE_CHECKING:
    import networkx as nx

    from edgebake.model.output.explore import Graph
    from edgebake.pipeline import Pipeline


Format = Literal["mermaid", "dot", "json", "svg", "html"]
_BY_SUFFIX: dict[str, Format] = {**{f".{name}": name for name in get_args(Format)}, ".mmd": "mermaid", ".gv": "dot"}


@command_options
class GraphOptions(SelectOptions):
    """What is drawn, and how.

    Raises:
        EdgebakeError: two formats are named, a file's suffix names none, or the page is to show recipes.
    """

    recipes: bool = flag("Draw which recipes require which, not the stages.")
    language: Format | None = option(
        "Format; by default that of the suffix of -o, or mermaid.", "--format", metavar="|".join(get_args(Format))
    )
    output: Path | None = option("Write to this file: .mmd, .dot, .json, .svg or .html.", "-o", metavar="FILE")
    json_output: bool = flag("The same as --format json.", "--json")

    def __post_init__(self) -> None:
        if self.json_output and self.language not in (None, "json"):
            raise EdgebakeError("--json and --format cannot be combined", hints=("--json is --format json",))
        if self.recipes and self.format == "html":
            raise EdgebakeError("the page shows stages, not recipes", hints=("draw recipes as --format svg",))

    @property
    def format(self) -> Format:
        """The format: the one that is named, or that of the file's suffix, or Mermaid."""
        if self.json_output:
            return "json"
        return self.language or self._format_of_output() or "mermaid"

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
    from edgebake.pipeline import Pipeline

    _ = options.format  # a wrong suffix is reported before anything is compiled
    with Waiting("compiling"):
        pipeline = Pipeline(Path.cwd(), options.request)
        text = _page(pipeline) if options.format == "html" else _text(pipeline, options)
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
    from edgebake.inspect.draw import as_dot, as_mermaid
    from edgebake.inspect.svg import as_svg

    kind: Literal["stages", "recipes"] = "recipes" if options.recipes else "stages"
    drawn = _recipes(pipeline) if options.recipes else _stages(pipeline)
    match options.format:
        case "json":
            return json_text(published(drawn, kind))
        case "svg":
            return as_svg(drawn, kind)
        case "dot":
            return as_dot(drawn)
        case _:
            return as_mermaid(drawn)


def published(drawn: nx.DiGraph[str], kind: Literal["stages", "recipes"]) -> Graph:
    """Return a graph as published (docs/explore.md)."""
    from edgebake.model.output.explore import Graph, GraphEdge, GraphNode

    nodes = [GraphNode(id=name, **attributes) for name, attributes in drawn.nodes(data=True)]
    edges = [GraphEdge(from_=source, to=end, **edge) for source, end, edge in drawn.edges(data=True)]
    return Graph(version=1, graph=kind, nodes=nodes, edges=edges)


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

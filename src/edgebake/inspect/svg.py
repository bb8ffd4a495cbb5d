"""A graph as SVG, laid out here: the layers of the build from left to right, a panel for each target.

The text of the drawing is text: titles for a pointer and for a screen reader, colours for light and dark. The page
(:mod:`edgebake.inspect.graph_page`) shows the same drawing, so shapes carry numbers: `data-n` of a node, `data-e`
of an edge's two.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from html import escape
from unicodedata import east_asian_width

import networkx as nx

from edgebake.dataclasses import dataclass
from edgebake.inspect.graphs import LAYERS, Graph, by_target, stage_layers
from edgebake.inspect.layout import COLUMN_GAP, Point, lay_out, ranks

TITLE_HEIGHT, HEAD_HEIGHT, PANEL_GAP = 46.0, 30.0, 28.0
_LONGEST = 30  # characters of a title
_STRAIGHT = {"from": 200.0}  # the install line is one

CAPTIONS = {
    "base": "base image",
    "native": "base image, build platform",
    "tool": "build tool",
    "fetch": "fetch wheels",
    "source": "sources",
    "sysroot": "sysroot",
    "build": "build half",
    "artifact": "artifact",
    "install": "install",
    "check": "check of packages",
    "image": "image",
    "test": "tests",
    "recipe": "recipe",
    "fact": "brought by base image or host",
}

STYLE = """
  :root { color-scheme: light dark; }
  .drawing { --bg: #ffffff; --ink: #1c2430; --dim: #5b6675; --edge: #b4bdca; --panel: #f5f7fa; --band: #eceff4;
    --box: #ffffff; --line: #d3dae3; --base: #64748b; --tool: #8a6d1f; --fetch: #0e7490; --build: #c2410c;
    --install: #2f5fd0; --image: #15803d;
    font: 13px system-ui, -apple-system, "Segoe UI", "DejaVu Sans", sans-serif; }
  @media (prefers-color-scheme: dark) { .drawing { --bg: #10151c; --ink: #e6ebf2; --dim: #98a4b5; --edge: #4a5667;
    --panel: #161d27; --band: #1c2530; --box: #202a37; --line: #354254; --base: #94a3b8; --tool: #d6b24c;
    --fetch: #38bdd3; --build: #fb8a4c; --install: #7ea6ff; --image: #4cc77b; } }
  .paper { fill: var(--bg); } .panel { fill: var(--panel); } .band { fill: var(--band); }
  .name { fill: var(--ink); font-size: 17px; font-weight: 650; } .count { fill: var(--dim); font-size: 12px; }
  .head { fill: var(--dim); font-size: 11px; font-weight: 600; letter-spacing: .06em; text-transform: uppercase; }
  .edge { fill: none; stroke: var(--edge); stroke-width: 1.5; } .edge.copy, .edge.library { stroke-dasharray: 5 4; }
  .node rect { fill: var(--box); stroke: var(--line); } .node .stripe { stroke: none; fill: var(--kind); }
  .node { --kind: var(--base); } .node.tool, .node.sysroot { --kind: var(--tool); }
  .node.fetch { --kind: var(--fetch); } .node.build, .node.artifact { --kind: var(--build); }
  .node.install, .node.recipe { --kind: var(--install); }
  .node.image, .node.check, .node.test { --kind: var(--image); }
  .node .title { fill: var(--ink); font-weight: 550; } .node .caption { fill: var(--dim); font-size: 11px; }
"""


@dataclass(frozen=True)
class Drawing:
    """A drawing.

    Attributes:
        shapes: as SVG.
        width: of all.
        height: of all.
        panels: each target's: its name, where it begins, its width and height.
        boxes: where nodes are, by name: left, top, width, height.
    """

    shapes: str
    width: float
    height: float
    panels: tuple[tuple[str, float, float, float], ...]
    boxes: Mapping[str, tuple[float, float, float, float]]


def as_svg(graph: Graph, kind: str) -> str:
    """Return a graph as an SVG document. `kind`: `stages` or `recipes`."""
    drawing = draw(graph, layered=kind == "stages")
    targets = ", ".join(name for name, *_ in drawing.panels) or "nothing"
    title = f"{'Stages of the build' if kind == 'stages' else 'Who needs whom'}: {targets}"
    summary = f"{len(graph)} {kind} and {graph.number_of_edges()} edges between them, from left to right."
    size = f'width="{drawing.width:g}" height="{drawing.height:g}"'
    view_box = f'viewBox="0 0 {drawing.width:g} {drawing.height:g}"'
    return f"""\
<svg xmlns="http://www.w3.org/2000/svg" class="drawing" role="img" aria-labelledby="t d" {size} {view_box}>
<title id="t">{text(title)}</title>
<desc id="d">{text(summary)}</desc>
<style>{STYLE}</style>
<rect class="paper" {size}/>
{drawing.shapes}
</svg>"""


def draw(graph: Graph, *, layered: bool) -> Drawing:
    """Return the drawing of a graph.

    Args:
        graph: the graph.
        layered: whether its nodes are stages, which are in layers of the build.
    """
    numbers = {name: number for number, name in enumerate(graph)}
    layers = stage_layers(graph) if layered else None
    shapes: list[str] = []
    panels: list[tuple[str, float, float, float]] = []
    boxes: dict[str, tuple[float, float, float, float]] = {}
    y, width = 0.0, 0.0
    for target, nodes in by_target(graph).items():
        panel = _Panel(graph, nodes, numbers, layers)
        shapes += panel.shapes(target, y)
        panels.append((target, y, panel.width, panel.height))
        boxes |= panel.boxes(y)
        y, width = y + panel.height + PANEL_GAP, max(width, panel.width)
    return Drawing("\n".join(shapes), width, max(y - PANEL_GAP, 0.0), tuple(panels), boxes)


def text(value: str) -> str:
    """Return text for SVG. What XML cannot hold, and what would turn a line around, is shown as a replacement."""
    return escape(re.sub("[\x00-\x08\x0b-\x1f\x7f\u202a-\u202e\u2066-\u2069\ufffe\uffff]", "\ufffd", value))


def title_of(label: str, kind: str) -> str:
    """Return a node's title, without what its caption says."""
    return label.removeprefix("build tool ") if kind == "tool" else label.partition(": ")[0] or label


class _Panel:
    """The drawing of one target."""

    def __init__(
        self, graph: Graph, nodes: Sequence[str], numbers: Mapping[str, int], layers: Mapping[str, int] | None
    ) -> None:
        self._graph, self._nodes, self._numbers, self._layers = graph, nodes, numbers, layers
        inside = set(nodes)
        edges = {(a, b): graph.edges[a, b]["kind"] for a, b in graph.edges(nodes) if b in inside}
        self._edges = edges
        self._columns = ranks(nx.topological_sort(graph.subgraph(nodes)), edges, layers)
        widths = {name: self._width(name) for name in nodes}
        weights = {edge: _STRAIGHT.get(kind, 1.0) for edge, kind in edges.items()}
        self._layout = lay_out(widths, weights, self._columns)
        self._top = TITLE_HEIGHT + (HEAD_HEIGHT if layers else 0.0)
        self.width = max(self._layout.width, 260.0)
        self.height = self._layout.height + self._top

    def _title(self, name: str) -> str:
        node = self._graph.nodes[name]
        found = title_of(node["label"], node["kind"])
        return found if len(found) <= _LONGEST else f"{found[: _LONGEST - 1]}…"

    def _width(self, name: str) -> float:
        caption = CAPTIONS[self._graph.nodes[name]["kind"]]
        return round(max(96.0, _length(self._title(name), 7.5), _length(caption, 6.3)) + 40.0)

    def boxes(self, y: float) -> dict[str, tuple[float, float, float, float]]:
        """Return where the nodes are in a drawing in which the panel begins at `y`."""
        placed = self._layout.boxes.items()
        return {name: (box.x, round(box.y + y + self._top, 1), box.width, box.height) for name, box in placed}

    def shapes(self, target: str, y: float) -> Iterator[str]:
        """Yield the shapes of the panel, `y` below the drawing's upper edge."""
        count = f"{len(self._nodes)} {'stages' if self._layers else 'nodes'}"
        yield f'<g transform="translate(0 {y:g})" role="group" aria-label="{text(target)}, {count}">'
        yield f'<rect class="panel" width="{self.width:g}" height="{self.height:g}" rx="12"/>'
        yield f'<text class="name" x="20" y="30">{text(target)}</text>'
        yield f'<text class="count" x="{20 + _length(target, 10.5) + 14:g}" y="30">{count}</text>'
        yield from self._bands() if self._layers else ()
        yield f'<g transform="translate(0 {self._top:g})">'
        yield from (self._edge(edge, points) for edge, points in self._layout.routes.items())
        yield from (line for name in self._nodes for line in self._node(name))
        yield "</g></g>"

    def _bands(self) -> Iterator[str]:
        layers = self._layers or {}
        for number, layer in enumerate(LAYERS):
            columns = [self._layout.columns[self._columns[name]] for name in self._nodes if layers[name] == number]
            if not columns:
                continue
            left = min(column.x for column in columns) - COLUMN_GAP / 4
            right = max(column.x + column.width for column in columns) + COLUMN_GAP / 4
            height = self.height - TITLE_HEIGHT - 8
            box = f'x="{left:g}" y="{TITLE_HEIGHT:g}" width="{right - left:g}" height="{height:g}"'
            yield f'<rect class="band" {box} rx="8"/>'
            yield f'<text class="head" x="{left + 12:g}" y="{TITLE_HEIGHT + 20:g}">{text(layer)}</text>'

    def _edge(self, edge: tuple[str, str], points: Sequence[Point]) -> str:
        names = f"{self._numbers[edge[0]]}-{self._numbers[edge[1]]}"
        return f'<path class="edge {self._edges[edge]}" data-e="{names}" d="{_curve(points)}"/>'

    def _node(self, name: str) -> Iterator[str]:
        node, box = self._graph.nodes[name], self._layout.boxes[name]
        kind, caption = node["kind"], CAPTIONS[node["kind"]]
        platforms = ", ".join(node["platforms"])
        yield (
            f'<g class="node {kind}" data-n="{self._numbers[name]}" transform="translate({box.x:g} {box.y:g})" '
            f'role="img" aria-label="{text(node["label"])}, {caption}, {text(platforms)}">'
        )
        yield f"<title>{text(node['label'])} ({caption}; {text(platforms)})</title>"
        yield f'<rect width="{box.width:g}" height="{box.height:g}" rx="7"/>'
        yield f'<rect class="stripe" x="0.5" y="7" width="4" height="{box.height - 14:g}" rx="2"/>'
        yield f'<text class="title" x="14" y="18">{text(self._title(name))}</text>'
        yield f'<text class="caption" x="14" y="33">{caption}</text></g>'


def _length(value: str, size: float) -> float:
    """Return about how long text is; characters of East Asia are twice as wide."""
    return sum(1.7 * size if east_asian_width(char) in "WF" else size for char in value)


def _curve(points: Sequence[Point]) -> str:
    """Return a path that crosses columns straight, and bends between them."""
    (x, y), *rest = points
    words = [f"M{x:g} {y:g}"]
    for number, (end_x, end_y) in enumerate(rest):
        if number % 2 or end_y == y:
            words.append(f"H{end_x:g}")
        else:
            bend = (end_x - x) / 2
            words.append(f"C{x + bend:g} {y:g} {end_x - bend:g} {end_y:g} {end_x:g} {end_y:g}")
        x, y = end_x, end_y
    return "".join(words)

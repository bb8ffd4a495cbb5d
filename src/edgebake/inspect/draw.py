"""Graphs in the languages Mermaid and DOT."""

from __future__ import annotations

import re
from collections.abc import Iterator

from edgebake.inspect.graphs import Graph, by_target

_PLAIN = re.compile(r"[^\w ./:,+*=~!?@()·→-]")

# Shapes in Mermaid and DOT, by kind of node; anything else is a rectangle.
_MERMAID_SHAPES = {"image": ("([", "])"), "base": ("[(", ")]"), "fact": ("[(", ")]"), "artifact": ("[/", "/]")}
_DOT_SHAPES = {"image": "oval", "base": "cylinder", "fact": "cylinder", "artifact": "parallelogram"}
_DASHED = ("copy", "library")


def as_mermaid(graph: Graph) -> str:
    """Return a graph as a Mermaid flowchart, a subgraph for each target."""
    return "\n".join(["flowchart LR", *_mermaid(graph)])


def mermaid_text(text: str) -> str:
    """Return a label for Mermaid, in double quotes. What could mean something there is a numbered entity."""
    return '"' + _PLAIN.sub(lambda match: f"#{ord(match[0])};", text) + '"'


def _mermaid(graph: Graph) -> Iterator[str]:
    ids = {name: f"n{number}" for number, name in enumerate(graph)}  # words in any language
    for number, (target, nodes) in enumerate(by_target(graph).items()):
        yield f"  subgraph t{number}[{mermaid_text(target)}]"
        for name in nodes:
            opening, closing = _MERMAID_SHAPES.get(graph.nodes[name]["kind"], ("[", "]"))
            yield f"    {ids[name]}{opening}{mermaid_text(graph.nodes[name]['label'])}{closing}"
        yield "  end"
    for source, end, edge in graph.edges(data=True):
        arrow = "-.->" if edge["kind"] in _DASHED else "-->"
        label = f"|{mermaid_text(edge['label'])}|" if edge["label"] else ""
        yield f"  {ids[source]} {arrow}{label} {ids[end]}"


def as_dot(graph: Graph) -> str:
    """Return a graph in Graphviz's language, a cluster for each target."""
    return "\n".join(["digraph edgebake {", "  rankdir=LR;", "  node [shape=box];", *_dot(graph), "}"])


def dot_text(text: str) -> str:
    """Return text in DOT's double quotes; a backslash would begin an escape there."""
    return '"' + text.replace("\\", "\\\\").replace('"', '\\"') + '"'


def _dot(graph: Graph) -> Iterator[str]:
    for number, (target, nodes) in enumerate(by_target(graph).items()):
        yield f"  subgraph cluster_{number} {{"
        yield f"    label={dot_text(target)};"
        for name in nodes:
            kind, label = graph.nodes[name]["kind"], graph.nodes[name]["label"]
            shape = f", shape={_DOT_SHAPES[kind]}" if kind in _DOT_SHAPES else ""
            yield f"    {dot_text(name)} [label={dot_text(label)}{shape}];"
        yield "  }"
    for source, end, edge in graph.edges(data=True):
        attributes = [f"label={dot_text(edge['label'])}"] if edge["label"] else []
        attributes += ["style=dashed"] if edge["kind"] in _DASHED else []
        brackets = f" [{', '.join(attributes)}]" if attributes else ""
        yield f"  {dot_text(source)} -> {dot_text(end)}{brackets};"

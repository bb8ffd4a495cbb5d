"""What `graph --json` prints. The other formats are drawn by `inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from edgebake.model.output.explore import Graph, GraphEdge, GraphNode

if TYPE_CHECKING:
    import networkx as nx


def data(graph: nx.DiGraph[str], kind: Literal["stages", "recipes"]) -> Graph:
    """Return a graph as published (docs/explore.md)."""
    nodes = [GraphNode(id=name, **attributes) for name, attributes in graph.nodes(data=True)]
    edges = [GraphEdge(from_=source, to=end, **edge) for source, end, edge in graph.edges(data=True)]
    return Graph(version=1, graph=kind, nodes=nodes, edges=edges)

"""The order of recipes in an image's line: by layer, then by what needs what, then by name."""

from __future__ import annotations

from collections.abc import Mapping

import networkx as nx

from edgebake.model.recipe import LAYERS
from edgebake.resolve.resolution import Resolution


def install_order(resolutions: Mapping[str, Resolution]) -> list[str]:
    """Return the recipes of an image in the order of their install stages.

    The order follows from the image's own recipes alone, so that another image never changes it. A recipe that
    is on some platforms only has its place in the same line.

    Args:
        resolutions: the image's resolution on each platform.
    """
    graph: nx.DiGraph[str] = nx.DiGraph()
    layers: dict[str, int] = {}
    for resolution in resolutions.values():
        for name in resolution.installed:
            pin = resolution.pins[name]
            graph.add_node(name)
            layers[name] = LAYERS.index(pin.recipe.layer)
            graph.add_edges_from((need, name) for need in sorted(pin.requires))
    # A recipe cannot come before what it needs: it sinks to the layer of its last need.
    ranks: dict[str, int] = {}
    for name in nx.topological_sort(graph):
        ranks[name] = max([layers[name], *(ranks[need] for need in graph.predecessors(name))])
    return list(nx.lexicographical_topological_sort(graph, key=lambda name: (ranks[name], name)))

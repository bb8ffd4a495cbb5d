"""The layers of a build, from its base images to what is shipped, and which one a stage is in."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from edgebake.graph.node import Kind

if TYPE_CHECKING:
    from edgebake.inspect.graphs import Graph

LAYERS = ("Base images", "Build tools", "Fetched", "Built", "Install line", "Images")
_LAYER: Mapping[Kind, int] = {
    "base": 0,
    "native": 0,
    "tool": 1,
    "fetch": 2,
    "sysroot": 2,
    "build": 3,
    "install": 4,
    "image": 5,
    "test": 5,
}
_TOOLS, _FETCHED, _LINE = 1, 2, 4


def stage_layers(graph: Graph) -> dict[str, int]:
    """Return which of `LAYERS` each stage is in; no edge leads to an earlier one.

    What another stage needs is never in a later layer than that one: what a build half on the target platform
    installs for itself is among the tools.
    """
    found: dict[str, int] = {}
    for name in graph:  # each after its parents
        kind = graph.nodes[name]["kind"]
        before = (found[parent] for parent in graph.predecessors(name))
        found[name] = max(before, default=_FETCHED) if kind == "artifact" else _LAYER[kind]
    for name in reversed(list(graph)):
        found[name] = min([found[name], *(found[child] for child in graph.successors(name))])
        if graph.nodes[name]["kind"] == "install" and found[name] < _LINE:
            found[name] = _TOOLS
    return found

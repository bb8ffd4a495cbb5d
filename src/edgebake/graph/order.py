"""The order of recipes in an image's line: by layer, then by what needs what, then by name."""

from __future__ import annotations

from collections.abc import Mapping
from graphlib import TopologicalSorter
from heapq import heappop, heappush

from edgebake.model.recipe import LAYERS
from edgebake.resolve.resolution import Resolution


def install_order(resolutions: Mapping[str, Resolution]) -> list[str]:
    """Return the recipes of an image in the order of their install stages.

    The order follows from the image's own recipes alone, so that another image never changes it. A recipe that
    is on some platforms only has its place in the same line.

    Args:
        resolutions: the image's resolution on each platform.
    """
    needs: dict[str, set[str]] = {}
    layers: dict[str, int] = {}
    for resolution in resolutions.values():
        for name in resolution.installed:
            pin = resolution.pins[name]
            needs.setdefault(name, set()).update(pin.requires)
            layers[name] = LAYERS.index(pin.recipe.layer)
    line: list[str] = []
    ranks: dict[str, int] = {}
    ready: list[tuple[int, str]] = []
    sorter = TopologicalSorter(needs)
    sorter.prepare()
    while sorter.is_active():
        for name in sorter.get_ready():
            # A recipe cannot come before what it needs: it sinks to the layer of its last need.
            ranks[name] = max([layers[name], *(ranks[need] for need in needs[name])])
            heappush(ready, (ranks[name], name))
        line.append(heappop(ready)[1])
        sorter.done(line[-1])
    return line

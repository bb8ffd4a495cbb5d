"""The order of recipes in an image's line: by layer, by what needs what, then by name."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from heapq import heapify, heappop, heappush

from edgebake.errors import EdgebakeError
from edgebake.model.recipe import LAYERS
from edgebake.resolve.resolution import Resolution


def install_order(resolutions: Mapping[str, Resolution]) -> list[str]:
    """Return the recipes of an image in the order of their install stages, by rank.

    The order follows from the image's own recipes alone, so that another image never changes it. A recipe that
    is on some platforms only has its place in the same line.

    Args:
        resolutions: the image's resolution on each platform.

    Raises:
        EdgebakeError: two recipes need each other, each on another platform.
    """
    needs = _needs(resolutions)
    layers: dict[str, int] = {}
    for resolution in resolutions.values():
        for name in resolution.installed:
            layers[name] = LAYERS.index(resolution.pins[name].recipe.layer)
    line = _by_rank(needs, layers)
    if len(line) < len(needs):
        stuck = ", ".join(sorted(needs.keys() - set(line)))
        raise EdgebakeError(f"no order fits all platforms of {stuck}: each comes before another on one of them")
    return line


def _by_rank(needs: Mapping[str, Collection[str]], ranks: dict[str, int]) -> list[str]:
    """Return names, each after its needs, those of the lowest rank first; without what needs itself.

    A recipe cannot come before what it needs: it sinks to the rank of its last need.
    """
    missing = {name: len(own) for name, own in needs.items()}
    needed_by: dict[str, list[str]] = {}
    for name, own in needs.items():
        for need in own:
            needed_by.setdefault(need, []).append(name)
    ready = [(ranks[name], name) for name, count in missing.items() if not count]
    heapify(ready)
    line: list[str] = []
    while ready:
        rank, name = heappop(ready)
        line.append(name)
        for other in needed_by.get(name, ()):
            ranks[other] = max(ranks[other], rank)
            missing[other] -= 1
            if not missing[other]:
                heappush(ready, (ranks[other], other))
    return line


def _needs(resolutions: Mapping[str, Resolution]) -> dict[str, set[str]]:
    """Return what each recipe of an image's line needs in front of it, on any platform."""
    needs: dict[str, set[str]] = {}
    for resolution in resolutions.values():
        for name in resolution.installed:
            needs.setdefault(name, set()).update(resolution.pins[name].requires)
    return needs

"""Which bake targets go into one invocation of Buildx.

A wave holds no more than an engine bears. Bake targets that share most of their stages go into the same one: what
they share is then loaded, and waited for, once. Measured by benchmarks/waves.py (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

from edgebake.graph.build_graph import BakeTarget, BuildGraph

MAX_BAKE_TARGETS = 50
"""In one invocation. With 100, the `docker` driver of a busy machine says `no such job` (docker/buildx#3810)."""
MAX_STAGES = 500
"""Different stages in one invocation, unless a single bake target has more."""

T = TypeVar("T")


def waves(graph: BuildGraph, items: Sequence[T], bake_target_of: Callable[[T], BakeTarget]) -> list[list[T]]:
    """Return what is built together, each wave in the order of `items`.

    Args:
        graph: has the stages.
        items: what is built.
        bake_target_of: the bake target of an item.
    """
    if len(items) <= 1:
        return [list(items)] if items else []
    places = {id(item): place for place, item in enumerate(items)}
    paths = {id(item): _path(graph, bake_target_of(item)) for item in items}
    neighbours = sorted(items, key=lambda item: (paths[id(item)], places[id(item)]))
    return [sorted(wave, key=lambda item: places[id(item)]) for wave in _cut(graph, neighbours, bake_target_of)]


def _path(graph: BuildGraph, bake_target: BakeTarget) -> tuple[str, list[int]]:
    """Return the stages from the base image to an image: sorted by it, images that begin alike are neighbours."""
    path, node = [], graph.node(bake_target.target, bake_target.stage)
    while True:
        path.append(graph.place(node))
        parents = graph.parents(node)
        if not parents or not node.continues:
            return bake_target.target, path[::-1]
        node = parents[0]


def _cut(graph: BuildGraph, items: Sequence[T], bake_target_of: Callable[[T], BakeTarget]) -> Iterator[list[T]]:
    wave: list[T] = []
    known: set[tuple[str, str]] = set()
    for item in items:
        target = bake_target_of(item)
        stages = {node.key for node in graph.needed_by(target.target, [target.stage])}
        if wave and (len(wave) == MAX_BAKE_TARGETS or len(known | stages) > MAX_STAGES):
            yield wave
            wave, known = [], set()
        wave.append(item)
        known |= stages
    yield wave

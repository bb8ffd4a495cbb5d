"""Which bake targets go into one invocation of Buildx, and how Buildx goes about them.

Buildx 0.38 and later limits how many it builds at the same time (`--jobs`). An older one begins all at once, so an
invocation holds no more than an engine bears. Measured by benchmarks/waves.py (docs/benchmarks.md).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from edgebake.dataclasses import dataclass
from edgebake.execute.buildx import Buildx
from edgebake.graph.build_graph import BakeTarget, BuildGraph
from edgebake.graph.node import StageKey
from edgebake.plan.steps import Bake, BakeItem

AT_ONCE = 50
"""Bake targets that are built at the same time. With 100, the `docker` driver of a busy machine says `no such job`
(docker/buildx#3810)."""
MAX_STAGES = 500
"""Different stages in one invocation of an older Buildx, unless a single bake target has more."""


@dataclass(frozen=True)
class Batch:
    """What one invocation builds, and its `--jobs`; "" for a Buildx that has no such option."""

    items: Sequence[BakeItem]
    jobs: str


def batches(
    graph: BuildGraph, step: Bake, buildx: Buildx, *, keep_going: bool = False, tests_first: bool = False
) -> Iterator[Batch]:
    """Yield the invocations of a step, in order.

    No image is handed over before its tests have passed. Where both are in one invocation, nothing is handed over
    before everything is built and tested. With `keep_going`, an invocation holds no more than are built at once: in
    a larger one, bake targets whose turn comes later would run a stage that has failed again.

    Args:
        graph: has the stages.
        step: what is built.
        buildx: what builds it.
        keep_going: whether a failure stops only what depends on it.
        tests_first: whether tests have an invocation of their own in any case.
    """
    passes = [items for items in (step.tests, step.images) if items]
    if not buildx.jobs or keep_going:
        jobs = f"defer-error,parallel={AT_ONCE}" if buildx.jobs else ""
        yield from (Batch(wave, jobs) for items in passes for wave in _waves(graph, items))
    elif step.tests and not tests_first and len(step.items) <= AT_ONCE:
        yield Batch(step.items, f"defer-output,parallel={AT_ONCE}")
    else:
        yield from (Batch(items, f"parallel={AT_ONCE}") for items in passes)


def _waves(graph: BuildGraph, items: Sequence[BakeItem]) -> Iterator[list[BakeItem]]:
    """Yield what is built together, each wave in the order of `items`.

    Bake targets that share most of their stages go into the same one: what they share is then loaded, and waited
    for, once.
    """
    order = {item.bake_target.name: place for place, item in enumerate(items)}
    paths = {item.bake_target.name: _path(graph, item.bake_target) for item in items}
    neighbours = sorted(items, key=lambda item: (paths[item.bake_target.name], order[item.bake_target.name]))
    for wave in _cut(graph, neighbours):
        yield sorted(wave, key=lambda item: order[item.bake_target.name])


def _path(graph: BuildGraph, bake_target: BakeTarget) -> tuple[str, list[int]]:
    """Return the stages from the base image to an image: sorted by it, images that begin alike are neighbours."""
    path, node = [], graph.node(bake_target.target, bake_target.stage)
    while True:
        path.append(graph.place(node))
        parents = graph.parents(node)
        if not parents or not node.continues:
            return bake_target.target, path[::-1]
        node = parents[0]


def _cut(graph: BuildGraph, items: Sequence[BakeItem]) -> Iterator[list[BakeItem]]:
    wave: list[BakeItem] = []
    in_wave: set[StageKey] = set()
    for item in items:
        target = item.bake_target
        stages = {node.key for node in graph.needed_by(target.target, [target.stage])}
        if wave and (len(wave) == AT_ONCE or len(in_wave | stages) > MAX_STAGES):
            yield wave
            wave, in_wave = [], set()
        wave.append(item)
        in_wave |= stages
    yield wave

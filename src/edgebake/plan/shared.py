"""Shard 0: the stages that several shards need, published before any of them begins."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.plan.stacks import At, published_stages, walk

Parts = frozenset[tuple[str, str]]
"""What a shard is of: bake targets' names, each with a platform."""


@dataclass(frozen=True)
class SharedStage:
    """A stage on one platform that several shards need.

    `stage` is its id in the graph, `name` the one in the Dockerfile; `shards` count from 1.
    """

    target: str
    stage: str
    platform: str
    name: str
    shards: tuple[int, ...]


@dataclass(frozen=True)
class BuiltTarget:
    """A bake target on the platforms that are built, and the stages that it takes from the registry."""

    bake_target: BakeTarget
    platforms: tuple[str, ...]
    taken: Container[At] = ()


def shared_stages(
    compilation: Compilation, targets: Iterable[BuiltTarget], shards: Sequence[Parts]
) -> list[SharedStage]:
    """Return the stages worth publishing that two shards or more would build, by target, platform and name.

    Args:
        compilation: the graph.
        targets: what the shards are of.
        shards: the parts of each.
    """
    graph = compilation.graph
    chosen = published_stages(graph)
    needing: dict[tuple[str, str, str], set[int]] = {}
    for one in targets:
        name, target = one.bake_target.name, one.bake_target.target
        built, _ = walk(graph, graph.node(target, one.bake_target.stage), one.platforms, one.taken)
        for stage, platform in built:
            if (target, stage) in chosen:
                found = {number for number, parts in enumerate(shards, 1) if (name, platform) in parts}
                needing.setdefault((target, stage, platform), set()).update(found)
    several = [
        SharedStage(*key, compilation.names[key[0]][key[1]], tuple(sorted(found)))
        for key, found in needing.items()
        if len(found) > 1
    ]
    return sorted(several, key=lambda one: (one.target, one.platform, one.name))

"""Shard 0: the stages that several shards need, published before any of them begins."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.graph.compile import Compilation
from edgebake.graph.node import StageAt, StageKey
from edgebake.plan.reuse import Reuse
from edgebake.plan.scope import Parts
from edgebake.plan.stacks import published_stages, walk
from edgebake.plan.target_plan import TargetPlan


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


def shared_stages(
    compilation: Compilation, targets: Iterable[TargetPlan], shards: Sequence[Parts]
) -> list[SharedStage]:
    """Return the stages worth publishing that two shards or more would build, by target, platform and name.

    Args:
        compilation: the graph.
        targets: the plans of what the shards are of. What they take from the registry nobody builds.
        shards: the parts of each.
    """
    graph = compilation.graph
    chosen = published_stages(graph)
    needing: dict[StageAt, set[int]] = {}
    for plan in targets:
        name, target = plan.bake_target.name, plan.bake_target.target
        built, _ = walk(graph, graph.node(target, plan.bake_target.stage), plan.platforms, plan.reuse.taken)
        for at in built:
            if StageKey(at.target, at.stage) in chosen:
                found = {number for number, parts in enumerate(shards, 1) if (name, at.platform) in parts}
                needing.setdefault(at, set()).update(found)
    several = ((at, tuple(sorted(found))) for at, found in needing.items() if len(found) > 1)
    stages = [SharedStage(*at, compilation.names[at.target][at.stage], found) for at, found in several]
    return sorted(stages, key=lambda one: (one.target, one.platform, one.name))


def why_nothing_to_publish(compilation: Compilation, targets: Iterable[TargetPlan], shards: Sequence[Parts]) -> str:
    """Return why shard 0 has nothing to publish; the arguments are those of :func:`shared_stages`."""
    whole = [replace(target, reuse=Reuse()) for target in targets]  # as if the registry had nothing
    if not shared_stages(compilation, whole, shards):
        return "no two shards share a stage that is worth publishing"
    return "what several shards need is already published"

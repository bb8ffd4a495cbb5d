"""Which stages are published for reuse, and the keys under which they are.

A key names all that a stage follows from, so whoever finds it in the registry has the stage: it proves, where a
label, which every image inherits, would prove nothing.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Container, Iterable, Mapping, Sequence
from itertools import pairwise

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget, BuildGraph
from edgebake.graph.install import PIP_FILES
from edgebake.graph.names import arch, platform_name
from edgebake.graph.node import Node, StageAt, StageKey
from edgebake.plan.fingerprint import Fingerprints

_DIGITS = 32  # of a fingerprint in a key: a tag has 128 characters at most, and a target's name may have 64


@dataclass(frozen=True)
class Keyed:
    """What is published under one key: a stage on one platform, or one that is the same on several."""

    node: Node  # the stage
    name: str  # its name in the Dockerfile, where the published one takes its place
    platforms: tuple[str, ...]  # those of the published image
    key: str  # its tag in the repository of stacks


def stage_key(target: str, digests: Mapping[str, str]) -> str:
    """Return the key of a stage.

    Args:
        target: the target's name.
        digests: the stage's fingerprints, by platform.
    """
    platforms = sorted(digests)
    digest = digests[platforms[0]]
    if len(platforms) > 1:
        digest = hashlib.sha256(json.dumps([digests[platform] for platform in platforms]).encode()).hexdigest()
    return "-".join([target, *(arch(platform) for platform in platforms), digest[:_DIGITS]])


def keyed(node: Node, platforms: Sequence[str], fingerprints: Fingerprints) -> list[Keyed]:
    """Return what a stage is published as: as one if it is the same on all platforms, else each for itself.

    Args:
        node: the stage.
        platforms: those on which it is wanted.
        fingerprints: give the keys.
    """
    digests = {p: fingerprints.of(node, p).digest for p in platforms if not node.bodies[p].empty}
    if not digests:
        return []
    name, target = fingerprints.compilation.names[node.target][node.id], node.target
    if node.uniform:
        return [Keyed(node, name, tuple(digests), stage_key(target, digests))]
    return [Keyed(node, platform_name(name, p), (p,), stage_key(target, {p: digests[p]})) for p in digests]


# ── the choice


def published_stages(graph: BuildGraph) -> frozenset[StageKey]:
    """Return the stages that are worth publishing, of the whole project, so that no selection changes them.

    Artifacts, all: what is compiled or fetched. Of the install stages those that builds begin from: where lines
    part, where one ends and the stage before (the application alone changes), and the last of each layer. What lies
    between two of these is a few light steps, and each published stage is a tag and a question more.
    """
    chosen: set[StageKey] = set()
    following: dict[StageKey, set[str]] = {}
    for bake_target in graph.bake_targets:
        if bake_target.is_test:
            continue
        line = _line(graph, bake_target)
        chosen |= {node.key for node in line[-2:]}
        chosen |= {node.key for node, after in pairwise(line) if _layer(node) != _layer(after)}
        for node, after in zip(line, [*(n.id for n in line[1:]), bake_target.stage], strict=True):
            following.setdefault(node.key, set()).add(after)
        artifacts = (n for n in graph.needed_by(bake_target.target, [bake_target.stage]) if n.kind == "artifact")
        chosen |= {node.key for node in artifacts if node.pins or node.label == PIP_FILES}
    return frozenset(chosen | {stage for stage, after in following.items() if len(after) > 1})


def _line(graph: BuildGraph, bake_target: BakeTarget) -> list[Node]:
    """Return the install stages of an image's line, in order."""
    line = []
    node = graph.node(bake_target.target, bake_target.stage)
    while node.kind in ("image", "install"):
        node = graph.node(bake_target.target, next(iter(node.bodies.values())).parent)
        line.append(node)
    return line[-2::-1]  # without the base


def _layer(node: Node) -> str:
    return next(iter(node.pins.values())).recipe.layer


def wanted(bake_targets: Iterable[tuple[BakeTarget, Sequence[str]]], fingerprints: Fingerprints) -> list[Keyed]:
    """Return everything that bake targets could reuse on their platforms, each once.

    Args:
        bake_targets: with the platforms that are built.
        fingerprints: give the keys.
    """
    graph = fingerprints.compilation.graph
    chosen = published_stages(graph)
    found: dict[tuple[str, str], Keyed] = {}
    for bake_target, platforms in bake_targets:
        every, _ = walk(graph, graph.node(bake_target.target, bake_target.stage), platforms)
        for node, here in by_stage(graph, bake_target.target, every):
            if node.key in chosen:
                for one in keyed(node, here, fingerprints):
                    found[one.key, one.name] = one
    return list(found.values())


# ── what is needed on a platform


def walk(
    graph: BuildGraph, start: Node, platforms: Sequence[str], available: Container[StageAt] = ()
) -> tuple[set[StageAt], set[StageAt]]:
    """Return what is built for a stage: not what is empty, and nothing below what is available.

    Returns:
        The stages that are built, and the available ones that they are built on.
    """
    built: set[StageAt] = set()
    taken: set[StageAt] = set()
    todo = [StageAt(*start.key, platform) for platform in platforms]
    seen = set(todo)
    while todo:
        at = todo.pop()
        if at in available:
            taken.add(at)
            continue
        body = graph.node(at.target, at.stage).bodies[at.platform]
        if not body.empty:
            built.add(at)
        new = {at._replace(stage=parent) for parent in body.parents} - seen
        seen |= new
        todo += new
    return built, taken


def by_stage(graph: BuildGraph, target: str, stages: Iterable[StageAt]) -> list[tuple[Node, list[str]]]:
    """Return stages with their platforms, each after its parents."""
    platforms: dict[str, list[str]] = {}
    for at in sorted(stages, key=lambda at: at.platform):
        platforms.setdefault(at.stage, []).append(at.platform)
    return [(graph.node(target, i), platforms[i]) for i in graph.ordered(target, platforms)]

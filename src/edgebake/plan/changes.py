"""Why a stage is built: new, directly modified, indirectly modified, moved, or not at all."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edgebake.fingerprint import Fingerprint, Fingerprints
from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.node import Node
from edgebake.plan.record import StageRecord

State = Literal["new", "direct", "indirect", "moved", "same"]
SEVERITY: tuple[State, ...] = ("same", "moved", "indirect", "direct", "new")


@dataclass(frozen=True)
class StageChange:
    """A stage on one platform, and why it is built.

    Attributes:
        node: the stage.
        name: its name in the Dockerfile.
        platform: the platform.
        state: `new`: never built here. `direct`: its own inputs changed. `indirect`: something that it needs
            changed. `moved`: only its place changed, behind a change in the install line. `same`: up to date.
        causes: for `direct` the inputs that changed; for `indirect` and `moved` the recipes or stages.
        fingerprint: what it is built from now.
    """

    node: Node
    name: str
    platform: str
    state: State
    causes: tuple[str, ...]
    fingerprint: Fingerprint


def stage_changes(
    graph: BuildGraph,
    nodes: Sequence[Node],
    names: Mapping[str, str],
    platform: str,
    fingerprints: Fingerprints,
    before: Mapping[str, StageRecord],
) -> list[StageChange]:
    """Compare a bake target's stages on a platform with what was built last.

    Args:
        graph: the build graph.
        nodes: the stages, each after its parents.
        names: their names by id.
        platform: the platform.
        fingerprints: what they are built from now.
        before: what they were built from, by name.
    """
    changes: dict[str, StageChange] = {}
    for node in nodes:
        fingerprint = fingerprints.of(node, platform)
        known = before.get(names[node.id])
        state, causes = _judge(graph, node, platform, fingerprint, known, names, changes)
        changes[node.id] = StageChange(node, names[node.id], platform, state, causes, fingerprint)
    return list(changes.values())


def _judge(
    graph: BuildGraph,
    node: Node,
    platform: str,
    fingerprint: Fingerprint,
    known: StageRecord | None,
    names: Mapping[str, str],
    changes: Mapping[str, StageChange],
) -> tuple[State, tuple[str, ...]]:
    if known is None:
        return "new", ()
    if fingerprint.digest == known.digest:
        return "same", ()
    if fingerprint.own != known.own:
        return "direct", _changed_parts(dict(fingerprint.parts), known.parts)
    changed = [stage for stage, digest in fingerprint.parents if known.parents.get(names[stage]) != digest]
    line = node.bodies[platform].parent
    if node.kind not in ("install", "tool"):
        return "indirect", _named(graph, node, changed)
    needed = _changed_needs(node, platform, changes)
    own = [stage for stage in changed if stage != line]
    causes = tuple(dict.fromkeys([*_named(graph, node, own), *needed]))
    if causes:
        return "indirect", causes
    return "moved", _first_causes(node, line, platform, changes)


def _changed_parts(now: Mapping[str, str], before: Mapping[str, str]) -> tuple[str, ...]:
    """Name the inputs that changed: a recipe's field or a file if one did, else the instructions."""
    differing = [name for name in sorted({*now, *before}) if now.get(name) != before.get(name)]
    told = [name for name in differing if name != "instructions"]
    return tuple(told or ["instructions"])


def _named(graph: BuildGraph, node: Node, stages: Sequence[str]) -> tuple[str, ...]:
    return tuple(graph.node(node.target, stage).title for stage in stages)


def _changed_needs(node: Node, platform: str, changes: Mapping[str, StageChange]) -> list[str]:
    """Return the recipes that this one needs and that changed themselves, not only their place."""
    pin = node.pins.get(platform)
    if pin is None:
        return []
    return sorted(
        change.node.recipe
        for change in changes.values()
        if change.node.kind == node.kind
        and change.node.recipe in pin.requires
        and change.state in ("new", "direct", "indirect")
    )


def _first_causes(node: Node, line: str, platform: str, changes: Mapping[str, StageChange]) -> tuple[str, ...]:
    """Return the stage nearest in front that changed more than its place."""
    while line in changes:
        change = changes[line]
        if change.state != "moved" and change.state != "same":
            return (change.node.recipe or change.node.title,)
        line = change.node.bodies[platform].parent
    return ("its place in the line",)

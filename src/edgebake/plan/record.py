"""What every stage of a bake target was built from last, so that a plan can say what changed, and which input did.

Stages are known by what they are called (`stage_keys`), not by their names in a Dockerfile, which other images can
change.

The record is a memory, not a truth: BuildKit decides what it builds again. It is read from the journal.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, field
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.graph.names import plain_name
from edgebake.graph.node import Node
from edgebake.plan.fingerprint import Fingerprint


@dataclass(frozen=True)
class StageRecord:
    """One stage on one platform, as it was built. `parents` are fingerprints by stage key."""

    own: str
    digest: str
    parents: Mapping[str, str]
    parts: Mapping[str, str]


def stage_keys(nodes: Sequence[Node], names: Mapping[str, str]) -> dict[str, str]:
    """Return by id what a bake target's stages are remembered under.

    Args:
        nodes: all that the bake target is made from.
        names: the stages' names in the Dockerfile, for those that share what they are called.
    """
    plain = {node.id: plain_name(node) for node in nodes}
    count = Counter(plain.values())
    return {i: name if count[name] == 1 else names[i] for i, name in plain.items()}


def stage_record(fingerprint: Fingerprint, keys: Mapping[str, str]) -> StageRecord:
    """Return what to remember of a stage."""
    parents = {keys[stage]: digest for stage, digest in fingerprint.parents}
    return StageRecord(fingerprint.own, fingerprint.digest, parents, dict(fingerprint.parts))


Stages = dict[str, dict[str, StageRecord]]
"""By platform and stage key."""


@dataclass
class BuildRecord:
    """Stages by bake target, platform and stage key."""

    built: dict[str, Stages] = field(default_factory=dict)

    def stages(self, bake_target: str, platform: str) -> Mapping[str, StageRecord]:
        """Return what a bake target was built from last on a platform; empty if it never was."""
        return self.built.get(bake_target, {}).get(platform, {})

    def digests(self, platform: str) -> frozenset[str]:
        """Return the fingerprints of all stages that any bake target was built from last on a platform."""
        return frozenset(stage.digest for name in self.built for stage in self.stages(name, platform).values())

    def put(self, bake_target: str, platform: str, stages: dict[str, StageRecord]) -> None:
        """Remember a successful build."""
        self.built.setdefault(bake_target, {})[platform] = stages


def stages_as_data(stages: Stages) -> dict[str, Any]:
    """Return stages as data for the journal."""
    return {p: {name: asdict(stage) for name, stage in found.items()} for p, found in stages.items()}


def stages_from_data(data: Mapping[str, Any]) -> Stages:
    """Return stages from the journal's data.

    Raises:
        TypeError: it is none.
        AttributeError: it is none.
    """
    return {p: {name: StageRecord(**stage) for name, stage in found.items()} for p, found in data.items()}

"""What was built last: the fingerprints of every stage of a bake target, kept beside the project.

Stages are known by what they are called (`stage_keys`), not by their names in a Dockerfile, which other images can
change.

The record is a memory, not a truth: BuildKit decides what it builds again. It lets a plan say what changed, and
which of its inputs did.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from edgebake.atomic import write_file
from edgebake.fingerprint import Fingerprint
from edgebake.graph.names import plain_name
from edgebake.graph.node import Node

RECORD_FILE = ".edgebake/built.json"
_VERSION = 2


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


@dataclass
class BuildRecord:
    """Stages by bake target, platform and stage key."""

    built: dict[str, dict[str, dict[str, StageRecord]]] = field(default_factory=dict)

    def stages(self, bake_target: str, platform: str) -> Mapping[str, StageRecord]:
        """Return what a bake target was built from last on a platform; empty if it never was."""
        return self.built.get(bake_target, {}).get(platform, {})

    def digests(self, platform: str) -> frozenset[str]:
        """Return the fingerprints of all stages that any bake target was built from last on a platform."""
        built = (platforms.get(platform, {}) for platforms in self.built.values())
        return frozenset(stage.digest for stages in built for stage in stages.values())

    def put(self, bake_target: str, platform: str, stages: dict[str, StageRecord]) -> None:
        """Remember a successful build."""
        self.built.setdefault(bake_target, {})[platform] = stages


def read_record(root: Path) -> BuildRecord:
    """Return the project's record; an empty one if there is none, or if it cannot be used."""
    try:
        data = json.loads((root / RECORD_FILE).read_text(encoding="utf-8"))
        if data["version"] != _VERSION:
            return BuildRecord()
        return BuildRecord(
            {
                bake_target: {
                    platform: {name: StageRecord(**stage) for name, stage in stages.items()}
                    for platform, stages in platforms.items()
                }
                for bake_target, platforms in data["built"].items()
            }
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return BuildRecord()


def write_record(root: Path, record: BuildRecord) -> None:
    """Write the project's record, as one change."""
    data: dict[str, Any] = {"version": _VERSION, "built": {}}
    for bake_target, platforms in sorted(record.built.items()):
        data["built"][bake_target] = {
            platform: {name: asdict(stage) for name, stage in stages.items()}
            for platform, stages in sorted(platforms.items())
        }
    write_file(root / RECORD_FILE, json.dumps(data).encode())

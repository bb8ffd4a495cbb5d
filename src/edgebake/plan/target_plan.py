"""What a plan says about one bake target."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property

from edgebake.graph.build_graph import BakeTarget
from edgebake.plan.changes import StageChange
from edgebake.plan.evidence import UNKNOWN, Evidence
from edgebake.plan.reuse import PublishedStage, Reuse


@dataclass(frozen=True)
class TargetPlan:
    """One bake target: its stages on each platform that is built, and why each is."""

    bake_target: BakeTarget
    platforms: tuple[str, ...]
    changes: tuple[StageChange, ...]
    fingerprints: tuple[tuple[str, str], ...]
    """Of the image, by platform; of all declared platforms, so that a label does not depend on a selection."""
    keys: Mapping[str, str]
    """What the stages are remembered under, by id."""
    tests: tuple[tuple[str, str], ...] = ()
    """Fingerprints of its tests, by platform that is built; none if it has no tests."""
    evidence: Evidence = UNKNOWN
    """What says whether it is up to date."""
    reuse: Reuse = field(default_factory=Reuse)
    """What of it is taken from the registry."""
    to_publish: tuple[PublishedStage, ...] = ()
    """What a bake that pushes puts there."""
    shard: bool = False
    """Whether it is built for somebody who merges: then its tags are that one's to set."""

    @cached_property
    def built(self) -> tuple[StageChange, ...]:
        """The changes of what is not taken from the registry."""
        return tuple(c for c in self.changes if not self.reuse.spares(c.at))

    def on(self, platforms: tuple[str, ...], *, shard: bool) -> TargetPlan:
        """Return the plan for some of its platforms, without what was found out about the registry."""
        return replace(
            self,
            platforms=platforms,
            changes=tuple(change for change in self.changes if change.platform in platforms),
            tests=tuple((platform, digest) for platform, digest in self.tests if platform in platforms),
            evidence=UNKNOWN,
            reuse=Reuse(),
            to_publish=(),
            shard=shard,
        )

    @property
    def complete(self) -> bool:
        """Whether all declared platforms are built, so that a push can set the declared tags."""
        return not self.shard and self.platforms == self.bake_target.platforms

"""What a plan says about one bake target, and what says that it is up to date."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import field, replace
from functools import cached_property

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.plan.changes import StageChange
from edgebake.plan.reuse import PublishedStage, Reuse


@dataclass(frozen=True)
class Evidence:
    """What was found about a bake target before a bake."""

    inputs: str = ""  # digest of all that its result follows from; empty if something of it is not known
    tests: str = ""  # digest of its tests; empty if it has none, or if none are to run
    current: bool = False  # whether there is nothing to do
    text: str = ""  # what was taken as proof, or what is missing
    reference: str = ""  # under which the result is there
    pushed: str = ""  # its digest there: that of an index, if it has several platforms
    digests: Mapping[str, str] = field(default_factory=dict)  # by platform


UNKNOWN = Evidence()
"""Nobody has looked."""


@dataclass(frozen=True)
class TargetPlan:
    """One bake target: its stages on each platform that is built, and why each is."""

    bake_target: BakeTarget
    platforms: tuple[str, ...]
    changes: tuple[StageChange, ...]
    # Of the image, by platform; of all declared platforms, so that a label does not depend on a selection.
    fingerprints: tuple[tuple[str, str], ...]
    keys: Mapping[str, str]  # what the stages are remembered under, by id
    # Fingerprints of its tests, by platform that is built; none if it has no tests.
    tests: tuple[tuple[str, str], ...] = ()
    evidence: Evidence = UNKNOWN  # what says whether it is up to date
    reuse: Reuse = field(default_factory=Reuse)  # what of it is taken from the registry
    to_publish: tuple[PublishedStage, ...] = ()  # what a bake that pushes puts there
    shard: bool = False  # whether it is built for somebody who merges: then its tags are that one's to set

    @cached_property
    def built(self) -> tuple[StageChange, ...]:
        """The changes of what is not taken from the registry."""
        return tuple(c for c in self.changes if not self.reuse.spares(c.at))

    def on(self, platforms: tuple[str, ...], *, shard: bool) -> TargetPlan:
        """Return the plan for some of its platforms, without what was found out about the registry."""
        changes, tests = self.changes_on(platforms), tuple(test for test in self.tests if test[0] in platforms)
        plan = replace(self, platforms=platforms, changes=changes, tests=tests, shard=shard)
        return replace(plan, evidence=UNKNOWN, reuse=Reuse(), to_publish=())

    def changes_on(self, platforms: Collection[str]) -> tuple[StageChange, ...]:
        """Return the changes on some platforms."""
        return tuple(change for change in self.changes if change.platform in platforms)

    @property
    def complete(self) -> bool:
        """Whether all declared platforms are built, so that a push can set the declared tags."""
        return not self.shard and self.platforms == self.bake_target.platforms

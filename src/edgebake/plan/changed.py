"""Only what changed: the images' fingerprints now, against those of a commit or of what is published."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from edgebake.dataclasses import dataclass
from edgebake.plan.builder import Plan
from edgebake.plan.scope import Part, Scope

Known = Mapping[tuple[str, str], str]
"""The images' fingerprints by bake target and platform (hexadecimal)."""


@dataclass(frozen=True)
class Before:
    """What was there before, and why nothing is known of it, if nothing is."""

    known: Known
    reason: str = ""


def changed_scope(plan: Plan, known: Known, since: str) -> Scope:
    """Return a plan's scope without what is as it was.

    An image's tag needs all its platforms, and a tag over several targets all of these: so what belongs to one tag
    is built together. What did not change of it comes from the cache.

    Args:
        plan: the plan for everything.
        known: the fingerprints before.
        since: when that was, for people.
    """
    targets = {target.bake_target.name: target for target in plan.targets}
    digests = ((name, platform, digest) for name, t in targets.items() for platform, digest in t.fingerprints)
    changed = {name for name, platform, digest in digests if known.get((name, platform)) != digest}
    tags = [{name for _, name in index.parts} for index in plan.compilation.graph.indexes]
    while more := [tag for tag in tags if tag & changed and not tag <= changed]:
        changed |= set().union(*more)
    parts = frozenset(Part(name, p) for name in changed & targets.keys() for p in targets[name].platforms)
    return plan.scope.only(parts, f"changed since {since}")


def changed_notes(plan: Plan, narrowed: Plan, since: str, before: Before) -> Sequence[str]:
    """Return the lines that say what was left out, and why nothing was."""
    if before.reason:
        return (f"everything counts as changed since {since}: {before.reason}",)
    left = {target.bake_target.name for target in plan.targets} - {t.bake_target.name for t in narrowed.targets}
    return (f"{len(left)} of {len(plan.targets)} bake targets are as they were {since}",) if left else ()

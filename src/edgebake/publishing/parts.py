"""What a push hands on to `edgebake publish`."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.execute.results import Result
from edgebake.plan.builder import Plan, key_tag
from edgebake.plan.settings import Settings, registry_of
from edgebake.state.digest_files import Part


def digest_parts(plan: Plan, settings: Settings, results: Iterable[Result]) -> list[Part]:
    """Return the parts that a later merge needs: the rows of a push, with the digests that were pushed."""
    parts = []
    planned = {target.bake_target.name: target for target in plan.targets}
    for row in results:
        target = planned.get(row.bake_target)
        if target is None or not row.pushed:  # an index over several targets
            continue
        bake_target = target.bake_target
        tagged = not target.complete and "@" not in row.reference
        parts.append(
            Part(
                bake_target=bake_target.name,
                image=bake_target.image,
                target=bake_target.target,
                platform=row.platform,
                repository=f"{registry_of(plan.compilation, settings)}/{bake_target.repository}",
                digest=row.pushed,
                fingerprint=f"sha256:{dict(target.fingerprints)[row.platform]}",
                staging_tag=key_tag(target) if tagged else None,
            )
        )
    return parts

"""What a bake did, by bake target and platform: the rows of its summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from edgebake.execute.events import BuildStep, steps_of
from edgebake.execute.invocation import Outcome
from edgebake.plan.steps import Bake


@dataclass(frozen=True)
class Result:
    """One row of the summary: a bake target on a platform.

    `pushed` is the digest of what was pushed for all its platforms together: an index, if it has several.
    """

    bake_target: str
    platform: str
    seconds: float
    built: int
    cached: int
    reference: str = ""
    digest: str = ""
    pushed: str = ""


def rows(step: Bake, outcome: Outcome) -> Iterator[Result]:
    """Yield the results of one bake."""
    steps = list(outcome.events.steps.values())
    for target in step.bake_targets:
        found = outcome.metadata.get(target.name, {})
        for platform in step.platforms:
            # A build of one platform does not name it, one of one bake target may not name that.
            labels = [target.name] if len(step.bake_targets) > 1 else []
            labels += [platform] if len(step.platforms) > 1 else []
            yield _row(target.name, platform, steps_of(steps, labels), found)


def _row(name: str, platform: str, steps: Sequence[BuildStep], metadata: Mapping[str, Any]) -> Result:
    ran = [step for step in steps if step.started is not None and step.completed is not None]
    begin = min((step.started or 0.0 for step in ran), default=0.0)
    end = max((step.completed or 0.0 for step in ran), default=0.0)
    digest = str(metadata.get("containerimage.digest", ""))
    return Result(
        name,
        platform,
        end - begin,
        built=sum(not step.cached for step in ran),
        cached=sum(step.cached for step in ran),
        reference=_reference(str(metadata.get("image.name", "")).split(",")[0], digest),
        digest=digest,
        pushed=digest,
    )


def _reference(name: str, digest: str) -> str:
    """Return how a result is pulled: by its tag, or by its digest if it was pushed without one."""
    return f"{name}@{digest}" if name and digest and ":" not in name.rpartition("/")[2] else name


def with_digest(row: Result, reference: str, platforms: Mapping[str, str]) -> Result:
    """Return a row with what the registry has under a reference."""
    return replace(row, reference=reference, digest=platforms[row.platform])

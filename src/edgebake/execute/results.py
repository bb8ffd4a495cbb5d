"""What a bake did, by bake target and platform: the rows of its summary."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.execute.events import BuildStep
from edgebake.plan.target_plan import TargetPlan

Fate = Literal["built", "tested", "up to date", "failed", "not attempted"]


@dataclass(frozen=True)
class Result:
    """One row of the summary: a bake target on a platform.

    `pushed` is the digest of what was pushed for all its platforms together: an index, if it has several.
    `reason` says why it failed or was not attempted, or what proves that it is up to date.
    """

    bake_target: str
    platform: str
    seconds: float
    built: int
    cached: int
    reference: str = ""
    digest: str = ""
    pushed: str = ""
    fate: Fate = "built"
    reason: str = ""

    @property
    def is_done(self) -> bool:
        """Whether it is there now."""
        return self.fate in ("built", "tested", "up to date")


def built_rows(
    name: str, steps: Mapping[str, Sequence[BuildStep]], reference: str, digest: str, fate: Fate = "built"
) -> Iterator[Result]:
    """Yield the rows of a bake target that was built, or of tests that passed."""
    shown = _pulled(reference, digest)
    for platform, found in steps.items():
        ran = [step for step in found if step.started is not None and step.completed is not None]
        fresh = [step for step in ran if not step.cached]  # BuildKit may report when a cached one ran long ago
        begin = min((step.started or 0.0 for step in fresh), default=0.0)
        end = max((step.completed or 0.0 for step in fresh), default=0.0)
        cached = len(ran) - len(fresh)
        yield Result(name, platform, end - begin, len(fresh), cached, shown, digest, digest, fate)


def other_rows(name: str, platforms: Sequence[str], fate: Fate, reason: str) -> Iterator[Result]:
    """Yield the rows of a bake target that failed, or was not attempted."""
    yield from (Result(name, platform, 0.0, 0, 0, fate=fate, reason=reason) for platform in platforms)


def current_rows(target: TargetPlan) -> Iterator[Result]:
    """Yield the rows of a bake target that is up to date."""
    name, found = target.bake_target.name, target.evidence
    for p in target.platforms:
        digest = found.digests.get(p, "")
        yield Result(name, p, 0.0, 0, 0, found.reference, digest, found.pushed, "up to date", found.text)


def _pulled(name: str, digest: str) -> str:
    """Return how a result is pulled: by its tag, or by its digest if it was pushed without one."""
    return f"{name}@{digest}" if name and digest and ":" not in name.rpartition("/")[2] else name

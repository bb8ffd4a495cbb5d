"""What a push hands on to `edgebake publish`: a complete set of parts, of what the project says now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, ErrorGroup, Position
from edgebake.execute.results import Result
from edgebake.plan.builder import Plan, key_tag
from edgebake.plan.settings import Settings, registry_of
from edgebake.plan.target_plan import TargetPlan
from edgebake.state.digest_files import Part, Shard, missing_siblings, subject_name


@dataclass(frozen=True)
class Found:
    """A part, and the digest file that it is from."""

    part: Part
    path: Path


Parts = Mapping[str, Mapping[str, Found]]
"""By bake target and platform."""


def collect(plan: Plan, settings: Settings, shards: Sequence[Shard]) -> Parts:
    """Return the parts of a plan's bake targets.

    Raises:
        EdgebakeError: all that is missing, there twice, foreign, or built from another state; each with its file.
    """
    collector = _Collector(plan, settings, shards)
    for shard in shards:
        for part in shard.parts:
            collector.take(Found(part, shard.path))
    if not collector.errors:  # what was refused would be reported as missing, too
        collector.see_that_all_are_there()
    if collector.errors:
        raise ErrorGroup(collector.errors)
    return collector.parts


class _Collector:
    def __init__(self, plan: Plan, settings: Settings, shards: Sequence[Shard]) -> None:
        self._targets = {target.bake_target.name: target for target in plan.targets}
        self._known = {t.name for t in plan.compilation.graph.bake_targets if not t.is_test}
        self._registry = registry_of(plan.compilation, settings)
        self._paths = [shard.path for shard in shards]
        self.parts: dict[str, dict[str, Found]] = {name: {} for name in self._targets}
        self.errors: list[EdgebakeError] = []

    def take(self, found: Found) -> None:
        part = found.part
        target = self._targets.get(part.bake_target)
        if target is None and part.bake_target in self._known:
            return  # of the project, and not selected
        reason = "the project has no such bake target" if target is None else self._refusal(target, part)
        if reason:
            self._error(f"{part.bake_target} ({part.platform}): {reason[0].lower()}{reason[1:]}", found.path)
            return
        other = self.parts[part.bake_target].setdefault(part.platform, found)
        if other is not found:
            self._error(f"{part.bake_target} has {part.platform} twice", found.path, f"it is also in {other.path}")

    def _refusal(self, target: TargetPlan, part: Part) -> str:
        """Return why a part cannot be used; empty if it can."""
        if part.platform not in target.bake_target.platforms:
            return f"only {', '.join(target.bake_target.platforms)} is declared"
        repository = f"{self._registry}/{target.bake_target.repository}"
        if part.repository != repository:
            return f"it was pushed to {part.repository}, and is published in {repository}"
        if part.fingerprint != f"sha256:{dict(target.fingerprints)[part.platform]}":
            return "built from another state of the project (another commit?)"
        return ""

    def see_that_all_are_there(self) -> None:
        for name, target in self._targets.items():
            missing = (platform for platform in target.bake_target.platforms if platform not in self.parts[name])
            self.errors += [self._missing(name, platform, self.parts[name]) for platform in missing]

    def _missing(self, name: str, platform: str, there: Mapping[str, Found]) -> EdgebakeError:
        reason = [f"{other} is in {found.path}" for other, found in there.items()]
        named = {other: subject_name([other]) for other in (platform, *there)}
        alike = (found.path.name.replace(named[other], named[platform]) for other, found in there.items())
        # Called as the file that has another platform, if that says which one it has.
        own = next((file for file in alike if named[platform] in file), f"{named[platform]}.json")
        given = [path for path in self._paths if path.name == own]
        if given:
            reason.append(f"nothing was published; {given[0]} does not have it: did that build fail?")
        else:
            absent = missing_siblings(self._paths) or [own]
            reason.append(f"nothing was published; not given: {', '.join(absent[:5])}")
        hints = (f"build it with: edgebake bake --push --platform {platform} --digests DIR",)
        message = f"{name} lacks {platform}: no digest file has it"
        return EdgebakeError(message, reason="\n".join(reason), hints=hints)

    def _error(self, message: str, path: Path, reason: str | None = None) -> None:
        hints = ("use the digest files of one set of builds, of this commit",)
        self.errors.append(EdgebakeError(message, at=Position(str(path)), reason=reason, hints=hints))


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
        part = Part(
            bake_target=bake_target.name,
            image=bake_target.image,
            target=bake_target.target,
            platform=row.platform,
            repository=f"{registry_of(plan.compilation, settings)}/{bake_target.repository}",
            digest=row.pushed,
            fingerprint=f"sha256:{dict(target.fingerprints)[row.platform]}",
            staging_tag=key_tag(target) if tagged else None,
        )
        parts.append(part)
    return parts

"""A plan cut into shards: what separate machines build, by platform and weight."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from itertools import chain
from pathlib import Path
from typing import Literal, NamedTuple, NoReturn

from pydantic import ConfigDict

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.graph.node import StageAt
from edgebake.model.base import Model, Platform
from edgebake.model.decoding import decode
from edgebake.plan.builder import Plan
from edgebake.plan.scope import Part, Parts, Scope
from edgebake.plan.shared import SharedStage, shared_stages
from edgebake.plan.target_plan import TargetPlan
from edgebake.plan.weights import Timings, stage_seconds
from edgebake.system.own_files import read_regular

MAX_SHARDS = 256
"""Jobs that a matrix of GitHub Actions may have (docs.github.com, "Usage limits")."""


@dataclass(frozen=True)
class WeighedPart:
    """One bake target on one platform.

    `stages` are the seconds of all that it is made from, by (target, stage, platform); a shard of several parts
    builds what they share once.
    """

    bake_target: str
    image: str
    target: str
    platform: str
    fingerprint: str
    stages: Mapping[StageAt, float]

    @property
    def key(self) -> Part:
        """What a scope names it by."""
        return Part(self.bake_target, self.platform)


@dataclass(frozen=True)
class Shard:
    """What one machine builds. `number` counts from 1; `seconds` is the estimate for an empty cache."""

    number: int
    of: int
    parts: tuple[WeighedPart, ...]

    @property
    def name(self) -> str:
        return f"{self.number}/{self.of}"

    @property
    def platforms(self) -> tuple[str, ...]:
        return tuple(sorted({part.platform for part in self.parts}))

    @property
    def bake_targets(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(part.bake_target for part in self.parts))

    @property
    def seconds(self) -> float:
        return sum(_together(self.parts).values())


def cut(plan: Plan, number: int | None, timings: Timings | None = None) -> list[Shard]:
    """Return the shards of a plan; fewer than asked for if there is not as much to share out.

    A shard has one platform, unless there are fewer shards than platforms. Parts that share much stay together.

    Args:
        plan: what is built.
        number: how many at most; None: one for each target on each platform, at most :data:`MAX_SHARDS`.
        timings: seconds of earlier bakes.
    """
    parts = [part for target in plan.targets for part in _parts(target, timings or Timings())]
    if not parts:
        return []
    if number is None:
        number = min(MAX_SHARDS, len({(part.target, part.platform) for part in parts}))
    pools = _pools(parts, number)
    found = [shard for pool, share in pools for shard in _share_out(pool, share) if shard]
    return [Shard(i, len(found), tuple(sorted(shard, key=lambda one: one.key))) for i, shard in enumerate(found, 1)]


def _parts(target: TargetPlan, timings: Timings) -> Iterable[WeighedPart]:
    bake_target, digests = target.bake_target, dict(target.fingerprints)
    for platform in target.platforms:
        stages = {change.at: stage_seconds(change.node, platform) for change in target.changes_on([platform])}
        known = timings.of(bake_target.name, platform)
        if known is not None:  # it is known for the whole only: shared out as the estimate is
            scale = known / (sum(stages.values()) or 1.0)
            stages = {key: seconds * scale for key, seconds in stages.items()}
        name, fingerprint = bake_target.name, f"sha256:{digests[platform]}"
        yield WeighedPart(name, bake_target.image, bake_target.target, platform, fingerprint, stages)


def _pools(parts: Sequence[WeighedPart], number: int) -> list[tuple[list[WeighedPart], int]]:
    """Return the parts by platform, each with how many shards it gets: by the work that there is."""
    platforms = sorted({part.platform for part in parts})
    if number < len(platforms):
        return [(list(parts), number)]
    pools = {platform: [part for part in parts if part.platform == platform] for platform in platforms}
    work = {platform: sum(_together(pool).values()) for platform, pool in pools.items()}
    shares = dict.fromkeys(platforms, 1)
    for _ in range(number - len(platforms)):
        open_ones = [p for p in platforms if shares[p] < len(pools[p])]
        if open_ones:
            most = max(open_ones, key=lambda p: (work[p] / shares[p], p))
            shares[most] += 1
    return [(pools[platform], shares[platform]) for platform in platforms]


def _share_out(parts: Sequence[WeighedPart], number: int) -> list[list[WeighedPart]]:
    """Return the parts on `number` machines: the heaviest first, each where there is least to do.

    Work that a machine would do only because another one does it too counts twice: a stack is built on a second
    machine when that saves more time than it costs.
    """
    shards: list[list[WeighedPart]] = [[] for _ in range(number)]
    built: list[dict[StageAt, float]] = [{} for _ in range(number)]
    for part in sorted(parts, key=lambda part: (-sum(part.stages.values()), *part.key)):
        loads = [sum(stages.values()) for stages in built]
        added = [sum(s for key, s in part.stages.items() if key not in stages) for stages in built]
        best = min(range(number), key=lambda i: (round(loads[i] + 2 * added[i], 6), i))
        shards[best].append(part)
        built[best] = {**part.stages, **built[best]}
    return shards


def _together(parts: Iterable[WeighedPart]) -> dict[StageAt, float]:
    """Return the stages of several parts, each once."""
    stages: dict[StageAt, float] = {}
    for part in parts:
        for key, seconds in part.stages.items():
            stages[key] = max(seconds, stages.get(key, 0.0))
    return stages


# ── I/N, and the cut as a file


def parse_shard(text: str) -> tuple[int, int]:
    """Return number and count of a shard, `2/4`; number 0 is what the others share.

    Raises:
        EdgebakeError: it is none.
    """
    match = re.fullmatch(r"([0-9]{1,4})/([0-9]{1,4})", text)
    number, of = (int(match[1]), int(match[2])) if match else (0, 0)
    if of == 0 or number > of or match is None:
        message = f"--shard {text!r} is not I/N with I from 1 to N, or 0 for what these share"
        raise EdgebakeError(message, hints=("for example --shard 2/4",))
    return number, of


def shared_by(plan: Plan, shards: Sequence[Shard]) -> list[SharedStage] | None:
    """Return shard 0 of a cut; None if the project publishes no stages."""
    if plan.compilation.workspace.project.stacks is None:
        return None
    return shared_stages(plan.compilation, plan.targets, [parts_of(shard) for shard in shards])


def parts_of(shard: Shard) -> Parts:
    """Return the parts of a shard."""
    return frozenset(part.key for part in shard.parts)


class _Part(Model):
    model_config = ConfigDict(extra="ignore")
    bake_target: str
    platform: Platform
    fingerprint: str


class _Shard(Model):
    model_config = ConfigDict(extra="ignore")
    shard: str
    parts: list[_Part]


class _ShardsFile(Model):
    """What is read of the output of `edgebake plan --shards N --json`."""

    model_config = ConfigDict(extra="ignore")
    version: Literal[1]
    shards: list[_Shard]


class PlannedPart(NamedTuple):
    """A part as a file of shards has it."""

    bake_target: str
    platform: str
    fingerprint: str


def read_shards(path: Path) -> dict[str, list[PlannedPart]]:
    """Return what a file of shards holds: the parts of each shard, by its name.

    Raises:
        EdgebakeError: it cannot be read, or is no such file.
    """
    at, shards = Position(str(path)), dict[str, list[PlannedPart]]()
    try:
        for shard in decode(_ShardsFile, read_regular(path)).shards:
            parts = [PlannedPart(part.bake_target, part.platform, part.fingerprint) for part in shard.parts]
            shards.setdefault(shard.shard, []).extend(parts)
    except OSError as error:
        raise EdgebakeError(f"cannot read the file: {error.strerror}", at=at) from None
    except ValueError as error:
        hints = ("edgebake plan --shards N --json prints one",)
        raise EdgebakeError("this is not a file of shards", at=at, reason=str(error), hints=hints) from None
    return {name: parts for name, parts in shards.items() if parts}


def _refuse_unknown(shard: str, known: Iterable[str], path: Path) -> NoReturn:
    reason = f"its shards are: {', '.join(known) or 'none'}"
    raise EdgebakeError(f"there is no shard {shard}", at=Position(str(path)), reason=reason)


# ── a shard of a plan


def shard_scope(plan: Plan, shard: str, file: Path | None) -> Scope:
    """Return the scope of one shard.

    Args:
        plan: the plan for everything.
        shard: `I/N`; `0/N` is what these share on the selected platforms.
        file: the shards, if they were cut elsewhere; they must be of this state of the project.

    Raises:
        EdgebakeError: there is no such shard, or no repository for what shards share.
    """
    number, of = parse_shard(shard)
    why = f"shard {shard}"
    if number == 0:
        sharing = tuple(_shared_parts(plan, of, file))
        return replace(plan.scope.only(frozenset().union(*sharing), why), shard=shard, sharing=sharing)
    if file is None:
        parts = next((parts_of(one) for one in cut(plan, of) if one.number == number), frozenset())
    elif shard in (shards := read_shards(file)):
        parts = _same_state(plan, shards[shard])
    else:
        _refuse_unknown(shard, shards, file)
    return replace(plan.scope.only(parts, why), shard=shard)


def file_scope(plan: Plan, file: Path) -> Scope:
    """Return the scope of all shards of a file together.

    Raises:
        EdgebakeError: the file is of another state of the project.
    """
    return plan.scope.only(_same_state(plan, chain.from_iterable(read_shards(file).values())), f"listed in {file}")


def _shared_parts(plan: Plan, of: int, file: Path | None) -> list[Parts]:
    """Return the parts of each shard, on the selected platforms."""
    if plan.compilation.workspace.project.stacks is None:
        raise EdgebakeError(
            "shard 0 publishes the stages that shards share, and the project has no `stacks` to publish them to",
            hints=("name a repository in edgebake.yaml, for example stacks: ghcr.io/acme/stacks",),
        )
    if file is None:
        return [parts_of(shard) for shard in cut(plan, of)]
    shards, platforms = read_shards(file), plan.scope.request.platforms
    if len(shards) != of:
        _refuse_unknown(f"0/{of}", [f"0/{len(shards)}", *shards] if shards else (), file)
    here = ([p for p in planned if not platforms or p.platform in platforms] for planned in shards.values())
    return [_same_state(plan, planned) for planned in here]


def _same_state(plan: Plan, planned: Iterable[PlannedPart]) -> Parts:
    """Return the parts that a file names, all of which must be of this state of the project."""
    known = {(t.bake_target.name, p): f"sha256:{digest}" for t in plan.targets for p, digest in t.fingerprints}
    parts = set()
    for part in planned:
        now = known.get((part.bake_target, part.platform), "none")
        if part.fingerprint != now:
            raise EdgebakeError(
                f"the shards are not of this state of the project: {part.bake_target} ({part.platform}) differs",
                reason=f"planned {part.fingerprint}, here {now}",
                hints=("check out the commit that was planned, or plan again: edgebake plan --shards N --json",),
            )
        parts.add(Part(part.bake_target, part.platform))
    return frozenset(parts)

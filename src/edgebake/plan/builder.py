"""From a compilation and what is known of earlier builds to a plan: an ordered list of steps, with reasons."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget, BuildGraph, Index
from edgebake.graph.compile import Compilation
from edgebake.graph.names import arch
from edgebake.graph.node import StageAt
from edgebake.plan.changes import Comparison, StageChange
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.record import BuildRecord, StageRecord, stage_keys, stage_record
from edgebake.plan.reuse import Reuser, Snapshot
from edgebake.plan.scope import Parts, Scope, ScopedTarget
from edgebake.plan.shared import shared_stages
from edgebake.plan.stacks import Keyed, wanted
from edgebake.plan.steps import (
    Bake,
    BakeItem,
    CheckBuilder,
    MergeIndex,
    Output,
    PublishStages,
    Step,
    VerifyIndexes,
    WriteFiles,
)
from edgebake.plan.target_plan import Evidence, TargetPlan
from edgebake.plan.times import StageTimes
from edgebake.render.writer import Change


@dataclass(frozen=True)
class Plan:
    """What a bake would do, in order, and why."""

    compilation: Compilation  # what is built from
    scope: Scope  # what is built
    targets: tuple[TargetPlan, ...]  # each bake target of the scope, with the states of its stages
    files: tuple[Change, ...]  # changes that the generated files need
    fingerprints: Fingerprints = field(repr=False, compare=False)  # of all stages, each computed when asked for
    times: StageTimes = field(repr=False)  # what stages took in earlier builds
    output: Output = "cache"  # where results go
    test: bool = False  # whether the images' tests run first
    snapshot: Snapshot | None = None  # what the repository of shared stages was seen to hold; None if nobody looked

    @cached_property
    def steps(self) -> tuple[Step, ...]:
        """What a bake does, in order."""
        return tuple(_steps(self))

    def with_evidence(self, evidence: Mapping[str, Evidence]) -> Plan:
        """Return the plan in which what is up to date is not built."""
        targets = (replace(t, evidence=evidence.get(t.bake_target.name, t.evidence)) for t in self.targets)
        return replace(self, targets=tuple(targets))

    def part(self, scope: Scope) -> Plan:
        """Return the plan for a part of the scope. Nothing is compiled, looked up or compared again."""
        platforms = {one.bake_target.name: one.platforms for one in scope.targets}
        kept = (target for target in self.targets if target.bake_target.name in platforms)
        targets = tuple(t.on(platforms[t.bake_target.name], shard=bool(scope.shard)) for t in kept)
        plan = replace(self, scope=scope, targets=targets, snapshot=None)
        return plan if self.snapshot is None else plan.reusing(self.snapshot)

    def reusing(self, snapshot: Snapshot) -> Plan:
        """Return the plan that takes from the registry what it holds, and publishes what it lacks."""
        plan = replace(self, snapshot=snapshot)
        if snapshot.off:
            return plan
        reuser = Reuser(self.fingerprints, snapshot)
        targets = tuple(_reusing(target, reuser) for target in self.targets)
        if self.scope.sharing is not None:
            targets = _only_shared(self.compilation, targets, self.scope.sharing, reuser)
        return replace(plan, targets=targets)

    def reusable(self) -> list[Keyed]:
        """Return the stages that could be taken from the registry."""
        return wanted(((target.bake_target, target.platforms) for target in self.targets), self.fingerprints)

    def target(self, name: str) -> TargetPlan:
        """Return the plan of a bake target."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, TargetPlan]:
        return {target.bake_target.name: target for target in self.targets}

    def image_of(self, bake_target: BakeTarget) -> TargetPlan:
        """Return the plan of an image; for its tests that of the image that they are run in."""
        wanted = (bake_target.image, bake_target.target)
        return next(t for t in self.targets if (t.bake_target.image, t.bake_target.target) == wanted)

    def stage_records(self, name: str, platform: str) -> dict[str, StageRecord]:
        """Return what to remember of a bake target once it is built."""
        target = self.target(name)
        return {c.key: stage_record(c.fingerprint, target.keys) for c in target.changes_on([platform])}


def build_plan(
    compilation: Compilation,
    scope: Scope,
    record: BuildRecord,
    files: Sequence[Change] = (),
    *,
    fingerprints: Fingerprints | None = None,
    times: StageTimes | None = None,
    output: Output = "cache",
) -> Plan:
    """Return the plan for a scope. Looks at nothing but its arguments and the files that stages read.

    Args:
        compilation: the compiled project.
        scope: what is built.
        record: what was built before.
        files: the changes that the generated files need.
        fingerprints: those of the compilation, if some are known already.
        times: what stages took in earlier builds.
        output: where results go.

    Raises:
        EdgebakeError: a file that a stage reads is missing.
    """
    fingerprints = fingerprints or Fingerprints(compilation)
    planner = _Planner(compilation, record, fingerprints)
    targets = tuple(planner.target_plan(target, shard=bool(scope.shard)) for target in scope.targets)
    return Plan(compilation, scope, targets, tuple(files), fingerprints, times or StageTimes(), output)


@dataclass
class _Planner:
    """Plans bake targets one by one, and computes what they share once."""

    compilation: Compilation
    record: BuildRecord
    fingerprints: Fingerprints
    _built: dict[str, frozenset[str]] = field(default_factory=dict)

    def target_plan(self, scoped: ScopedTarget, *, shard: bool) -> TargetPlan:
        bake_target, platforms = scoped.bake_target, scoped.platforms
        nodes = self.compilation.graph.needed_by(bake_target.target, [bake_target.stage])
        keys = stage_keys(nodes, self.compilation.names[bake_target.target])
        changes: list[StageChange] = []
        for platform in platforms:
            if platform not in self._built:
                self._built[platform] = self.record.digests(platform)
            before, built = self.record.stages(bake_target.name, platform), self._built[platform]
            changes += Comparison(self.fingerprints, platform, keys, before, built).changes(nodes)
        digests = self._digests(bake_target, bake_target.platforms)
        tests = self._tests_of.get((bake_target.image, bake_target.target))
        test_digests = self._digests(tests, platforms) if tests is not None else ()
        return TargetPlan(bake_target, platforms, tuple(changes), digests, keys, test_digests, shard=shard)

    @cached_property
    def _tests_of(self) -> dict[tuple[str, str], BakeTarget]:
        return _tests_by_image(self.compilation.graph)

    def _digests(self, bake_target: BakeTarget, platforms: Sequence[str]) -> tuple[tuple[str, str], ...]:
        node = self.compilation.graph.node(bake_target.target, bake_target.stage)
        return tuple((p, self.fingerprints.of(node, p).digest) for p in platforms if p in node.bodies)


def _reusing(target: TargetPlan, reuser: Reuser) -> TargetPlan:
    reuse = reuser.reuse(target.bake_target.target, target.bake_target.stage, target.platforms)
    return replace(target, reuse=reuse, to_publish=tuple(reuser.to_publish(target.bake_target, reuse)))


def _only_shared(
    compilation: Compilation, targets: Sequence[TargetPlan], shards: Sequence[Parts], reuser: Reuser
) -> tuple[TargetPlan, ...]:
    """Return plans that publish nothing but the stages that several shards need."""
    shared = {StageAt(s.target, s.stage, s.platform) for s in shared_stages(compilation, targets, shards)}
    result = []
    for plan in targets:
        built = plan.reuse.built & shared
        stages = reuser.to_publish(plan.bake_target, replace(plan.reuse, built=built))
        result.append(replace(plan, to_publish=tuple(stages)))
    return tuple(result)


def _steps(plan: Plan) -> Iterator[Step]:
    compilation, targets = plan.compilation, plan.targets
    if plan.files:
        yield WriteFiles(plan.files)
    if plan.scope.sharing is not None:
        publishing = [_where_it_publishes(target) for target in targets if target.to_publish]
        if publishing:
            yield _check_builder(compilation, publishing)
            yield from _publish_steps(compilation, publishing)
        return
    pending = [target for target in targets if not target.evidence.current]
    if pending:
        yield from _bakes(compilation, pending, plan.output, plan.test)
    if plan.output == "push":
        yield from (MergeIndex(index) for index in compilation.graph.indexes if is_complete(index, targets))


def _where_it_publishes(target: TargetPlan) -> TargetPlan:
    """Return a plan without the platforms on which it publishes nothing: no builder needs to have them."""
    publishing = {platform for one in target.to_publish for platform in one.stage.platforms}
    platforms = tuple(platform for platform in target.platforms if platform in publishing)
    return replace(target, platforms=platforms, changes=target.changes_on(platforms))


def _bakes(compilation: Compilation, targets: Sequence[TargetPlan], output: Output, test: bool) -> Iterator[Step]:
    yield _check_builder(compilation, targets)
    if output == "push":
        yield from _publish_steps(compilation, targets)
    # A declared tag must never point at fewer platforms than declared: a part is pushed under its key.
    tags = ("" if target.complete else key_tag(target) for target in targets)
    images = tuple(BakeItem(one.bake_target, one.platforms, tag) for one, tag in zip(targets, tags, strict=True))
    yield Bake(images, output, tuple(_tests(compilation, images)) if test else ())
    complete = tuple(target.bake_target for target in targets if target.complete)
    if output == "push" and complete:
        yield VerifyIndexes(complete)


def _tests(compilation: Compilation, images: Sequence[BakeItem]) -> Iterator[BakeItem]:
    tests_of = _tests_by_image(compilation.graph)
    for image in images:
        tests = tests_of.get((image.bake_target.image, image.bake_target.target))
        if tests is not None:
            yield BakeItem(tests, image.platforms)


def _publish_steps(compilation: Compilation, targets: Sequence[TargetPlan]) -> Iterator[PublishStages]:
    """Yield what is published first: a failing image shall not cost other machines what it is built on."""
    # Stages of equal content have one key, whatever they are called.
    by_key = {published.stage.key: published for target in targets for published in target.to_publish}
    repository = compilation.workspace.project.stacks
    if repository and by_key:
        yield PublishStages(repository, tuple(by_key.values()))


def is_complete(index: Index, targets: Sequence[TargetPlan]) -> bool:
    """Tell whether all that stands in an index is built, on all its platforms: no index is published in part."""
    complete = {target.bake_target.name for target in targets if target.complete}
    return all(name in complete for _, name in index.parts)


def _tests_by_image(graph: BuildGraph) -> dict[tuple[str, str], BakeTarget]:
    """Return the bake targets with tests, by the image and the target that they are for."""
    return {(one.image, one.target): one for one in graph.bake_targets if one.is_test}


def key_tag(target: TargetPlan) -> str:
    """Return the tag of a build of some platforms only: target, platforms and fingerprint."""
    digests = dict(target.fingerprints)
    parts = [target.bake_target.target]
    for platform in target.platforms:
        parts += [arch(platform), digests[platform][:16]]
    return "-".join(parts)


def is_staging_tag(tag: str, target: str) -> bool:
    """Return whether a tag is of the form that :func:`key_tag` gives to builds for a target."""
    return re.fullmatch(re.escape(target) + "(-(amd64|arm64)-[0-9a-f]{16})+", tag) is not None


def _check_builder(compilation: Compilation, targets: Sequence[TargetPlan]) -> CheckBuilder:
    platforms = tuple(sorted({platform for target in targets for platform in target.platforms}))
    built = (change for target in targets for change in target.built)
    running = {change.platform for change in built if change.node.runs_on_target(change.platform)}
    return CheckBuilder(platforms, tuple(platform for platform in platforms if platform in running))


def bake_command(plan: Plan) -> str:
    """Return the command that does what a plan shows."""
    request, narrowed = plan.scope.request, plan.scope.narrowed
    names, targets = request.names, request.targets
    if narrowed:  # a part of what was asked for: named by what is left of it
        names = tuple(sorted({target.bake_target.image for target in plan.targets}))
        targets = tuple(sorted({target.bake_target.target for target in plan.targets}))
    words = ["edgebake", "bake", *names]
    words += [word for target in targets for word in ("--target", target)]
    words += [word for platform in request.platforms for word in ("--platform", platform)]
    words += ["--name", request.name] if request.name else []
    if not narrowed:
        words += [word for text in request.select for word in ("--select", text)]
        words += [word for text in request.exclude for word in ("--exclude", text)]
    words += [] if plan.output == "cache" else [f"--{plan.output}"]
    return shlex.join(words)

"""From a compilation and what is known of earlier builds to a plan: an ordered list of steps, with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property

from edgebake.graph.build_graph import BakeTarget, BuildGraph, Index
from edgebake.graph.compile import Compilation
from edgebake.graph.names import arch
from edgebake.graph.node import Node, StageAt
from edgebake.plan.changes import Comparison, StageChange
from edgebake.plan.evidence import Evidence
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
from edgebake.plan.target_plan import TargetPlan
from edgebake.plan.times import StageTimes
from edgebake.render.writer import Change


@dataclass(frozen=True)
class Plan:
    """What a bake would do, in order, and why."""

    compilation: Compilation  # what is built from
    scope: Scope  # what is built
    targets: tuple[TargetPlan, ...]  # each bake target of the scope, with the states of its stages
    files: tuple[Change, ...]  # changes that the generated files need
    # of all stages, each computed when it is asked for
    fingerprints: Fingerprints = field(repr=False, compare=False)
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
        return replace(
            self,
            targets=tuple(replace(t, evidence=evidence.get(t.bake_target.name, t.evidence)) for t in self.targets),
        )

    def part(self, scope: Scope) -> Plan:
        """Return the plan for a part of the scope. Nothing is compiled, looked up or compared again."""
        platforms = {one.bake_target.name: one.platforms for one in scope.targets}
        targets = tuple(
            target.on(platforms[target.bake_target.name], shard=bool(scope.shard))
            for target in self.targets
            if target.bake_target.name in platforms
        )
        plan = replace(self, scope=scope, targets=targets, snapshot=None)
        return plan if self.snapshot is None else plan.reusing(self.snapshot)

    def reusing(self, snapshot: Snapshot) -> Plan:
        """Return the plan that takes from the registry what it holds, and publishes what it lacks."""
        plan = replace(self, snapshot=snapshot)
        if snapshot.off:
            return plan
        reuser = Reuser(self.compilation, self.fingerprints, snapshot)
        targets = tuple(_reusing(target, reuser) for target in self.targets)
        if self.scope.sharing is not None:
            targets = _only_shared(self.compilation, targets, self.scope.sharing, reuser)
        return replace(plan, targets=targets)

    def reusable(self) -> list[Keyed]:
        """Return the stages that could be taken from the registry."""
        pairs = [(target.bake_target, target.platforms) for target in self.targets]
        return wanted(self.compilation.graph, pairs, self.compilation.names, self.fingerprints)

    def target(self, name: str) -> TargetPlan:
        """Return the plan of a bake target."""
        return self._by_name[name]

    @cached_property
    def _by_name(self) -> dict[str, TargetPlan]:
        return {target.bake_target.name: target for target in self.targets}

    def stage_records(self, name: str, platform: str) -> dict[str, StageRecord]:
        """Return what to remember of a bake target once it is built."""
        target = self.target(name)
        return {
            change.key: stage_record(change.fingerprint, target.keys)
            for change in target.changes
            if change.platform == platform
        }


def build_plan(
    compilation: Compilation,
    scope: Scope,
    record: BuildRecord,
    files: Sequence[Change] = (),
    *,
    fingerprints: Fingerprints | None = None,
    times: StageTimes | None = None,
    output: Output = "cache",
    test: bool = False,
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
        test: whether the images' tests run first.

    Raises:
        EdgebakeError: a file that a stage reads is missing.
    """
    fingerprints = fingerprints or Fingerprints(compilation)
    planner = _Planner(compilation, record, fingerprints)
    targets = tuple(planner.target_plan(target, shard=bool(scope.shard)) for target in scope.targets)
    times = times or StageTimes()
    return Plan(compilation, scope, targets, tuple(files), fingerprints, times, output, test)


class _Planner:
    """Plans bake targets one by one, and computes what they share once."""

    def __init__(self, compilation: Compilation, record: BuildRecord, fingerprints: Fingerprints) -> None:
        self._graph = compilation.graph
        self._names = compilation.names
        self._fingerprints = fingerprints
        self._record = record
        self._built: dict[str, frozenset[str]] = {}
        self._tests_of = _tests_by_image(compilation.graph)

    def target_plan(self, scoped: ScopedTarget, *, shard: bool) -> TargetPlan:
        bake_target, platforms = scoped.bake_target, scoped.platforms
        nodes = self._graph.needed_by(bake_target.target, [bake_target.stage])
        image = self._graph.node(bake_target.target, bake_target.stage)
        keys = stage_keys(nodes, self._names[bake_target.target])
        return TargetPlan(
            bake_target,
            platforms,
            tuple(change for p in platforms for change in self._changes(bake_target, nodes, keys, p)),
            tuple((p, self._fingerprints.of(image, p).digest) for p in bake_target.platforms),
            keys,
            tuple(self._tests(bake_target, platforms)),
            shard=shard,
        )

    def _tests(self, bake_target: BakeTarget, platforms: Sequence[str]) -> Iterator[tuple[str, str]]:
        tests = self._tests_of.get((bake_target.image, bake_target.target))
        if tests is not None:
            node = self._graph.node(tests.target, tests.stage)
            yield from ((p, self._fingerprints.of(node, p).digest) for p in platforms if p in node.bodies)

    def _changes(
        self, bake_target: BakeTarget, nodes: Sequence[Node], keys: Mapping[str, str], platform: str
    ) -> list[StageChange]:
        if platform not in self._built:
            self._built[platform] = self._record.digests(platform)
        comparison = Comparison(
            self._graph,
            self._fingerprints,
            platform,
            self._names[bake_target.target],
            keys,
            self._record.stages(bake_target.name, platform),
            self._built[platform],
        )
        return comparison.changes(nodes)


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
    platforms = {platform for one in target.to_publish for platform in one.stage.platforms}
    return replace(
        target,
        platforms=tuple(platform for platform in target.platforms if platform in platforms),
        changes=tuple(change for change in target.changes if change.platform in platforms),
    )


def _bakes(compilation: Compilation, targets: Sequence[TargetPlan], output: Output, test: bool) -> Iterator[Step]:
    yield _check_builder(compilation, targets)
    if output == "push":
        yield from _publish_steps(compilation, targets)
    images = tuple(_image(target) for target in targets)
    yield Bake(images, output, tuple(_tests(compilation, images)) if test else ())
    complete = tuple(target.bake_target for target in targets if target.complete)
    if output == "push" and complete:
        yield VerifyIndexes(complete)


def _image(target: TargetPlan) -> BakeItem:
    # A declared tag must never point at fewer platforms than declared: a part is pushed under its key.
    return BakeItem(target.bake_target, target.platforms, "" if target.complete else key_tag(target))


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


def _check_builder(compilation: Compilation, targets: Sequence[TargetPlan]) -> CheckBuilder:
    platforms = tuple(sorted({platform for target in targets for platform in target.platforms}))
    running = {
        change.platform
        for target in targets
        for change in target.built
        if change.node.runs_on_target(change.platform)
    }
    return CheckBuilder(platforms, tuple(platform for platform in platforms if platform in running))

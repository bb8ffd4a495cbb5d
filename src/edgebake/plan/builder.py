"""From a compilation and what is known of earlier builds to a plan: an ordered list of steps, with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import groupby

from edgebake.graph.build_graph import BakeTarget, BuildGraph, Index
from edgebake.graph.compile import Compilation
from edgebake.graph.names import arch
from edgebake.graph.node import Node
from edgebake.plan.changes import Comparison, StageChange
from edgebake.plan.evidence import UNKNOWN, Evidence
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.record import BuildRecord, StageRecord, stage_keys, stage_record
from edgebake.plan.reuse import PublishedStage, Reuse, Reuser, Snapshot
from edgebake.plan.selection import Selection, selected_bake_targets
from edgebake.plan.shared import BuiltTarget, Parts, shared_stages
from edgebake.plan.stacks import Keyed, wanted
from edgebake.plan.steps import (
    Bake,
    CheckBuilder,
    MergeIndex,
    Output,
    PublishStages,
    Step,
    VerifyIndexes,
    WriteFiles,
)
from edgebake.plan.times import StageTimes
from edgebake.plan.waves import MAX_BAKE_TARGETS, waves
from edgebake.render.writer import Change


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
        return tuple(c for c in self.changes if not self.reuse.spares(c.node.id, c.platform))

    @property
    def as_built(self) -> BuiltTarget:
        """What is built of it, for finding the stages that shards share."""
        return BuiltTarget(self.bake_target, self.platforms, self.reuse.taken)

    @property
    def complete(self) -> bool:
        """Whether all declared platforms are built, so that a push can set the declared tags."""
        return not self.shard and self.platforms == self.bake_target.platforms


@dataclass(frozen=True)
class Plan:
    """What a bake would do, in order, and why."""

    compilation: Compilation
    selection: Selection
    targets: tuple[TargetPlan, ...]
    files: tuple[Change, ...]
    steps: tuple[Step, ...]
    output: Output = "cache"
    test: bool = False
    snapshot: Snapshot | None = None
    """What the repository of stacks was seen to hold; None if nobody looked."""
    times: StageTimes = field(default_factory=StageTimes)
    """What stages took in earlier builds."""

    def with_evidence(self, evidence: Mapping[str, Evidence]) -> Plan:
        """Return the plan in which what is up to date is not built."""
        targets = tuple(replace(t, evidence=evidence.get(t.bake_target.name, t.evidence)) for t in self.targets)
        steps = tuple(_steps(self.compilation, self.selection, targets, self.files, self.output, self.test))
        return replace(self, targets=targets, steps=steps)

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


def reusable(compilation: Compilation, selection: Selection, fingerprints: Fingerprints) -> list[Keyed]:
    """Return what a selection could take from the registry.

    Raises:
        EdgebakeError: as for the plan.
    """
    bake_targets = selected_bake_targets(compilation.graph.bake_targets, compilation.workspace, selection)
    pairs = [(one, selection.platforms_of(one)) for one in bake_targets]
    return wanted(compilation.graph, pairs, compilation.names, fingerprints)


def build_plan(
    compilation: Compilation,
    selection: Selection,
    record: BuildRecord,
    files: Sequence[Change],
    *,
    output: Output = "cache",
    test: bool = False,
    fingerprints: Fingerprints | None = None,
    snapshot: Snapshot | None = None,
) -> Plan:
    """Return the plan for a selection. Looks at nothing but its arguments and the files that stages read.

    Args:
        compilation: the compiled project.
        selection: what is built.
        record: what was built before.
        files: the changes that the generated files need.
        output: where results go.
        test: whether the images' tests run first.
        fingerprints: those of the compilation, if some are known already.
        snapshot: what the registry holds; None if nobody looked, and then nothing is reused or published.

    Raises:
        EdgebakeError: the selection fits nothing, or a file that a stage reads is missing.
    """
    bake_targets = selected_bake_targets(compilation.graph.bake_targets, compilation.workspace, selection)
    planner = _Planner(compilation, selection, record, fingerprints or Fingerprints(compilation), snapshot)
    targets = tuple(planner.target_plan(bake_target) for bake_target in bake_targets)
    if selection.sharing is not None:
        targets = planner.only_shared(targets, selection.sharing)
    steps = tuple(_steps(compilation, selection, targets, files, output, test))
    return Plan(compilation, selection, targets, tuple(files), steps, output, test, snapshot)


class _Planner:
    """Plans bake targets one by one, and computes what they share once."""

    def __init__(
        self,
        compilation: Compilation,
        selection: Selection,
        record: BuildRecord,
        fingerprints: Fingerprints,
        snapshot: Snapshot | None,
    ) -> None:
        self._compilation = compilation
        self._graph = compilation.graph
        self._names = compilation.names
        self._fingerprints = fingerprints
        self._reuser = (
            Reuser(compilation, fingerprints, snapshot) if snapshot is not None and not snapshot.off else None
        )
        self._selection = selection
        self._record = record
        self._built: dict[str, frozenset[str]] = {}
        self._tests_of = _tests_by_image(compilation.graph)

    def target_plan(self, bake_target: BakeTarget) -> TargetPlan:
        nodes = self._graph.needed_by(bake_target.target, [bake_target.stage])
        image = self._graph.node(bake_target.target, bake_target.stage)
        keys = stage_keys(nodes, self._names[bake_target.target])
        platforms = self._selection.platforms_of(bake_target)
        changes = tuple(change for p in platforms for change in self._changes(bake_target, nodes, keys, p))
        digests = tuple((p, self._fingerprints.of(image, p).digest) for p in bake_target.platforms)
        plan = TargetPlan(
            bake_target,
            platforms,
            changes,
            digests,
            keys,
            tuple(self._tests(bake_target, platforms)),
            shard=bool(self._selection.shard),
        )
        if self._reuser is None:
            return plan
        reuse = self._reuser.reuse(bake_target.target, bake_target.stage, platforms)
        return replace(plan, reuse=reuse, to_publish=tuple(self._reuser.to_publish(bake_target, reuse)))

    def only_shared(self, targets: Sequence[TargetPlan], shards: Sequence[Parts]) -> tuple[TargetPlan, ...]:
        """Return plans that publish nothing but the stages that several shards need."""
        if self._reuser is None:
            return tuple(targets)
        built_targets = [target.as_built for target in targets]
        stages = shared_stages(self._compilation, built_targets, shards)
        shared = {(stage.target, stage.stage, stage.platform) for stage in stages}
        found = []
        for plan in targets:
            target = plan.bake_target.target
            built = frozenset(at for at in plan.reuse.built if (target, *at) in shared)
            to_publish = self._reuser.to_publish(plan.bake_target, replace(plan.reuse, built=built))
            found.append(replace(plan, to_publish=tuple(to_publish)))
        return tuple(found)

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


def _steps(
    compilation: Compilation,
    selection: Selection,
    targets: Sequence[TargetPlan],
    files: Sequence[Change],
    output: Output,
    test: bool,
) -> Iterator[Step]:
    if files:
        yield WriteFiles(tuple(files))
    if selection.sharing is not None:
        publishing = [_where_it_publishes(target) for target in targets if target.to_publish]
        if publishing:
            yield _check_builder(compilation, publishing)
            yield from _publish_steps(compilation, publishing)
        return
    pending = [target for target in targets if not target.evidence.current]
    if pending:
        yield from _bakes(compilation, pending, output, test)
    if output == "push":
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
    tests_of = _tests_by_image(compilation.graph)
    # One invocation has one list of platforms, so bake targets are grouped by theirs.
    groups = sorted(targets, key=lambda t: (t.platforms, t.bake_target.name))
    for platforms, group in groupby(groups, key=lambda t: t.platforms):
        members = list(group)
        if test:
            found = (tests_of.get((one.bake_target.image, one.bake_target.target)) for one in members)
            tests = [one for one in found if one is not None]
            test_waves = waves(compilation.graph, tests, lambda one: one)
            yield from (Bake(tuple(wave), platforms, "cache") for wave in test_waves)
        for wave in waves(compilation.graph, members, lambda member: member.bake_target):
            yield _bake(wave, platforms, output)
            complete = tuple(target.bake_target for target in wave if target.complete)
            if output == "push" and complete:
                yield VerifyIndexes(complete)


def _publish_steps(compilation: Compilation, targets: Sequence[TargetPlan]) -> Iterator[PublishStages]:
    """Yield what is published first: a failing image shall not cost other machines what it is built on."""
    # Stages of equal content have one key, whatever they are called.
    by_key = {one.stage.key: one for target in targets for one in target.to_publish}
    repository = compilation.workspace.project.stacks
    if repository:
        stages = list(by_key.values())
        for start in range(0, len(stages), MAX_BAKE_TARGETS):
            yield PublishStages(repository, tuple(stages[start : start + MAX_BAKE_TARGETS]))


def is_complete(index: Index, targets: Sequence[TargetPlan]) -> bool:
    """Tell whether all that stands in an index is built, on all its platforms: no index is published in part."""
    complete = {target.bake_target.name for target in targets if target.complete}
    return all(name in complete for _, name in index.parts)


def _tests_by_image(graph: BuildGraph) -> dict[tuple[str, str], BakeTarget]:
    """Return the bake targets with tests, by the image and the target that they are for."""
    return {(one.image, one.target): one for one in graph.bake_targets if one.is_test}


def _bake(targets: Sequence[TargetPlan], platforms: tuple[str, ...], output: Output) -> Bake:
    # A declared tag must never point at fewer platforms than declared: a part is pushed under its key.
    partial = {t.bake_target.name: key_tag(t) for t in targets if not t.complete}
    return Bake(tuple(t.bake_target for t in targets), platforms, output, tuple(sorted(partial.items())))


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
        if runs_on_target(change.node, change.platform)
    }
    return CheckBuilder(platforms, tuple(platform for platform in platforms if platform in running))


def runs_on_target(node: Node, platform: str) -> bool:
    """Tell whether a stage runs commands of the target platform (natively there, emulated elsewhere)."""
    return not node.native and node.bodies[platform].runs

"""From a compilation and what is known of earlier builds to a plan: an ordered list of steps, with reasons."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from edgebake.compile import Compilation
from edgebake.fingerprint import Fingerprints
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.names import arch, stage_names
from edgebake.graph.node import Node
from edgebake.plan.changes import StageChange, stage_changes
from edgebake.plan.record import BuildRecord, StageRecord, stage_record
from edgebake.plan.selection import Selection, selected_bake_targets
from edgebake.plan.steps import Bake, CheckBuilder, Output, Remember, Step, VerifyIndexes, WriteFiles
from edgebake.render.writer import Change

MAX_BAKE_TARGETS = 50
"""In one invocation: linked work beyond some hundred bake targets breaks Buildx (docker/buildx#3810)."""


@dataclass(frozen=True)
class TargetPlan:
    """One bake target: its stages on each platform that is built, and why each is."""

    bake_target: BakeTarget
    platforms: tuple[str, ...]
    changes: tuple[StageChange, ...]
    fingerprints: tuple[tuple[str, str], ...]
    """Of the image, by platform; of all declared platforms, so that a label does not depend on a selection."""

    @property
    def complete(self) -> bool:
        """Whether all declared platforms are built."""
        return self.platforms == self.bake_target.platforms


@dataclass(frozen=True)
class Plan:
    """What a bake would do, in order, and why."""

    compilation: Compilation
    targets: tuple[TargetPlan, ...]
    files: tuple[Change, ...]
    steps: tuple[Step, ...]

    def target(self, name: str) -> TargetPlan:
        """Return the plan of a bake target."""
        return next(target for target in self.targets if target.bake_target.name == name)

    def stage_records(self, name: str, platform: str) -> dict[str, StageRecord]:
        """Return what to remember of a bake target once it is built."""
        target = self.target(name)
        nodes = self.compilation.graph.of_target(target.bake_target.target)
        names = stage_names(nodes)
        return {
            change.name: stage_record(change.fingerprint, names)
            for change in target.changes
            if change.platform == platform
        }


def build_plan(
    compilation: Compilation,
    selection: Selection,
    record: BuildRecord,
    files: Sequence[Change],
    *,
    output: Output = "cache",
    test: bool = False,
) -> Plan:
    """Return the plan for a selection. Looks at nothing but its arguments and the files that stages read.

    Args:
        compilation: the compiled project.
        selection: what is built.
        record: what was built before.
        files: the changes that the generated files need.
        output: where results go.
        test: whether the images' tests run first.

    Raises:
        EdgebakeError: the selection fits nothing, or a file that a stage reads is missing.
    """
    bake_targets = selected_bake_targets(compilation.graph.bake_targets, compilation.workspace, selection)
    fingerprints = Fingerprints(compilation)
    targets = tuple(_target_plan(compilation, one, selection, record, fingerprints) for one in bake_targets)
    steps = tuple(_steps(compilation, targets, files, output, test))
    return Plan(compilation, targets, tuple(files), steps)


def _target_plan(
    compilation: Compilation,
    bake_target: BakeTarget,
    selection: Selection,
    record: BuildRecord,
    fingerprints: Fingerprints,
) -> TargetPlan:
    graph = compilation.graph
    names = stage_names(graph.of_target(bake_target.target))
    nodes = graph.needed_by(bake_target.target, [bake_target.stage])
    image = graph.node(bake_target.target, bake_target.stage)
    platforms = tuple(p for p in bake_target.platforms if not selection.platforms or p in selection.platforms)
    changes = [
        change
        for platform in platforms
        for change in stage_changes(
            graph,
            [node for node in nodes if platform in node.bodies and not node.bodies[platform].empty],
            names,
            platform,
            fingerprints,
            record.stages(bake_target.name, platform),
        )
    ]
    digests = tuple((p, fingerprints.of(image, p).digest) for p in bake_target.platforms)
    return TargetPlan(bake_target, platforms, tuple(changes), digests)


def _steps(
    compilation: Compilation, targets: Sequence[TargetPlan], files: Sequence[Change], output: Output, test: bool
) -> Iterator[Step]:
    if files:
        yield WriteFiles(tuple(files))
    if not targets:
        return
    yield _check_builder(compilation, targets)
    # One invocation has one list of platforms, so bake targets are grouped by theirs.
    groups = sorted(targets, key=lambda t: (t.platforms, t.bake_target.name))
    for platforms, group in groupby(groups, key=lambda t: t.platforms):
        members = list(group)
        if test:
            tests = [t for target in members if (t := _tests_of(compilation, target)) is not None]
            yield from (Bake(tuple(wave), platforms, "cache") for wave in _waves(tests))
        for wave in _waves(members):
            yield _bake(wave, platforms, output)
            bake_targets = tuple(target.bake_target for target in wave)
            complete = tuple(target.bake_target for target in wave if target.complete)
            if output == "push" and complete:
                yield VerifyIndexes(complete)
            yield Remember(bake_targets, platforms)


def _tests_of(compilation: Compilation, target: TargetPlan) -> BakeTarget | None:
    wanted = (target.bake_target.image, target.bake_target.target)
    targets = compilation.graph.bake_targets
    return next((t for t in targets if t.is_test and (t.image, t.target) == wanted), None)


def _waves(items: Sequence) -> Iterator[Sequence]:  # type: ignore[type-arg]
    for start in range(0, len(items), MAX_BAKE_TARGETS):
        yield items[start : start + MAX_BAKE_TARGETS]


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
        for change in target.changes
        if runs_on_target(change.node, change.platform)
    }
    return CheckBuilder(platforms, tuple(platform for platform in platforms if platform in running))


def runs_on_target(node: Node, platform: str) -> bool:
    """Tell whether a stage runs commands of the target platform (natively there, emulated elsewhere)."""
    return not node.native and node.bodies[platform].runs

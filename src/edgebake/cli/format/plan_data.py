"""`edgebake plan --json`: a plan as the published model."""

from __future__ import annotations

from collections.abc import Sequence

from edgebake.model.output import plan as published
from edgebake.plan import builder, forecast
from edgebake.plan.changes import StageChange
from edgebake.plan.steps import Bake, CheckBuilder, MergeIndex, PublishStages, Step, VerifyIndexes, WriteFiles
from edgebake.plan.target_plan import Evidence, TargetPlan


def data(plan: builder.Plan, work: Sequence[published.PlatformWork] | None = None) -> published.Plan:
    """Return what `--json` prints.

    Args:
        plan: the plan.
        work: how a builder does each platform, if that was asked for.
    """
    return published.Plan(
        version=1,
        images=[_image(target) for target in plan.targets],
        left_out=plan.compilation.left_out,
        notes=[str(note) for note in plan.compilation.notes],
        files=[published.ChangedFile(path=change.path, change=change.kind) for change in plan.files],
        stacks=_stacks(plan),
        steps=[_step(step) for step in plan.steps],
        time=_time(plan),
        platforms=work,
    )


def _image(target: TargetPlan) -> published.PlannedImage:
    return published.PlannedImage(
        bake_target=target.bake_target.name,
        observed=_observed(target.evidence),
        image=target.bake_target.image,
        target=target.bake_target.target,
        platforms=target.platforms,
        complete=target.complete,
        fingerprints=dict(target.fingerprints),
        given={one.stage.name: one.reference for one in target.reuse.given},
        stages=[_stage(change, target) for change in target.changes],
    )


def _observed(evidence: Evidence) -> published.Observed | None:
    if not evidence.text:
        return None
    proof, reason = (evidence.text, None) if evidence.current else (None, evidence.text)
    return published.Observed(current=evidence.current, proof=proof, reason=reason)


def _stage(change: StageChange, target: TargetPlan) -> published.PlannedStage:
    node = change.node
    return published.PlannedStage.of(
        change,
        kind=node.kind,
        recipe=node.recipe,
        title=node.title,
        native=node.native,
        fingerprint=change.fingerprint.digest,
        own=change.fingerprint.own,
        reused=target.reuse.spares(change.at),
    )


def _stacks(plan: builder.Plan) -> published.Stacks | None:
    snapshot = plan.snapshot
    if snapshot is None:
        return None
    publish = [one.stage.key for target in plan.targets for one in target.to_publish]
    return published.Stacks(
        repository=snapshot.repository,
        failure=snapshot.failure or snapshot.off,
        refused=dict(sorted(snapshot.refused.items())),
        unpublished=list(dict.fromkeys(publish)),
    )


def _step(step: Step) -> published.PlannedStep:
    match step:
        case WriteFiles(changes):
            return published.PlannedStep(step="write-files", files=[change.path for change in changes])
        case CheckBuilder(platforms, emulated):
            return published.PlannedStep(step="check-builder", platforms=platforms, emulated=emulated)
        case PublishStages():
            keys = [one.stage.key for one in step.stages]
            return published.PlannedStep(step="publish-stages", repository=step.repository, keys=keys)
        case Bake():
            return published.PlannedStep(
                step="bake",
                bake_targets=[item.bake_target.name for item in step.images],
                tests=[item.bake_target.name for item in step.tests],
                platforms=sorted({platform for item in step.images for platform in item.platforms}),
                output=step.output,
                tags={item.bake_target.name: item.tag for item in step.images if item.tag},
            )
        case VerifyIndexes(bake_targets):
            return published.PlannedStep(
                step="verify-indexes", bake_targets=[target.name for target in bake_targets]
            )
        case MergeIndex(index):
            tag = f"{index.repository}:{index.tag}"
            return published.PlannedStep(step="merge-index", tag=tag, parts=dict(index.parts))


# ── time


def _time(plan: builder.Plan) -> published.Forecast | None:
    found = forecast.forecast(plan, plan.times) if plan.times else None
    if found is None:
        return None
    return published.Forecast(
        version=1,
        expected_seconds=round(found.expected_seconds, 3),
        critical_path_seconds=round(found.path_seconds, 3),
        work_seconds=round(found.work_seconds, 3),
        parallelism=round(found.parallelism, 3),
        useful_parallelism=round(found.useful_parallelism, 3),
        critical_path=[_path_stage(found, task) for task in found.path],
        worth_making_faster=[
            published.WorthIt(recipe=name, saves_seconds=round(seconds, 3)) for name, seconds in found.saved.items()
        ],
        measured_elsewhere=[_timed(change) for change in found.elsewhere],
        never_measured=[_timed(change) for change in found.unknown],
    )


def _timed(change: StageChange) -> published.TimedStage:
    return published.TimedStage(target=change.node.target, stage=change.name, platform=change.platform)


def _path_stage(found: forecast.Forecast, task: forecast.Task) -> published.PathStage:
    change, measured = found.tasks[task], found.measured.get(task)
    return published.PathStage(
        **dict(_timed(change)),
        recipe=change.node.recipe,
        seconds=round(measured.seconds, 3) if measured else None,
        native=change.node.native,
        emulated=bool(measured and measured.emulated and not change.node.native),
    )

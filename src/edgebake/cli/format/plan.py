"""`edgebake plan`: what would be built and why, as text."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from edgebake.cli.format.reasons import MARK, counted_work, row_text, stages_once
from edgebake.graph.notes import summarised
from edgebake.plan.builder import Plan, bake_command, is_complete
from edgebake.plan.rows import RunningStages, running_stages, target_rows
from edgebake.plan.target_plan import TargetPlan
from edgebake.text.words import counted, listed, some

if TYPE_CHECKING:
    from edgebake.model.output.plan import PlatformWork

_MAX_FILES = 3
_WIDEST_NAME = 32
_WHERE = {"push": "in the registry", "load": "in the engine", "cache": "in the build cache"}


def text(plan: Plan, work: Sequence[PlatformWork] | None = None) -> str:
    """Return a plan as text.

    Args:
        plan: the plan.
        work: how a builder does each platform, if that was asked for.
    """
    blocks = [
        *("\n".join(_target_lines(plan, target)) for target in plan.targets),
        _block("Shared stages:", stack_notes(plan)),
        _block("Left out:", [f"{out.what}: {out.reason}" for out in plan.compilation.left_out]),
        "\n".join(_evidence_lines(plan)),
        _block("Indexes, written by a bake with --push:", list(_index_lines(plan))),
        _block("Notes:", _notes(plan)),
        _block("Time, measured in earlier bakes:", _time_lines(plan)),
        "\n".join(_summary(plan)),
        _work_block(work or ()),
    ]
    return "\n\n".join(block for block in blocks if block)


def _block(title: str, lines: Sequence[str]) -> str:
    return "\n".join([title, *(f"  {line}" for line in lines)]) if lines else ""


def _work_block(work: Sequence[PlatformWork]) -> str:
    if not work:
        return ""
    from edgebake.execute.builders import work_sentence

    return "\n".join(map(work_sentence, work))


# ── an image


def _target_lines(plan: Plan, target: TargetPlan) -> Iterator[str]:
    bake_target = target.bake_target
    missing = [p for p in bake_target.platforms if p not in target.platforms]
    without = f", without {', '.join(missing)}" if missing else ""
    yield f"{bake_target.image} · {bake_target.target} ({', '.join(target.platforms)}{without})"
    rows = target_rows(plan, target)
    width = min(max(len(row.name) for row in rows), _WIDEST_NAME)
    yield from (f"  {MARK[row.state]} {row.name:<{width}}  {row_text(row)}".rstrip() for row in rows)
    yield from (f"  {_running(running)}" for running in running_stages(target))


def _running(running: RunningStages) -> str:
    """Return where stages run: those of the target platform natively or, on another machine, emulated."""
    platforms = listed(running.platforms)
    if not running.on_target:
        return f"{_stages_run(running.on_build)} on the build platform for {platforms}"
    each = "each of " if len(running.platforms) > 1 else ""
    build = f", {running.on_build} on the build platform" if running.on_build else ""
    return f"{_stages_run(running.on_target)} on {each}{platforms} (native or emulated){build}"


def _stages_run(number: int) -> str:
    return f"{counted(number, 'stage')} {'runs' if number == 1 else 'run'}"


# ── about all images


def stack_notes(plan: Plan) -> list[str]:
    """Return what a user should know of the shared stages: why something, or nothing, of them is used."""
    snapshot = plan.snapshot
    if snapshot is None:
        return []
    if snapshot.off:
        return [f"nothing is reused or published: {snapshot.off}"]
    failure = [f"nothing is reused: {snapshot.failure}"] if snapshot.failure else []
    refused = [f"{snapshot.repository}:{key} is not used: {why}" for key, why in sorted(snapshot.refused.items())]
    return [*failure, *refused]


def _evidence_lines(plan: Plan) -> Iterator[str]:
    """Yield what was found about each bake target, if the registry or the engine was asked."""
    known = [(target.bake_target.name, target.evidence) for target in plan.targets if target.evidence.text]
    for title, current in (("Up to date", True), ("To do", False)):
        lines = [f"  {name}: {evidence.text}" for name, evidence in known if evidence.current == current]
        if lines:
            yield f"{title} {_WHERE[plan.output]}:"
            yield from lines


def _index_lines(plan: Plan) -> Iterator[str]:
    """Yield the tags over several targets, of the selected images."""
    selected = {target.bake_target.image for target in plan.targets}
    for index in plan.compilation.graph.indexes:
        if index.image in selected:
            parts = ", ".join(f"{platform} from {name}" for platform, name in index.parts)
            left = "" if is_complete(index, plan.targets) else "; left out: not all of these are selected"
            yield f"{index.repository}:{index.tag}  {parts}{left}"


def _notes(plan: Plan) -> list[str]:
    """Return the notes about what is selected."""
    shown = {(target.bake_target.target, target.bake_target.image) for target in plan.targets}
    shown |= {("", ""), *((target, "") for target, _ in shown)}
    return summarised(note for note in plan.compilation.notes if (note.target, note.image) in shown)


def _time_lines(plan: Plan) -> list[str]:
    """Return how long it will take; nothing if no bake has measured it."""
    if not plan.times:
        return []
    from edgebake.cli.format.forecast import forecast_lines
    from edgebake.plan.forecast import forecast

    foreseen = forecast(plan, plan.times)
    return list(forecast_lines(foreseen)) if foreseen is not None else []


# ── the end


def _summary(plan: Plan) -> Iterator[str]:
    changes = stages_once(change for target in plan.targets for change in target.built)
    same = sum(change.state == "same" for change in changes)
    if not plan.targets:
        yield "Plan: no image is selected."
    else:
        parts = [counted_work(changes), *_reused(plan), f"{counted(same, 'stage')} up to date"]
        yield f"Plan: {'; '.join(parts)}."
    yield _files_line(plan)
    if same < len(changes):
        yield f"Run: {bake_command(plan)}"


def _reused(plan: Plan) -> Iterator[str]:
    """Yield how many published stages are taken from the registry."""
    nodes = {one.stage.node.id: one.stage.node.kind for target in plan.targets for one in target.reuse.given}
    kinds = Counter("artifact" if kind == "artifact" else "shared stage" for kind in nodes.values())
    if kinds:
        yield f"{listed([counted(kinds[kind], kind) for kind in sorted(kinds, reverse=True)])} reused"


def _files_line(plan: Plan) -> str:
    workspace = plan.compilation.workspace
    if workspace.document is None:  # an ad-hoc image: nothing of it is committed
        return f"Generated files: in {workspace.project.output}."
    if not plan.files:
        return "Committed files: up to date."
    edited = [change.path for change in plan.files if change.kind == "hand-edited"]
    if edited:
        return (
            f"Committed files: {some(edited, _MAX_FILES)} edited by hand; edgebake compile --force overwrites them."
        )
    # The manifest changes whenever anything does; what people read comes first.
    paths = [c.path for c in plan.files if not c.path.endswith("/manifest.json")] or [c.path for c in plan.files]
    paths.sort(key=lambda path: not path.endswith(("/Dockerfile", ".hcl")))
    return f"Committed files: {len(paths)} to write ({some(paths, _MAX_FILES)}); edgebake compile writes them."

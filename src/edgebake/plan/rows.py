"""What an image is made of and what a bake does with it: the rows of a plan, as data."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.graph.node import Kind, Node
from edgebake.plan.builder import Plan
from edgebake.plan.changes import Reason, StageChange, State, reasons, worst_state
from edgebake.plan.reuse import Given
from edgebake.plan.target_plan import TargetPlan
from edgebake.render.dockerfile import base_reference

RowKind = Literal["base", "provided", "tools", "library", "recipe", "image"]

HALVES: tuple[Kind, ...] = ("build", "fetch")
"""The kinds of stages that an install stage copies from."""


@dataclass(frozen=True)
class ReusedPart:
    """A part of a recipe that is taken from the registry; `platforms` is empty if it is on all of them."""

    kind: Kind
    platforms: tuple[str, ...]


@dataclass(frozen=True)
class Row:
    """One part of an image."""

    kind: RowKind  # which part
    name: str  # the recipe with its version, or what else it is
    state: State = "same"  # the state of what changed most of it
    reasons: tuple[Reason, ...] = ()  # why, by platform
    # the base image, the note about what the base provides, the titles of build tools, or the tags
    details: tuple[str, ...] = ()
    work: tuple[Kind, ...] = ()  # the kinds of stages that are built
    kept: tuple[Kind, ...] = ()  # the halves that are up to date though something else of the recipe is built
    reused: tuple[ReusedPart, ...] = ()  # the parts that are taken from the registry
    taken: tuple[Given, ...] | None = None  # the published stages that spare all of it; None if it is not spared


def target_rows(plan: Plan, target: TargetPlan) -> list[Row]:
    """Return the parts of an image, in the order in which they are built."""
    line = _install_line(plan, target)
    return [
        _base_row(plan, target),
        *_provided_rows(plan, target),
        *_tool_rows(target, line),
        *_library_rows(target, line),
        *(_recipe_row(target, node) for node in line),
        _image_row(plan, target),
    ]


def changed_rows(plan: Plan, target: TargetPlan) -> list[Row]:
    """Return the parts of an image that are not up to date, without the image itself."""
    return [row for row in target_rows(plan, target) if row.state != "same" and row.kind != "image"]


def _install_line(plan: Plan, target: TargetPlan) -> list[Node]:
    """Return the install stages of the image's own chain, in order."""
    shown = {change.node.id for change in target.changes}
    graph, stage = plan.compilation.graph, target.bake_target.stage
    line: list[Node] = []
    while stage:
        node = graph.node(target.bake_target.target, stage)
        line += [node] if node.kind == "install" and node.id in shown else []
        stage = next(iter(node.bodies.values())).parent
    return line[::-1]


def _of_kind(target: TargetPlan, *kinds: Kind) -> list[StageChange]:
    """Return the changes of stages of some kinds, without those that are taken from the registry."""
    return [change for change in target.built if change.node.kind in kinds]


def _base_row(plan: Plan, target: TargetPlan) -> Row:
    changes = _of_kind(target, "base")
    image = plan.compilation.targets[target.bake_target.target].base.image
    reference = base_reference(plan.compilation, image)
    return Row("base", "base", worst_state(changes), reasons(changes), (reference,))


def _provided_rows(plan: Plan, target: TargetPlan) -> Iterator[Row]:
    provided = plan.compilation.plan_of(target.bake_target).resolutions[target.platforms[0]].provided
    for name, one in provided.items():
        yield Row("provided", f"{name} {one.version}", details=(one.note,))


def _tool_rows(target: TargetPlan, line: Sequence[Node]) -> Iterator[Row]:
    tools = [c for c in _of_kind(target, "native", "tool", "source", "sysroot", "install") if c.node not in line]
    if tools:
        titles = dict.fromkeys(change.node.title for change in tools if change.node.kind in ("tool", "install"))
        yield Row("tools", "build tools", worst_state(tools), reasons(tools, several=True), tuple(titles))


def _library_rows(target: TargetPlan, line: Sequence[Node]) -> Iterator[Row]:
    """Yield rows of recipes that others are compiled against, and that are not in the image."""
    installed = {node.recipe for node in line}
    for node in dict.fromkeys(c.node for c in _of_kind(target, "build") if c.node.recipe not in installed):
        changes = [change for change in target.changes if change.node == node]
        state = worst_state(changes)
        work: tuple[Kind, ...] = () if state == "same" else ("build",)
        yield Row("library", next(iter(node.pins.values())).title, state, reasons(changes), work=work)


def _recipe_row(target: TargetPlan, node: Node) -> Row:
    install = [change for change in target.built if change.node.id == node.id]
    if not install:
        given = {one.reference: one for at, one in target.reuse.taken.items() if at.stage == node.id}
        return Row("recipe", node.title, taken=tuple(given.values()))
    halves = [change for change in _of_kind(target, *HALVES) if change.node.recipe == node.recipe]
    changes = [*halves, *install]
    state, reused = worst_state(changes), tuple(_reused_parts(target, node))
    if state == "same":
        return Row("recipe", node.title, reused=reused)
    by_kind = {kind: [change for change in halves if change.node.kind == kind] for kind in HALVES}
    states = {kind: worst_state(half) for kind, half in by_kind.items() if half}
    work: list[Kind] = [kind for kind, half in states.items() if half != "same"]
    kept = tuple(kind for kind, half in states.items() if half == "same")
    return Row("recipe", node.title, state, reasons(changes), (), (*work, "install"), kept, reused)


def _reused_parts(target: TargetPlan, node: Node) -> Iterator[ReusedPart]:
    """Yield the parts of a recipe that is built, or is up to date, which are taken from the registry."""
    spared: dict[Kind, list[str]] = {"build": [], "fetch": [], "install": []}
    for change in target.changes:
        own = change.node.recipe == node.recipe and change.node.kind in HALVES
        if (own or change.node.id == node.id) and target.reuse.spares(change.at):
            spared[change.node.kind].append(change.platform)
    for kind, platforms in spared.items():
        if platforms:
            every = all(platform in platforms for platform in target.platforms)
            yield ReusedPart(kind, () if every else tuple(platforms))


def _image_row(plan: Plan, target: TargetPlan) -> Row:
    changes, bake_target = _of_kind(target, "image"), target.bake_target
    registry = plan.compilation.workspace.project.registry
    tags = tuple(f"{registry}/{bake_target.repository}:{tag}" for tag in bake_target.tags)
    return Row("image", "image", worst_state(changes), reasons(changes), tags)


# ── where stages run


@dataclass(frozen=True)
class RunningStages:
    """How many stages run commands of the target platform, and how many run on the build platform for it."""

    platforms: tuple[str, ...]
    on_target: int
    on_build: int


def running_stages(target: TargetPlan) -> list[RunningStages]:
    """Return where the stages to build run; platforms with the same numbers are together."""
    found: dict[tuple[int, int], list[str]] = {}
    for platform in target.platforms:
        changes = [c for c in target.built if c.platform == platform and c.state != "same"]
        on_target = sum(c.node.runs_on_target(platform) for c in changes)
        on_build = sum(c.node.native and c.node.bodies[platform].runs for c in changes)
        if on_target or on_build:
            found.setdefault((on_target, on_build), []).append(platform)
    return [RunningStages(tuple(platforms), *numbers) for numbers, platforms in found.items()]

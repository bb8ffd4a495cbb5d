"""How long a plan will take, by what earlier bakes took: the expected time, the critical path, what is worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import field

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.node import StageAt
from edgebake.plan.builder import Plan
from edgebake.plan.changes import StageChange
from edgebake.plan.critical_path import critical_path, saved_without
from edgebake.plan.times import Measured, StageTimes

WORTH = 5
"""Recipes that are shown as worth making faster, at most."""

Task = tuple[str, str]
"""A stage as BuildKit runs it, once: its fingerprint, and its platform unless it is the same for all of them."""
Needs = Mapping[Task, set[Task]]


@dataclass(frozen=True)
class Forecast:
    """What a plan's stages will take, if they take what they took."""

    tasks: Mapping[Task, StageChange]  # the stages that will run
    measured: Mapping[Task, Measured]  # what each takes, where that is known
    path: tuple[Task, ...]  # the critical path
    path_seconds: float  # its length: a machine of any size takes at least that
    work_seconds: float  # the stages one after the other
    parallelism: float  # how many stages ran at once in the last build
    # seconds by which the critical path would be shorter without a recipe, the most first
    saved: Mapping[str, float] = field(default_factory=dict)

    @property
    def expected_seconds(self) -> float:
        """The time if as many stages run at once as in the last build; never less than the critical path."""
        return max(self.path_seconds, self.work_seconds / self.parallelism)

    @property
    def useful_parallelism(self) -> float:
        """How many machines can share the work before the critical path alone decides."""
        return self.work_seconds / self.path_seconds if self.path_seconds else 1.0

    @property
    def unknown(self) -> list[StageChange]:
        """The stages that run commands and were never measured; they count as nothing."""
        unmeasured = (change for task, change in self.tasks.items() if task not in self.measured)
        return [change for change in unmeasured if change.node.bodies[change.platform].runs]

    @property
    def elsewhere(self) -> list[StageChange]:
        """The stages that were measured on another platform or target only."""
        return [change for task, change in self.tasks.items() if (m := self.measured.get(task)) and m.source]


def forecast(plan: Plan, times: StageTimes) -> Forecast | None:
    """Return what a plan's stages will take; None if none will run, or none of them was ever measured."""
    tasks, needs = _tasks(plan)
    found = {task: times.of(c.node.target, c.name, c.platform, native=c.node.native) for task, c in tasks.items()}
    measured = {task: measurement for task, measurement in found.items() if measurement is not None}
    if not measured:
        return None
    seconds = {task: measured[task].seconds if task in measured else 0.0 for task in tasks}
    longest, work, parallelism = critical_path(seconds, needs), sum(seconds.values()), times.parallelism
    saved = _saved(tasks, seconds, needs, longest.nodes)
    return Forecast(tasks, measured, longest.nodes, longest.seconds, work, parallelism, saved)


def _saved(
    tasks: Mapping[Task, StageChange],
    seconds: Mapping[Task, float],
    needs: Mapping[Task, set[Task]],
    path: Iterable[Task],
) -> dict[str, float]:
    """Return what the recipes on the critical path would save if they cost nothing, the most first."""
    recipes: dict[str, list[Task]] = {}
    for task, change in tasks.items():
        if change.node.recipe:
            recipes.setdefault(change.node.recipe, []).append(task)
    # Only what is on the path can shorten it; of a long one, what takes most of it.
    share: dict[str, float] = {}
    for task in path:
        name = tasks[task].node.recipe
        share[name] = share.get(name, 0.0) + seconds[task]
    heaviest = sorted(share.keys() & recipes.keys(), key=lambda name: (-share[name], name))[: 2 * WORTH]
    saved = saved_without(seconds, needs, {name: recipes[name] for name in heaviest})
    worth = sorted((name for name in saved if saved[name] > 0), key=lambda name: (-saved[name], name))
    return {name: saved[name] for name in worth[:WORTH]}


# ── what will run


def _tasks(plan: Plan) -> tuple[dict[Task, StageChange], Needs]:
    """Return the stages that will run, each once, and what each of them waits for."""
    graph = plan.compilation.graph
    tasks: dict[Task, StageChange] = {}
    at: dict[StageAt, Task] = {}
    shared: dict[StageAt, bool] = {}
    for target in plan.targets:
        if target.evidence.current:
            continue
        for change in target.built:
            place = change.at
            if change.state != "same" and place not in at:
                platform = "" if _is_shared(graph, place, shared) else change.platform
                at[place] = (change.fingerprint.digest, platform)
                tasks.setdefault(at[place], change)
    needs = {task: set(_needs(change, graph, at)) for task, change in tasks.items()}
    return tasks, needs


def _is_shared(graph: BuildGraph, at: StageAt, known: dict[StageAt, bool]) -> bool:
    """Return whether a stage is one for all platforms: on the build platform, and for no platform by name."""
    if at not in known:
        node = graph.node(at.target, at.stage)
        body = node.bodies[at.platform]
        parents = (at._replace(stage=parent) for parent in body.parents)
        own = node.native and not body.ops.knows_platform
        known[at] = own and all(_is_shared(graph, parent, known) for parent in parents)
    return known[at]


def _needs(change: StageChange, graph: BuildGraph, at: Mapping[StageAt, Task]) -> Iterator[Task]:
    """Yield what a stage waits for; through stages that are empty on its platform."""
    todo = list(change.node.bodies[change.platform].parents)
    while todo:
        stage = todo.pop()
        task = at.get(change.at._replace(stage=stage))
        body = graph.node(change.node.target, stage).bodies[change.platform]
        if task is not None:
            yield task
        elif body.empty:
            todo.extend(body.parents)

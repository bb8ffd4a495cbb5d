"""How long a plan will take, by what earlier bakes took: the expected time, the critical path, what is worth it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from edgebake.graph.build_graph import BuildGraph
from edgebake.plan.builder import Plan
from edgebake.plan.changes import StageChange
from edgebake.plan.critical_path import critical_path, saved_without
from edgebake.plan.times import Measured, StageTimes
from edgebake.text.duration import told_duration

MAX_SHOWN = 4
WORTH = 5
"""Recipes that are shown as worth making faster, at most."""
_LEAST = 0.02
"""Of the critical path: what saves less is not worth a word."""

Task = tuple[str, str]
"""A stage as BuildKit runs it, once: its fingerprint, and its platform unless it is the same for all of them."""


@dataclass(frozen=True)
class Forecast:
    """What a plan's stages will take, if they take what they took.

    Attributes:
        tasks: the stages that will run.
        measured: what each takes, where that is known.
        path: the critical path.
        path_seconds: its length: a machine of any size takes at least that.
        work_seconds: the stages one after the other.
        parallelism: how many stages ran at once in the last build.
        saved: seconds by which the critical path would be shorter without a recipe, the most first.
    """

    tasks: Mapping[Task, StageChange]
    measured: Mapping[Task, Measured]
    path: tuple[Task, ...]
    path_seconds: float
    work_seconds: float
    parallelism: float
    saved: Mapping[str, float] = field(default_factory=dict)

    @property
    def expected_seconds(self) -> float:
        """The time if as many stages run at once as in the last build; never less than the critical path."""
        return max(self.path_seconds, self.work_seconds / self.parallelism)

    @property
    def unknown(self) -> list[StageChange]:
        """The stages that run commands and were never measured; they count as nothing."""
        return [change for task, change in self.tasks.items() if task not in self.measured and _runs(change)]

    @property
    def elsewhere(self) -> list[StageChange]:
        """The stages that were measured on another platform or target only."""
        return [
            change for task, change in self.tasks.items() if task in self.measured and self.measured[task].source
        ]


def forecast(plan: Plan, times: StageTimes) -> Forecast | None:
    """Return what a plan's stages will take; None if none will run, or none of them was ever measured."""
    tasks, needs = _tasks(plan)
    measured = {}
    for task, change in tasks.items():
        node = change.node
        found = times.of(node.target, change.name, change.platform, native=node.native)
        if found is not None:
            measured[task] = found
    if not measured:
        return None
    seconds = {task: measured[task].seconds if task in measured else 0.0 for task in tasks}
    longest = critical_path(seconds, needs)
    return Forecast(
        tasks,
        measured,
        longest.nodes,
        longest.seconds,
        sum(seconds.values()),
        times.parallelism,
        _saved(tasks, seconds, needs, longest.nodes),
    )


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


def _tasks(plan: Plan) -> tuple[dict[Task, StageChange], dict[Task, set[Task]]]:
    """Return the stages that will run, each once, and what each of them waits for."""
    graph = plan.compilation.graph
    tasks: dict[Task, StageChange] = {}
    at: dict[tuple[str, str, str], Task] = {}
    shared = _Shared(graph)
    for target in plan.targets:
        if target.evidence.current:
            continue
        for change in target.built:
            place = (change.node.target, change.node.id, change.platform)
            if change.state != "same" and place not in at:
                at[place] = (change.fingerprint.digest, "" if shared.holds(*place) else change.platform)
                tasks.setdefault(at[place], change)
    needs = {task: set(_needs(change, graph, at)) for task, change in tasks.items()}
    return tasks, needs


class _Shared:
    """Tells which stages are one for all platforms: on the build platform, and for no platform by name."""

    def __init__(self, graph: BuildGraph) -> None:
        self._graph = graph
        self._known: dict[tuple[str, str, str], bool] = {}

    def holds(self, target: str, stage: str, platform: str) -> bool:
        key = (target, stage, platform)
        if key not in self._known:
            node = self._graph.node(target, stage)
            body = node.bodies[platform]
            own = node.native and not body.ops.knows_platform
            self._known[key] = own and all(self.holds(target, parent, platform) for parent in body.parents)
        return self._known[key]


def _needs(change: StageChange, graph: BuildGraph, at: Mapping[tuple[str, str, str], Task]) -> Iterator[Task]:
    """Yield what a stage waits for; through stages that are empty on its platform."""
    todo = list(change.node.bodies[change.platform].parents)
    while todo:
        stage = todo.pop()
        task = at.get((change.node.target, stage, change.platform))
        if task is not None:
            yield task
            continue
        body = graph.node(change.node.target, stage).bodies[change.platform]
        if body.empty:
            todo.extend(body.parents)


def _runs(change: StageChange) -> bool:
    return change.node.bodies[change.platform].runs


# ── to be shown


def forecast_as_text(found: Forecast) -> list[str]:
    """Return a forecast for people, in a few lines."""
    return list(_lines(found))


def _lines(found: Forecast) -> Iterator[str]:
    path, work = _told(found.path_seconds), _told(found.work_seconds)
    at_once = f"{found.parallelism:.1f} stages at once as in the last bake"
    yield f"about {_told(found.expected_seconds)}: {work} of work, {at_once}; no machine needs less than {path}"
    yield f"critical path: {' → '.join(_steps(found))}"
    worth = [
        f"{name} (up to {_told(seconds)} less)"
        for name, seconds in found.saved.items()
        if seconds >= _LEAST * found.path_seconds
    ]
    if worth:
        yield f"worth making faster: {', '.join(worth)}"
    if found.elsewhere:
        sources = sorted({found.measured[t].source for t in found.tasks if t in found.measured} - {""})
        yield f"{_some(found.elsewhere)}: measured on {', '.join(sources)} only"
    if found.unknown:
        yield f"{_some(found.unknown)}: never measured, counted as nothing"


def _steps(found: Forecast) -> Iterator[str]:
    """Yield the critical path's stages with their times; what takes next to none of it is counted."""
    shown = [task for task in found.path if task in found.measured and found.measured[task].seconds]
    light = [t for t in shown if found.measured[t].seconds < _LEAST * found.path_seconds]
    for task in shown:
        if task not in light:
            seconds, where = found.measured[task].seconds, _where(found, task)
            yield f"{found.tasks[task].name} {_told(seconds)}{where}"
    if light:
        seconds = sum(found.measured[task].seconds for task in light)
        yield f"{len(light)} more {_told(seconds)}"


def _where(found: Forecast, task: Task) -> str:
    change = found.tasks[task]
    if found.measured[task].emulated and not change.node.native:
        return f" ({change.platform}, emulated)"
    several = len({one.platform for one in found.tasks.values()}) > 1
    return f" ({change.platform})" if several and task[1] and not change.node.native else ""


def _some(changes: list[StageChange]) -> str:
    names = list(dict.fromkeys(change.name for change in changes))
    more = f" and {len(names) - MAX_SHOWN} more" if names[MAX_SHOWN:] else ""
    return ", ".join(names[:MAX_SHOWN]) + more


def _told(seconds: float) -> str:
    """Return seconds as exact as they are worth telling."""
    return told_duration(round(seconds, 1) if seconds < 10 else float(round(seconds)))


def forecast_as_data(found: Forecast | None) -> dict[str, Any] | None:
    """Return a forecast as data: `time` in what `plan --json` prints. Seconds throughout."""
    if found is None:
        return None
    return {
        "version": 1,
        "expected_seconds": round(found.expected_seconds, 3),
        "critical_path_seconds": round(found.path_seconds, 3),
        "work_seconds": round(found.work_seconds, 3),
        "parallelism": round(found.parallelism, 3),
        "useful_parallelism": round(found.work_seconds / found.path_seconds, 3) if found.path_seconds else 1.0,
        "critical_path": [_stage(found, task) for task in found.path],
        "worth_making_faster": [
            {"recipe": name, "saves_seconds": round(seconds, 3)} for name, seconds in found.saved.items()
        ],
        "measured_elsewhere": [_named(one) for one in found.elsewhere],
        "never_measured": [_named(one) for one in found.unknown],
    }


def _stage(found: Forecast, task: Task) -> dict[str, Any]:
    change, known = found.tasks[task], found.measured.get(task)
    return {
        **_named(change),
        "recipe": change.node.recipe,
        "seconds": round(known.seconds, 3) if known else None,
        "native": change.node.native,
        "emulated": bool(known and known.emulated and not change.node.native),
    }


def _named(change: StageChange) -> dict[str, str]:
    return {"target": change.node.target, "stage": change.name, "platform": change.platform}

"""The stages of a build as one HTML page: layers, critical path, what is up to date, and why not."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any

from markupsafe import Markup

from edgebake.graph.inputs import requirements_path
from edgebake.graph.node import Node
from edgebake.inspect.graphs import LAYERS, stage_graph, stage_layers
from edgebake.inspect.svg import CAPTIONS, STYLE, draw, title_of
from edgebake.plan.builder import Plan
from edgebake.plan.changes import SEVERITY, StageChange
from edgebake.plan.critical_path import critical_path
from edgebake.templating.pages import render_page

_MARKS = {"same": "=", "changed": "~", "new": "+"}
_NAMED = 3  # images in a title


def graph_page(plan: Plan, reason: Callable[[StageChange], str]) -> str:
    """Return the page of what a plan's bake targets are made from.

    Args:
        plan: what would be built, and why, and what its stages took.
        reason: returns why a stage is built, as prose.
    """
    page = _Page(plan, reason)
    texts = {"title": page.title, "subtitle": page.subtitle}
    drawing = {"drawing_style": Markup(STYLE), "shapes": Markup(page.drawing.shapes)}  # escaped where it was made
    return render_page(plan.compilation.workspace.root, "graph", **texts, **drawing, data=page.data())


class _Page:
    def __init__(self, plan: Plan, reason: Callable[[StageChange], str]) -> None:
        self._plan = plan
        self._reason = reason
        bake_targets = [target.bake_target for target in plan.targets]
        self._graph = stage_graph(plan.compilation, bake_targets, plan.scope.request.platforms)
        self._numbers = {name: number for number, name in enumerate(self._graph)}
        self.drawing = draw(self._graph, layered=True)

    # ── words

    @property
    def title(self) -> str:
        images = list(dict.fromkeys(target.bake_target.image for target in self._plan.targets))
        more = f" and {len(images) - _NAMED} more" if images[_NAMED:] else ""
        return f"Build graph: {', '.join(images[:_NAMED])}{more}"

    @property
    def subtitle(self) -> str:
        targets = [name for name, *_ in self.drawing.panels]
        on = f"{len(targets)} targets" if targets[_NAMED:] else ", ".join(targets)
        platforms = dict.fromkeys(p for target in self._plan.targets for p in target.platforms)
        return f"{len(self._graph)} stages · {on} · {', '.join(platforms)}"

    # ── what is known of stages

    @cached_property
    def _nodes(self) -> dict[str, Node]:
        graph, names = self._plan.compilation.graph, self._plan.compilation.names
        return {f"{node.target}/{names[node.target][node.id]}": node for node in graph}

    @cached_property
    def _changes(self) -> dict[tuple[str, str], StageChange]:
        """Why stages are built, by name and platform; of several bake targets the strongest reason."""
        found: dict[tuple[str, str], StageChange] = {}
        for target in self._plan.targets:
            for change in target.changes:
                key = (f"{change.node.target}/{change.name}", change.platform)
                found[key] = max(found.get(key, change), change, key=_severity)
        return found

    @cached_property
    def _seconds(self) -> dict[str, dict[str, float]]:
        """Seconds by platform, of the stages that were ever measured, be it on another target or platform."""
        found: dict[str, dict[str, float]] = {}
        for name, facts in self._graph.nodes(data=True):
            for platform in facts["platforms"]:
                native = self._nodes[name].native
                measured = self._plan.times.of(facts["target"], facts["stage"], platform, native=native)
                if measured is not None:
                    found.setdefault(name, {})[platform] = round(measured.seconds, 2)
        return found

    # ── data for the page's program

    def data(self) -> dict[str, Any]:
        """Return what the page's program knows. Nodes are known by their number."""
        graph = self._graph
        # What was never measured takes nothing; if nothing was, each stage counts as one.
        least = 0.0 if self._seconds else 1.0
        seconds = {name: max(self._seconds.get(name, {}).values(), default=least) for name in graph}
        needs = {name: list(graph.predecessors(name)) for name in graph}
        done = critical_path(seconds, needs).done
        layers = stage_layers(graph)
        nodes = [
            {
                **self._node(name),
                "layer": LAYERS[layers[name]],
                "total": round(done[name], 2),
                "before": self._numbers[max(needs[name], key=done.__getitem__)] if needs[name] else -1,
            }
            for name in graph
        ]
        edges = [[self._numbers[source], self._numbers[end]] for source, end in graph.edges]
        panels = [self._panel(panel, seconds, needs) for panel in self.drawing.panels]
        return {"measured": bool(self._seconds), "panels": panels, "nodes": nodes, "edges": edges}

    def _panel(
        self, panel: tuple[str, float, float, float], seconds: Mapping[str, float], needs: Mapping[str, list[str]]
    ) -> dict[str, Any]:
        target, y, width, height = panel
        own = {name: took for name, took in seconds.items() if self._graph.nodes[name]["target"] == target}
        path = critical_path(own, needs)
        return {
            "target": target,
            "box": [0, y, width, height],
            "critical": [self._numbers[name] for name in path.nodes],
            "seconds": round(path.seconds, 2),
        }

    def _node(self, name: str) -> dict[str, Any]:
        facts, node = self._graph.nodes[name], self._nodes[name]
        changes = {p: self._changes[name, p] for p in facts["platforms"] if (name, p) in self._changes}
        worst = max(changes.values(), key=_severity, default=None)
        return {
            "title": title_of(facts["label"], facts["kind"]),
            "label": facts["label"],
            "kind": facts["kind"],
            "caption": CAPTIONS[facts["kind"]],
            "target": facts["target"],
            "stage": facts["stage"],
            "platforms": facts["platforms"],
            "native": facts["native"],
            "bake_targets": facts["bake_targets"],
            "mark": _MARKS[_state(worst)] if worst else "",
            "state": _state(worst) if worst else "",
            "states": {p: (_MARKS[_state(change)], self._reason(change)) for p, change in changes.items()},
            "seconds": self._seconds.get(name, {}),
            "files": list(dict.fromkeys(self._files(node, facts["platforms"]))),
            "fields": list(dict.fromkeys(key for p in facts["platforms"] for key, _ in node.bodies[p].parts)),
            "box": self.drawing.boxes[name],
        }

    def _files(self, node: Node, platforms: Iterable[str]) -> Iterator[str]:
        output = self._plan.compilation.workspace.project.output
        name = self._plan.compilation.names[node.target][node.id]
        for body in (node.bodies[platform] for platform in platforms):
            yield from (f"{output}/{requirements_path(node.target, name, one.name)}" for one in body.own)
            yield from (one.path(output) for one in body.ops.inputs)


def _severity(change: StageChange) -> int:
    return SEVERITY.index(change.state)


def _state(change: StageChange) -> str:
    return change.state if change.state in ("same", "new") else "changed"

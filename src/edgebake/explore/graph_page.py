"""The stages of a build as one HTML page: layers, critical path, what is up to date, and why not."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from functools import cached_property
from typing import Any

from markupsafe import Markup

from edgebake.explore.graphs import stage_graph
from edgebake.explore.layers import LAYERS, stage_layers
from edgebake.explore.measured import Measured, measured_seconds, seconds_of
from edgebake.explore.svg import CAPTIONS, STYLE, draw, title_of
from edgebake.graph.node import Node
from edgebake.journal import Entry
from edgebake.longest import critical_path, longest_ways
from edgebake.pages import render_page
from edgebake.plan.builder import Plan
from edgebake.plan.changes import SEVERITY, StageChange
from edgebake.plan.explain import told_change

_STATES = {"=": "same", "~": "changed", "+": "new"}
_NAMED = 3  # images in a title


def graph_page(plan: Plan, entries: Iterable[Entry]) -> str:
    """Return the page of what a plan's bake targets are made from.

    Args:
        plan: what would be built, and why.
        entries: the journal's, which tell what stages took.
    """
    page = _Page(plan, measured_seconds(entries, plan.compilation))
    return render_page(
        plan.compilation.workspace.root,
        "graph",
        title=page.title,
        subtitle=page.subtitle,
        drawing_style=Markup(STYLE),
        shapes=Markup(page.drawing.shapes),  # escaped where it was made
        data=page.data(),
    )


class _Page:
    def __init__(self, plan: Plan, measured: Measured) -> None:
        self._plan = plan
        self._measured = measured
        bake_targets = [target.bake_target for target in plan.targets]
        self._graph = stage_graph(plan.compilation, bake_targets, plan.selection.platforms)
        self._numbers = {name: number for number, name in enumerate(self._graph)}
        self._changes = self._worst_changes()
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

    def _worst_changes(self) -> dict[tuple[str, str], StageChange]:
        """Return why stages are built, by name and platform; of several bake targets the strongest reason."""
        found: dict[tuple[str, str], StageChange] = {}
        for target in self._plan.targets:
            for change in target.changes:
                key = (f"{change.node.target}/{change.name}", change.platform)
                found[key] = max(found.get(key, change), change, key=lambda one: SEVERITY.index(one.state))
        return found

    @cached_property
    def _seconds(self) -> dict[str, dict[str, float]]:
        """Seconds by platform, of the stages that were ever measured."""
        found: dict[str, dict[str, float]] = {}
        for name, facts in self._graph.nodes(data=True):
            for platform in facts["platforms"]:
                seconds = seconds_of(self._measured, self._nodes[name], facts["stage"], platform)
                if seconds is not None:
                    found.setdefault(name, {})[platform] = round(seconds, 2)
        return found

    # ── data for the page's program

    def data(self) -> dict[str, Any]:
        """Return what the page's program knows. Nodes are known by their number."""
        graph = self._graph
        weights = {name: max(several.values()) for name, several in self._seconds.items()}
        ways = longest_ways({name: graph.predecessors(name) for name in graph}, weights)
        layers = stage_layers(graph)
        panels = []
        for target, y, width, height in self.drawing.panels:
            own = {name: ways[name] for name in graph if graph.nodes[name]["target"] == target}
            path = critical_path(own)
            panels.append(
                {
                    "target": target,
                    "box": [0, y, width, height],
                    "critical": [self._numbers[name] for name in path],
                    "seconds": round(own[path[-1]].weight[0], 2) if path else 0,
                }
            )
        nodes = []
        for name in graph:
            way = ways[name]
            before = self._numbers[way.before] if way.before else -1
            nodes.append(
                {
                    **self._node(name),
                    "layer": LAYERS[layers[name]],
                    "total": round(way.weight[0], 2),
                    "before": before,
                }
            )
        edges = [[self._numbers[source], self._numbers[end]] for source, end in graph.edges]
        return {"measured": bool(weights), "panels": panels, "nodes": nodes, "edges": edges}

    def _node(self, name: str) -> dict[str, Any]:
        facts, node = self._graph.nodes[name], self._nodes[name]
        changes = {p: self._changes[name, p] for p in facts["platforms"] if (name, p) in self._changes}
        worst = max(changes.values(), key=lambda one: SEVERITY.index(one.state), default=None)
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
            "mark": told_change(worst)[0] if worst else "",
            "state": _STATES[told_change(worst)[0]] if worst else "",
            "states": {platform: told_change(change) for platform, change in changes.items()},
            "seconds": self._seconds.get(name, {}),
            "files": list(self._files(node, facts["platforms"])),
            "fields": list(dict.fromkeys(key for key, _ in self._parts(node, facts["platforms"]))),
            "box": self.drawing.boxes[name],
        }

    def _files(self, node: Node, platforms: Iterable[str]) -> Iterator[str]:
        yield from dict.fromkeys(one.path for platform in platforms for one in node.bodies[platform].inputs)

    def _parts(self, node: Node, platforms: Iterable[str]) -> Iterator[tuple[str, str]]:
        yield from (part for platform in platforms for part in node.bodies[platform].parts)

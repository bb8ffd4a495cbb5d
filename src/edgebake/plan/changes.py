"""Why a stage is built: new, directly modified, indirectly modified, moved, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.node import Node, StageAt
from edgebake.plan.fingerprint import Fingerprint, Fingerprints
from edgebake.plan.record import StageRecord

State = Literal["new", "direct", "indirect", "moved", "same"]
SEVERITY: tuple[State, ...] = ("same", "moved", "indirect", "direct", "new")


@dataclass(frozen=True)
class StageChange:
    """A stage on one platform, and why it is built."""

    node: Node  # the stage
    name: str  # its name in the Dockerfile
    key: str  # what it is remembered under
    platform: str  # the platform
    # `new`: never built here. `direct`: its own inputs changed. `indirect`: something that it needs changed.
    # `moved`: only its place changed, behind a change in the install line. `same`: up to date.
    state: State
    # for `direct` the inputs that changed; for `indirect` the recipes that it needs, and parts of its own recipe;
    # for `moved` the recipe in front, none if something in front is gone
    causes: tuple[str, ...]
    fingerprint: Fingerprint  # what it is built from now

    @property
    def at(self) -> StageAt:
        """The stage, on the platform."""
        return StageAt(*self.node.key, self.platform)


class Comparison:
    """Compares a bake target's stages on one platform with what was built last.

    Args:
        graph: the build graph.
        fingerprints: what stages are built from now.
        platform: the platform.
        names: the stages' names in the Dockerfile, by id.
        keys: what they are remembered under, by id.
        before: what they were built from, by key.
        built: fingerprints of everything that was built, for whatever bake target.
    """

    def __init__(
        self,
        graph: BuildGraph,
        fingerprints: Fingerprints,
        platform: str,
        names: Mapping[str, str],
        keys: Mapping[str, str],
        before: Mapping[str, StageRecord],
        built: Collection[str],
    ) -> None:
        self._graph = graph
        self._fingerprints = fingerprints
        self._platform = platform
        self._names = names
        self._keys = keys
        self._before = before
        self._built = built
        self._changes: dict[str, StageChange] = {}

    def changes(self, nodes: Sequence[Node]) -> list[StageChange]:
        """Return the changes of stages, each of which comes after its parents; without those that are empty."""
        for node in nodes:
            if self._platform in node.bodies and not node.bodies[self._platform].empty:
                self._changes[node.id] = self._change(node)
        return list(self._changes.values())

    def _change(self, node: Node) -> StageChange:
        key, fingerprint = self._keys[node.id], self._fingerprints.of(node, self._platform)
        state, causes = self._judge(node, fingerprint, self._before.get(key))
        return StageChange(node, self._names[node.id], key, self._platform, state, tuple(causes), fingerprint)

    def _judge(
        self, node: Node, fingerprint: Fingerprint, known: StageRecord | None
    ) -> tuple[State, Iterable[str]]:
        if fingerprint.digest in self._built:
            return "same", ()
        if known is None:
            return "new", ()
        if fingerprint.own != known.own:
            return "direct", _changed_parts(dict(fingerprint.parts), known.parts)
        changed = [s for s, digest in fingerprint.parents if known.parents.get(self._keys[s]) != digest]
        line = self._in_front(node)
        if node.kind not in ("install", "tool"):
            return "indirect", self._blamed(changed, node)
        own = [stage for stage in changed if stage != node.bodies[self._platform].parent]
        causes = dict.fromkeys([*self._blamed(own, node), *self._changed_needs(node)])
        if causes:
            return "indirect", causes
        if line is not None and not line.node.recipe:
            return "indirect", self._blamed([line.node.id], node)
        return "moved", self._blamed([line.node.id], node) if line else ()

    def _in_front(self, node: Node) -> StageChange | None:
        """Return the nearest change in front of a stage in its line that is more than one of place or base."""
        line = node.bodies[self._platform].parent
        while line:
            change = self._changes.get(line)
            if change is not None and change.state not in ("moved", "same") and change.causes != (_BASE,):
                return change
            line = self._graph.node(node.target, line).bodies[self._platform].parent
        return None

    def _changed_needs(self, node: Node) -> list[str]:
        """Return the recipes that this one needs and that changed themselves, not only their place."""
        pin = node.pins.get(self._platform)
        needs = pin.requires if pin is not None else frozenset()
        return sorted(
            change.node.recipe
            for change in self._changes.values()
            if change.node.kind == node.kind
            and change.node.recipe in needs
            and change.state in ("new", "direct", "indirect")
            and change.causes != (_BASE,)
        )

    def _blamed(self, stages: Iterable[str], node: Node) -> list[str]:
        """Return what to blame for changed parents of a stage, each once."""
        return list(dict.fromkeys(name for stage in stages for name in self._blame(stage, node)))

    def _blame(self, stage: str, node: Node) -> Iterator[str]:
        change = self._changes.get(stage)
        if change is None:  # empty on this platform: what is in front of it counts
            parent = self._graph.node(node.target, stage).bodies[self._platform].parent
            yield from self._blame(parent, node) if parent else ()
        elif change.state == "moved":
            yield from change.causes or (change.node.recipe,)
        elif change.node.recipe and change.node.recipe != node.recipe:
            yield change.node.recipe
        elif change.state == "indirect":
            yield from change.causes
        else:
            yield _PARTS_OF_A_RECIPE.get(change.node.kind, change.node.title)


_BASE = "the base image"
_PARTS_OF_A_RECIPE = {
    "base": _BASE,
    "native": _BASE,
    "sysroot": "its libraries",
    "build": "its build half",
    "fetch": "its Python packages",
    "artifact": "its artifact",
}


def _changed_parts(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Name the inputs that changed: fields of the recipe and files if any did, else the instructions."""
    differing = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    if "python packages" in differing:  # they say it better than the requirements that they follow from
        differing = [name for name in differing if name != "recipe pip"]
    named = [name for name in differing if name != "instructions"]
    return [name.removeprefix("recipe ") for name in named or differing]

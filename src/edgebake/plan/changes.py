"""Why a stage is built: new, directly modified, indirectly modified, moved, or not at all."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import field
from typing import Literal

from edgebake.dataclasses import dataclass
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


@dataclass
class Comparison:
    """Compares a bake target's stages on one platform with what was built last."""

    fingerprints: Fingerprints  # what stages are built from now
    platform: str
    keys: Mapping[str, str]  # what they are remembered under, by id
    before: Mapping[str, StageRecord]  # what they were built from, by key
    built: Collection[str]  # fingerprints of everything that was built, for whatever bake target
    _changes: dict[str, StageChange] = field(default_factory=dict)

    def changes(self, nodes: Sequence[Node]) -> list[StageChange]:
        """Return the changes of stages, each of which comes after its parents; without those that are empty."""
        for node in nodes:
            if self.platform in node.bodies and not node.bodies[self.platform].empty:
                self._changes[node.id] = self._change(node)
        return list(self._changes.values())

    def _change(self, node: Node) -> StageChange:
        key, fingerprint = self.keys[node.id], self.fingerprints.of(node, self.platform)
        state, causes = self._judge(node, fingerprint, self.before.get(key))
        name = self.fingerprints.compilation.names[node.target][node.id]
        return StageChange(node, name, key, self.platform, state, tuple(causes), fingerprint)

    def _judge(
        self, node: Node, fingerprint: Fingerprint, known: StageRecord | None
    ) -> tuple[State, Iterable[str]]:
        if fingerprint.digest in self.built:
            return "same", ()
        if known is None:
            return "new", ()
        if fingerprint.own != known.own:
            return "direct", _changed_parts(dict(fingerprint.parts), known.parts)
        changed = [s for s, digest in fingerprint.parents if known.parents.get(self.keys[s]) != digest]
        line = self._in_front(node)
        if node.kind not in ("install", "tool"):
            return "indirect", self._blamed(changed, node)
        own = [stage for stage in changed if stage != node.bodies[self.platform].parent]
        causes = dict.fromkeys([*self._blamed(own, node), *self._changed_needs(node)])
        if causes:
            return "indirect", causes
        if line is not None and not line.node.recipe:
            return "indirect", self._blamed([line.node.id], node)
        return "moved", self._blamed([line.node.id], node) if line else ()

    def _in_front(self, node: Node) -> StageChange | None:
        """Return the nearest stage in front of one in its line that changed itself."""
        line = node.bodies[self.platform].parent
        while line:
            change = self._changes.get(line)
            if change is not None and _changed_itself(change):
                return change
            line = self.fingerprints.compilation.graph.node(node.target, line).bodies[self.platform].parent
        return None

    def _changed_needs(self, node: Node) -> list[str]:
        """Return the recipes that this one needs and that changed themselves, not only their place."""
        pin = node.pins.get(self.platform)
        needs = pin.requires if pin is not None else frozenset()
        alike = (change for change in self._changes.values() if change.node.kind == node.kind)
        return sorted(c.node.recipe for c in alike if c.node.recipe in needs and _changed_itself(c))

    def _blamed(self, stages: Iterable[str], node: Node) -> list[str]:
        """Return what to blame for changed parents of a stage, each once."""
        return list(dict.fromkeys(name for stage in stages for name in self._blame(stage, node)))

    def _blame(self, stage: str, node: Node) -> Iterator[str]:
        change = self._changes.get(stage)
        if change is None:  # empty on this platform: what is in front of it counts
            parent = self.fingerprints.compilation.graph.node(node.target, stage).bodies[self.platform].parent
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
    "source": "its sources",
    "sysroot": "its libraries",
    "build": "its build half",
    "fetch": "its Python packages",
    "artifact": "its artifact",
    "check": "the check of its packages",
}


def _changed_itself(change: StageChange) -> bool:
    """Return whether more of a stage changed than its place or the base."""
    return change.state not in ("moved", "same") and change.causes != (_BASE,)


def _changed_parts(now: Mapping[str, str], before: Mapping[str, str]) -> list[str]:
    """Name the inputs that changed: fields of the recipe and files if any did, else the instructions."""
    differing = [name for name in {**now, **before} if now.get(name) != before.get(name)]
    if "python packages" in differing:  # they say it better than the requirements that they follow from
        differing = [name for name in differing if name != "recipe pip"]
    named = [name for name in differing if name != "instructions"]
    return [name.removeprefix("recipe ") for name in named or differing]


# ── the strongest reason of several changes


@dataclass(frozen=True)
class Cause:
    """An input, a recipe or a part of one that changed. `recipe` says whose input it is, if that is unclear."""

    what: str
    recipe: str = ""


@dataclass(frozen=True)
class Reason:
    """Why stages are built, or not, on some platforms: their state and what caused it."""

    state: State
    causes: tuple[Cause, ...]
    platforms: tuple[str, ...]


def worst_state(changes: Sequence[StageChange]) -> State:
    """Return the state of what changed most; `same` if there are no changes."""
    return max((change.state for change in changes), key=SEVERITY.index, default="same")


def reasons(changes: Sequence[StageChange], *, several: bool = False) -> tuple[Reason, ...]:
    """Return the strongest reason on each platform; platforms with the same reason are together.

    Args:
        changes: changes that are shown as one.
        several: whether they are of several recipes, so that a cause has to name its own.
    """
    found: dict[tuple[State, tuple[Cause, ...]], list[str]] = {}
    for platform in dict.fromkeys(change.platform for change in changes):
        here = [change for change in changes if change.platform == platform]
        state = worst_state(here)
        causes = _causes([change for change in here if change.state == state], several)
        found.setdefault((state, causes), []).append(platform)
    return tuple(Reason(state, causes, tuple(platforms)) for (state, causes), platforms in found.items())


def _causes(changes: Sequence[StageChange], several: bool) -> tuple[Cause, ...]:
    """Return the causes of changes in one state, each once."""
    causes: dict[Cause, None] = {}
    for change in changes:
        recipe = change.node.recipe if several and change.state == "direct" else ""
        causes |= dict.fromkeys(Cause(what, recipe) for what in change.causes)
    # If another recipe changed, what follows from that in the recipe's own parts needs no mention.
    others = tuple(cause for cause in causes if not cause.what.startswith("its "))
    return others or tuple(causes)

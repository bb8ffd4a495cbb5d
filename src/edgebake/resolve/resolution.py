"""From what an image asks for to a pinned set of releases on one target and platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep, Resolver

from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import LoadedRecipe
from edgebake.model.recipe import Additions, Recipe, Release
from edgebake.model.requirement import Requirement
from edgebake.resolve.candidates import Candidate, CandidatePool, flavours_of
from edgebake.resolve.explain import explain_conflict, explain_cycle, explain_unknown
from edgebake.resolve.provider import Ask, Provider, additions


@dataclass(frozen=True)
class Root:
    """One request of an image: the requirement, and where it was written."""

    requirement: Requirement
    at: Position | None = None


@dataclass(frozen=True)
class Pin:
    """A recipe at one release, with the flavours that were asked for."""

    loaded: LoadedRecipe
    release: Release
    candidate: Candidate
    flavours: tuple[str, ...] = ()
    requires: frozenset[str] = frozenset()
    """Recipes that it needs at run time (none that the base brings)."""
    libraries: frozenset[str] = frozenset()
    """Recipes that it is compiled against."""

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    @property
    def name(self) -> str:
        return self.loaded.name

    @cached_property
    def additions(self) -> tuple[Additions, ...]:
        """The release and the variant."""
        return additions(self.candidate)

    @property
    def version(self) -> str:
        """The release's version, or "" if the recipe has none."""
        return self.release.version if self.loaded.is_versioned or self.release.version != "0" else ""

    @property
    def title(self) -> str:
        """Name, flavours and version, for people."""
        flavours = f"[{','.join(self.flavours)}]" if self.flavours else ""
        return f"{self.name}{flavours} {self.version}".rstrip()


@dataclass(frozen=True)
class Resolution:
    """The releases that an image gets on one target and platform.

    `installed` are the recipes that go into the image; `pins` also has those that are only compiled against.
    `provided` are the names that need no recipe, with the reason.
    """

    pins: dict[str, Pin]
    installed: tuple[str, ...]
    provided: dict[str, str] = field(default_factory=dict)


def resolve(pool: CandidatePool, roots: Sequence[Root], *, what: str) -> Resolution:
    """Pin the releases for `roots`.

    Args:
        pool: the candidates of the target and platform.
        roots: what is asked for.
        what: who asks, as prose ("image 'detector'").

    Raises:
        EdgebakeError: an unknown name, a conflict (told in prose), or a cycle (told as a path).
    """
    asks = [_root_ask(pool, root, what) for root in roots]
    explicit = frozenset(ask.requirement.name for ask in asks)
    provider = Provider(pool, explicit)
    resolver: Resolver[Ask, Candidate, str] = Resolver(provider, BaseReporter())
    at = next((root.at for root in roots if root.at), None)
    try:
        result = resolver.resolve(asks, max_rounds=200_000)
    except ResolutionImpossible as error:
        raise explain_conflict(list(error.causes), pool, what=what, at=_blame(error.causes, roots, at)) from None
    except ResolutionTooDeep:
        raise EdgebakeError(f"{what}: no fitting releases were found in 200,000 rounds", at=at) from None
    return _resolution(pool, result.mapping, asks, provider, what, at)


def _root_ask(pool: CandidatePool, root: Root, what: str) -> Ask:
    name = pool.catalogue.canonical(root.requirement.name)
    if name is None:
        if pool.catalogue.providers(root.requirement.name) or pool.fact(root.requirement.name):
            name = root.requirement.name
        else:
            raise explain_unknown(root.requirement, pool.catalogue, at=root.at, asker=None)
    origin = f"{what} ({root.at})" if root.at else what
    return Ask(root.requirement.named(name), "run", origin)


def _blame(causes: Iterable[Any], roots: Sequence[Root], default: Position | None) -> Position | None:
    """Return where the image asked for one of the names in conflict."""
    names = {cause.requirement.requirement.name for cause in causes}
    return next((root.at for root in roots if root.requirement.name in names and root.at), default)


def _resolution(
    pool: CandidatePool,
    mapping: Any,
    asks: Sequence[Ask],
    provider: Provider,
    what: str,
    at: Position | None,
) -> Resolution:
    chosen: dict[str, Candidate] = {}
    stands_for: dict[str, str] = {}
    for identifier, candidate in mapping.items():
        if candidate.stands_for:
            stands_for[identifier] = candidate.name
        elif not candidate.absent:
            chosen[identifier] = candidate
    needs = {name: list(provider.get_dependencies(candidate)) for name, candidate in chosen.items()}
    wanted = _flavours(chosen, [*asks, *(ask for own in needs.values() for ask in own)], stands_for)

    def names(own: list[Ask], kind: str) -> frozenset[str]:
        found = (stands_for.get(a.requirement.name, a.requirement.name) for a in own if a.kind == kind)
        return frozenset(name for name in found if name in chosen and chosen[name].loaded is not None)

    pins = {}
    for name in sorted(chosen):
        candidate = chosen[name]
        if candidate.loaded is None or candidate.release is None:
            continue
        own = needs[name]
        pins[name] = Pin(
            candidate.loaded,
            candidate.release,
            candidate,
            wanted[name],
            requires=names(own, "run"),
            libraries=names(own, "library"),
        )
    cycle = find_cycle({name: pin.requires | pin.libraries for name, pin in pins.items()})
    if cycle:
        raise explain_cycle(cycle, what=what, at=at)
    roots = names(list(asks), "run")
    provided = {name: f"{c.version}, {c.note}" for name, c in sorted(chosen.items()) if c.loaded is None}
    return Resolution(pins, tuple(sorted(_reachable(pins, roots))), provided)


def _flavours(
    chosen: dict[str, Candidate], asks: list[Ask], stands_for: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return, by recipe, the flavours that anybody asked for, in the recipe's order; else its first one."""
    asked: dict[str, set[str]] = {name: set() for name in chosen}
    for ask in asks:
        name = stands_for.get(ask.requirement.name, ask.requirement.name)
        if ask.kind != "forbid" and name in chosen:
            asked[name].update(chosen[name].wanted_flavours(ask.requirement) or ())
    result = {}
    for name, candidate in chosen.items():
        known = flavours_of(candidate.loaded, candidate.release) if candidate.loaded and candidate.release else ()
        result[name] = tuple(f for f in known if f in asked[name]) or known[:1]
    return result


def _reachable(pins: dict[str, Pin], roots: Iterable[str]) -> set[str]:
    found: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in found:
            found.add(name)
            todo.extend(pins[name].requires)
    return found


def find_cycle(edges: dict[str, frozenset[str]]) -> list[str] | None:
    """Return a cycle as a path that ends where it starts, or None. The same one for the same edges."""
    done: set[str] = set()
    for start in sorted(edges):
        path: list[str] = []
        on_path: set[str] = set()
        stack: list[tuple[str, bool]] = [(start, False)]
        while stack:
            name, leaving = stack.pop()
            if leaving:
                path.pop()
                on_path.discard(name)
                done.add(name)
            elif name in on_path:
                return [*path[path.index(name) :], name]
            elif name not in done:
                path.append(name)
                on_path.add(name)
                stack.append((name, True))
                stack.extend((other, False) for other in sorted(edges.get(name, ()), reverse=True))
    return None

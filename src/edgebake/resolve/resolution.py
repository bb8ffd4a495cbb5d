"""From what an image asks for to a pinned set of releases on one target and platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from heapq import heappop, heappush
from itertools import pairwise

from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep, Resolver
from resolvelib.resolvers import Criterion, RequirementInformation, Result

from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import LoadedRecipe
from edgebake.load.document import Place, position_of
from edgebake.model.recipe import Additions, Recipe, Release
from edgebake.model.requirement import Requirement
from edgebake.resolve.ask import Ask
from edgebake.resolve.candidates import Candidate, CandidatePool, flavours_of
from edgebake.resolve.explain import Conflict, Failure, explain_conflict, explain_cycle, explain_unknown
from edgebake.resolve.provider import Provider, additions
from edgebake.resolve.python_choice import PYTHON, other_pythons, with_wanted_python

_ROUNDS = 200_000
_ROUNDS_TO_EXPLAIN = 2_000


@dataclass(frozen=True)
class Root:
    """One request of an image: the requirement, and where it was written."""

    requirement: Requirement
    place: Place | None = None

    @property
    def at(self) -> Position | None:
        """Where it was written, as a position."""
        return position_of(self.place)


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

    @cached_property
    def title(self) -> str:
        """Name, flavours and version, for people."""
        flavours = f"[{','.join(self.flavours)}]" if self.flavours else ""
        return f"{self.name}{flavours} {self.version}".rstrip()


@dataclass(frozen=True)
class Provided:
    """What needs no recipe: its version, and a note on who brings it."""

    version: str
    note: str

    def __str__(self) -> str:
        return f"{self.version}, {self.note}"


@dataclass(frozen=True)
class Resolution:
    """The releases that an image gets on one target and platform.

    `installed` are the recipes that go into the image; `pins` also has those that are only compiled against.
    `provided` are the names that need no recipe; `stands_for` those that a recipe provides, with
    the recipe. `asks` is all that is asked: by the image itself, then by its recipes, by name.
    """

    pins: dict[str, Pin]
    installed: tuple[str, ...]
    provided: dict[str, Provided] = field(default_factory=dict)
    stands_for: dict[str, str] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()


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
    try:
        mapping = _without_going_back(pool, asks)
        if mapping is None:
            mapping = _attempt(pool, asks, _Recorder(), _ROUNDS).mapping
    except ResolutionImpossible:
        raise explain_conflict(*_failure(pool, asks), what=what) from None
    except ResolutionTooDeep:
        raise EdgebakeError(
            f"{what}: no fitting releases were found in {_ROUNDS:,} rounds",
            at=next((root.at for root in roots if root.at), None),
            hints=("ask for exact versions",),
        ) from None
    return _resolution(pool, mapping, asks, what)


def _without_going_back(pool: CandidatePool, asks: Sequence[Ask]) -> Mapping[str, Candidate] | None:
    """Return what the resolver pins if it never has to take back a choice; None if it would have to.

    It decides name by name in the resolver's order, and takes the best candidate for what is asked so far. That is
    the usual case, and takes a fraction of the resolver's time.
    """
    explicit = frozenset(ask.name for ask in asks)
    provider = Provider(pool, explicit)
    wanted: dict[str, list[Ask]] = {}
    chosen: dict[str, Candidate] = {}
    names: list[tuple[bool, str]] = []  # asked for and not chosen yet: a heap
    try:
        new: Iterable[Ask] = asks
        while True:
            for ask in new:
                known = wanted.setdefault(ask.name, [])
                if ask.kind != "forbid" and all(other.kind == "forbid" for other in known):
                    heappush(names, (ask.name not in explicit, ask.name))
                known.append(ask)
            if not names:
                return chosen
            _, name = heappop(names)
            best = _first_that_fits(provider, name, wanted, chosen)
            if best is None:
                return None
            chosen[name] = best
            new = provider.get_dependencies(best)
    except EdgebakeError:
        return None  # maybe of a release that the resolver never comes to; else it tells of it


def _first_that_fits(
    provider: Provider, name: str, wanted: Mapping[str, list[Ask]], chosen: Mapping[str, Candidate]
) -> Candidate | None:
    """Return the first candidate for a name whose own needs agree with all that is asked and chosen so far.

    None if there is none, or if one is met for which the resolver would choose another name's candidate anew.
    """
    best = provider.best(name, wanted[name])
    if best is None or not _clashes(provider, best, wanted, chosen):
        return best
    for candidate in provider.matching(name, wanted[name]):
        clashes = _clashes(provider, candidate, wanted, chosen)
        if not clashes:
            return candidate
        if all(provider.best(ask.name, [*wanted.get(ask.name, ()), ask]) for ask in clashes):
            return None
    return None


def _clashes(
    provider: Provider, candidate: Candidate, wanted: Mapping[str, list[Ask]], chosen: Mapping[str, Candidate]
) -> list[Ask]:
    """Return what a candidate needs that is chosen otherwise, or that nothing can satisfy beside what is asked."""
    found = []
    for ask in provider.get_dependencies(candidate):
        if ask.name in chosen:
            fits = provider.is_satisfied_by(ask, chosen[ask.name])
        else:
            asked = [*wanted.get(ask.name, ()), ask]
            fits = ask.kind == "forbid" or not ask.requirement.narrows or bool(provider.best(ask.name, asked))
        if not fits:
            found.append(ask)
    return found


def _root_ask(pool: CandidatePool, root: Root, what: str) -> Ask:
    name = pool.canonical(root.requirement.name)
    if name is None:
        raise explain_unknown(root.requirement, pool.catalogue, at=root.at, asker=None)
    return Ask(root.requirement.named(name), "run", what, None, root.place)


class _Recorder(BaseReporter[Ask, Candidate, str]):
    """Remembers what was asked, and what was in conflict."""

    def __init__(self) -> None:
        self.seen: list[Ask] = []
        self._conflicts: dict[str, dict[Ask, None]] = {}

    def adding_requirement(self, requirement: Ask, parent: Candidate | None) -> None:
        self.seen.append(requirement)

    def rejecting_candidate(self, criterion: Criterion[Ask, Candidate], candidate: Candidate) -> None:
        self.add(criterion.information)

    def add(self, causes: Iterable[RequirementInformation[Ask, Candidate]]) -> None:
        """Remember a conflict by its causes."""
        for cause in causes:
            self._conflicts.setdefault(cause.requirement.name, {})[cause.requirement] = None

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """What was in conflict, in the order found."""
        return tuple(Conflict(name, tuple(asks)) for name, asks in self._conflicts.items())


def _attempt(
    pool: CandidatePool, asks: Sequence[Ask], recorder: _Recorder, rounds: int
) -> Result[Ask, Candidate, str]:
    provider = Provider(pool, frozenset(ask.name for ask in asks))
    resolver: Resolver[Ask, Candidate, str] = Resolver(provider, recorder)
    return resolver.resolve(asks, max_rounds=rounds)


# ── what to say of a failure


def _for_these(pool: CandidatePool, asks: Sequence[Ask]) -> CandidatePool:
    """Return the pool of an image that asks for nothing but `asks`: fewer may mean another Python."""
    target = with_wanted_python(pool.target, pool.catalogue, [ask.requirement for ask in asks])
    return pool if target.python == pool.target.python else pool.on(target)


def _works(pool: CandidatePool, asks: Sequence[Ask]) -> Result[Ask, Candidate, str] | None:
    """Return what `asks` resolve to, or None if it is not found soon."""
    try:
        return _attempt(_for_these(pool, asks), asks, _Recorder(), _ROUNDS_TO_EXPLAIN)
    except (ResolutionImpossible, ResolutionTooDeep, EdgebakeError):
        return None


def _failure(pool: CandidatePool, asks: Sequence[Ask]) -> tuple[Failure, CandidatePool]:
    """Return why `asks` cannot be had, told of as few of them as possible, and the pool that these fail with."""
    core = list(asks)
    chosen = pool.target.python_origin == "recipe"
    for ask in asks:
        if chosen and ask.name == PYTHON:
            continue  # all that is told hangs on it
        rest = [other for other in core if other is not ask]
        if rest and _is_impossible(pool, rest):
            core = rest
    for there in (_for_these(pool, core), pool):
        recorder = _Recorder()
        try:
            _attempt(there, core, recorder, _ROUNDS)
        except ResolutionImpossible as error:
            recorder.add(error.causes)
            break
    works, elsewhere = tuple(_other_releases(pool, core)), tuple(_other_targets(pool, core))
    return Failure(tuple(core), recorder.conflicts, tuple(recorder.seen), works, elsewhere), there


def _is_impossible(pool: CandidatePool, asks: Sequence[Ask]) -> bool:
    try:
        _attempt(_for_these(pool, asks), asks, _Recorder(), _ROUNDS_TO_EXPLAIN)
    except ResolutionImpossible:
        return True
    except (ResolutionTooDeep, EdgebakeError):
        return False
    return False


def _other_releases(pool: CandidatePool, asks: Sequence[Ask]) -> Iterator[tuple[str, ...]]:
    """Yield the requests with one of them at another release or without its flavours, where that works."""
    for ask in asks:
        for way in _other_ways(ask.requirement):
            changed = [replace(ask, requirement=way) if other is ask else other for other in asks]
            found = _works(pool, changed)
            if found is not None:
                candidate = found.mapping[ask.name]
                versioned = candidate.loaded is not None and candidate.loaded.is_versioned
                version = way.version or (candidate.version if versioned else "")
                exact = [replace(one.requirement, version=version) for one in changed if one.name == ask.name]
                words = [str(exact[0] if one.name == ask.name else one.requirement) for one in changed]
                yield tuple(dict.fromkeys(words))
                break
    yield from _with_other_python(pool, asks)


def _with_other_python(pool: CandidatePool, asks: Sequence[Ask]) -> Iterator[tuple[str, ...]]:
    """Yield the requests with the newest Python that they work with, if they name none."""
    if any(ask.name == PYTHON for ask in asks):
        return
    for version in other_pythons(pool.target, pool.catalogue):
        python = Requirement(PYTHON, (), version)
        if _works(pool, [Ask(python, "run", ""), *asks]):
            yield tuple(dict.fromkeys(map(str, (python, *(ask.requirement for ask in asks)))))
            return


def _other_ways(wanted: Requirement) -> Iterator[Requirement]:
    """Yield requirements that ask for less, the nearest one first."""
    if wanted.flavours and wanted.version:
        yield Requirement(wanted.name, (), wanted.version)
    version = wanted.version
    while "-" in version:
        version = version.rpartition("-")[0]
        yield Requirement(wanted.name, (), version)
    if wanted.version or wanted.flavours:
        yield Requirement(wanted.name)


def _other_targets(pool: CandidatePool, asks: Sequence[Ask]) -> Iterator[str]:
    """Yield the targets where the requests work, with the platforms if it is not all of them."""
    for name in pool.catalogue.target_names():
        try:
            target = pool.catalogue.target(name).target
        except EdgebakeError:
            continue
        platforms = target.platforms if pool.platform else (None,)
        working = [p for p in platforms if _works(CandidatePool(pool.catalogue, target, p), asks)]
        if len(working) == len(platforms):
            yield name
        elif working:
            yield f"{name} ({', '.join(str(platform) for platform in working)})"


# ── what to do with a success


def _resolution(
    pool: CandidatePool,
    mapping: Mapping[str, Candidate],
    asks: Sequence[Ask],
    what: str,
) -> Resolution:
    chosen: dict[str, Candidate] = {}
    stands_for: dict[str, str] = {}
    for identifier, candidate in mapping.items():
        if candidate.stands_for:
            stands_for[identifier] = candidate.name
        elif not candidate.absent:
            chosen[identifier] = candidate
    provider = Provider(pool, frozenset())
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
        raise explain_cycle(_steps(cycle, needs, stands_for), what=what)
    roots = names(list(asks), "run")
    provided = {name: Provided(c.version, c.note) for name, c in sorted(chosen.items()) if c.loaded is None}
    asked = (*asks, *(ask for name in sorted(needs) for ask in needs[name]))
    return Resolution(pins, tuple(sorted(_reachable(pins, roots))), provided, stands_for, asked)


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


def _steps(cycle: list[str], needs: dict[str, list[Ask]], stands_for: dict[str, str]) -> list[Ask]:
    """Return the requirements along a cycle."""
    return [
        next(a for a in needs[name] if a.kind != "forbid" and stands_for.get(a.name, a.name) == following)
        for name, following in pairwise(cycle)
    ]


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

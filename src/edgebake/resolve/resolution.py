"""Resolution: from an image's requirements to a set of releases on one target and platform."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field, replace
from functools import cached_property
from heapq import heappop, heappush
from itertools import pairwise

from resolvelib import BaseReporter, ResolutionImpossible, ResolutionTooDeep, Resolver
from resolvelib.resolvers import Criterion, RequirementInformation, Result

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import LoadedRecipe
from edgebake.load.document import Place, position_of
from edgebake.model.base import find_cycle
from edgebake.model.recipe import Additions, Recipe, Release
from edgebake.model.requirement import Requirement
from edgebake.resolve.ask import Ask
from edgebake.resolve.candidates import Candidate, CandidatePool
from edgebake.resolve.explain import Conflict, Failure, explain_conflict, explain_cycle, explain_unknown
from edgebake.resolve.provider import Provider
from edgebake.resolve.python_choice import PYTHON, other_pythons, with_wanted_python

_ROUNDS = 200_000
_ROUNDS_TO_EXPLAIN = 2_000


@dataclass(frozen=True)
class Root:
    """A requirement of an image, and where it is written."""

    requirement: Requirement
    place: Place | None = None

    @property
    def at(self) -> Position | None:
        """The position where it is written."""
        return position_of(self.place)


@dataclass(frozen=True)
class Pin:
    """A recipe at one release, with the required flavours."""

    loaded: LoadedRecipe
    release: Release
    candidate: Candidate
    flavours: tuple[str, ...] = ()
    requires: frozenset[str] = frozenset()
    """Recipes that it needs at run time, without those that the base image includes."""
    libraries: frozenset[str] = frozenset()
    """Recipes that it is compiled against."""

    @property
    def recipe(self) -> Recipe:
        return self.loaded.recipe

    @property
    def name(self) -> str:
        return self.loaded.name

    @property
    def additions(self) -> tuple[Additions, ...]:
        """The release and the variant."""
        return self.candidate.additions

    @property
    def version(self) -> str:
        """The release's version, or "" if the recipe has none."""
        return self.release.version if self.loaded.is_versioned or self.release.version != "0" else ""

    @cached_property
    def title(self) -> str:
        """Name, flavours and version as text."""
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
    """The releases of an image on one target and platform.

    Attributes:
        pins: all recipes, including those that are only compiled against.
        installed: the recipes that go into the image.
        provided: the names that need no recipe, with the version and the reason.
        stands_for: the names that a recipe provides, with that recipe.
        asks: all requirements: those of the image, then those of its recipes in the order of their names.
    """

    pins: dict[str, Pin]
    installed: tuple[str, ...]
    provided: dict[str, Provided] = field(default_factory=dict)
    stands_for: dict[str, str] = field(default_factory=dict)
    asks: tuple[Ask, ...] = ()


def resolve(pool: CandidatePool, roots: Sequence[Root], *, what: str) -> Resolution:
    """Choose the releases for `roots`.

    Args:
        pool: the candidates of the target and platform.
        roots: the requirements.
        what: what has these requirements, as prose ("image 'detector'").

    Raises:
        EdgebakeError: an unknown name, a conflict, or a cycle.
    """
    asks = [_root_ask(pool, root, what) for root in roots]
    try:
        mapping = _without_backtracking(pool, asks)
        if mapping is None:
            mapping = _attempt(pool, asks, _Recorder(), _ROUNDS).mapping
    except ResolutionImpossible:
        raise explain_conflict(*_failure(pool, asks), what=what) from None
    except ResolutionTooDeep:
        message = f"{what}: no fitting releases found in {_ROUNDS:,} rounds"
        hints = ("ask for exact versions",)
        raise EdgebakeError(message, at=next((root.at for root in roots if root.at), None), hints=hints) from None
    return _resolution(pool, mapping, asks, what)


def _without_backtracking(pool: CandidatePool, asks: Sequence[Ask]) -> Mapping[str, Candidate] | None:
    """Return the resolver's result if it needs no backtracking; otherwise None.

    This decides name by name in the resolver's order, with the best candidate for the requirements so far. It is
    the usual case, and takes a fraction of the resolver's time.
    """
    explicit = frozenset(ask.name for ask in asks)
    provider = Provider(pool, explicit)
    wanted: dict[str, list[Ask]] = {}
    chosen: dict[str, Candidate] = {}
    names: list[tuple[bool, str]] = []  # a heap of the required names without a choice
    try:
        new_asks: Iterable[Ask] = asks
        while True:
            for ask in new_asks:
                earlier = wanted.setdefault(ask.name, [])
                if ask.kind != "forbid" and all(other.kind == "forbid" for other in earlier):
                    heappush(names, (ask.name not in explicit, ask.name))
                earlier.append(ask)
            if not names:
                return chosen
            _, name = heappop(names)
            best = _first_that_fits(provider, name, wanted, chosen)
            if best is None:
                return None
            chosen[name] = best
            new_asks = provider.get_dependencies(best)
    except EdgebakeError:
        return None  # the resolver reports it, unless it never reaches that release


def _first_that_fits(
    provider: Provider, name: str, wanted: Mapping[str, list[Ask]], chosen: Mapping[str, Candidate]
) -> Candidate | None:
    """Return the first candidate for a name whose requirements fit all other requirements and choices so far.

    None if there is none, or if the resolver would change an earlier choice for a candidate.
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
    """Return the requirements of a candidate that conflict with a choice, or with other requirements."""
    clashes = []
    for ask in provider.get_dependencies(candidate):
        if ask.name in chosen:
            fits = provider.is_satisfied_by(ask, chosen[ask.name])
        else:
            together = [*wanted.get(ask.name, ()), ask]
            fits = ask.kind == "forbid" or not ask.requirement.narrows or bool(provider.best(ask.name, together))
        if not fits:
            clashes.append(ask)
    return clashes


def _root_ask(pool: CandidatePool, root: Root, what: str) -> Ask:
    name = pool.canonical(root.requirement.name)
    if name is None:
        raise explain_unknown(root.requirement, pool.catalogue, at=root.at, origin=None)
    return Ask(root.requirement.named(name), "run", what, None, root.place)


class _Recorder(BaseReporter[Ask, Candidate, str]):
    """Records all requirements, and those in conflict."""

    def __init__(self) -> None:
        self.seen: list[Ask] = []
        self._conflicts: dict[str, dict[Ask, None]] = {}

    def adding_requirement(self, requirement: Ask, parent: Candidate | None) -> None:
        self.seen.append(requirement)

    def rejecting_candidate(self, criterion: Criterion[Ask, Candidate], candidate: Candidate) -> None:
        self.add(criterion.information)

    def add(self, causes: Iterable[RequirementInformation[Ask, Candidate]]) -> None:
        """Record the causes of a conflict."""
        for cause in causes:
            self._conflicts.setdefault(cause.requirement.name, {})[cause.requirement] = None

    @property
    def conflicts(self) -> tuple[Conflict, ...]:
        """The conflicts, in the order in which they were found."""
        return tuple(Conflict(name, tuple(asks)) for name, asks in self._conflicts.items())


def _attempt(
    pool: CandidatePool, asks: Sequence[Ask], recorder: _Recorder, rounds: int
) -> Result[Ask, Candidate, str]:
    provider = Provider(pool, frozenset(ask.name for ask in asks))
    resolver: Resolver[Ask, Candidate, str] = Resolver(provider, recorder)
    return resolver.resolve(asks, max_rounds=rounds)


# ── explaining a failure


def _for_these(pool: CandidatePool, asks: Sequence[Ask]) -> CandidatePool:
    """Return the pool for an image that requires only `asks`: fewer requirements can mean another Python."""
    target = with_wanted_python(pool.target, pool.catalogue, [ask.requirement for ask in asks])
    return pool if target.python == pool.target.python else pool.on(target)


def _tried(
    pool: CandidatePool, asks: Sequence[Ask]
) -> Result[Ask, Candidate, str] | ResolutionImpossible[Ask, Candidate] | None:
    """Return the result for `asks`, or that there is none; None if that is not known after a few rounds."""
    try:
        return _attempt(_for_these(pool, asks), asks, _Recorder(), _ROUNDS_TO_EXPLAIN)
    except ResolutionImpossible as error:
        return error
    except (ResolutionTooDeep, EdgebakeError):
        return None


def _failure(pool: CandidatePool, asks: Sequence[Ask]) -> tuple[Failure, CandidatePool]:
    """Return why `asks` cannot be resolved, for as few of them as possible, and the pool in which these fail."""
    core = list(asks)
    has_own_python = pool.target.python_origin == "recipe"
    for ask in asks:
        if has_own_python and ask.name == PYTHON:
            continue  # the whole explanation depends on it
        rest = [other for other in core if other is not ask]
        if rest and isinstance(_tried(pool, rest), ResolutionImpossible):
            core = rest
    for failing_pool in (_for_these(pool, core), pool):
        recorder = _Recorder()
        try:
            _attempt(failing_pool, core, recorder, _ROUNDS)
        except ResolutionImpossible as error:
            recorder.add(error.causes)
            break
    works, elsewhere = tuple(_other_releases(pool, core)), tuple(_other_targets(pool, core))
    return Failure(tuple(core), recorder.conflicts, tuple(recorder.seen), works, elsewhere), failing_pool


def _other_releases(pool: CandidatePool, asks: Sequence[Ask]) -> Iterator[tuple[str, ...]]:
    """Yield the requirements with one of them changed to another release or no flavours, where that works."""
    for ask in asks:
        for weaker in _weaker(ask.requirement):
            changed = [replace(ask, requirement=weaker) if other is ask else other for other in asks]
            result = _tried(pool, changed)
            if isinstance(result, Result):
                candidate = result.mapping[ask.name]
                versioned = candidate.loaded is not None and candidate.loaded.is_versioned
                version = weaker.version or (candidate.version if versioned else "")
                exact = [replace(each.requirement, version=version) for each in changed if each.name == ask.name]
                words = [str(exact[0] if each.name == ask.name else each.requirement) for each in changed]
                yield tuple(dict.fromkeys(words))
                break
    yield from _with_other_python(pool, asks)


def _with_other_python(pool: CandidatePool, asks: Sequence[Ask]) -> Iterator[tuple[str, ...]]:
    """Yield the requirements with the newest Python that they work with, if none of them is for Python."""
    if any(ask.name == PYTHON for ask in asks):
        return
    for version in other_pythons(pool.target, pool.catalogue):
        python = Requirement(PYTHON, (), version)
        if isinstance(_tried(pool, [Ask(python, "run", ""), *asks]), Result):
            yield tuple(dict.fromkeys(map(str, (python, *(ask.requirement for ask in asks)))))
            return


def _weaker(wanted: Requirement) -> Iterator[Requirement]:
    """Yield weaker requirements for the same recipe, the most similar first."""
    if wanted.flavours and wanted.version:
        yield Requirement(wanted.name, (), wanted.version)
    version = wanted.version
    while "-" in version:
        version = version.rpartition("-")[0]
        yield Requirement(wanted.name, (), version)
    if wanted.version or wanted.flavours:
        yield Requirement(wanted.name)


def _other_targets(pool: CandidatePool, asks: Sequence[Ask]) -> Iterator[str]:
    """Yield the targets on which the requirements work, with the platforms if it is not all of them."""
    for name in pool.catalogue.target_names():
        try:
            target = pool.catalogue.target(name).target
        except EdgebakeError:
            continue
        platforms = target.platforms if pool.platform else (None,)
        pools = {platform: CandidatePool(pool.catalogue, target, platform) for platform in platforms}
        working = [platform for platform, one in pools.items() if isinstance(_tried(one, asks), Result)]
        if len(working) == len(platforms):
            yield name
        elif working:
            yield f"{name} ({', '.join(str(platform) for platform in working)})"


# ── the result of a success


def _resolution(
    pool: CandidatePool, mapping: Mapping[str, Candidate], asks: Sequence[Ask], what: str
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
        required = (stands_for.get(ask.name, ask.name) for ask in own if ask.kind == kind)
        return frozenset(name for name in required if name in chosen and chosen[name].loaded is not None)

    pins = {}
    for name, candidate in sorted(chosen.items(), key=lambda item: item[0]):
        if candidate.loaded is not None and candidate.release is not None:
            required = names(needs[name], "run"), names(needs[name], "library")
            pins[name] = Pin(candidate.loaded, candidate.release, candidate, wanted[name], *required)
    cycle = find_cycle({name: sorted(pin.requires | pin.libraries) for name, pin in pins.items()})
    if cycle:
        raise explain_cycle(_steps(cycle, needs, stands_for), what=what)
    roots = names(list(asks), "run")
    provided = {name: Provided(c.version, c.note) for name, c in sorted(chosen.items()) if c.loaded is None}
    all_asks = (*asks, *(ask for name in sorted(needs) for ask in needs[name]))
    return Resolution(pins, tuple(sorted(_reachable(pins, roots))), provided, stands_for, all_asks)


def _flavours(
    chosen: dict[str, Candidate], asks: list[Ask], stands_for: dict[str, str]
) -> dict[str, tuple[str, ...]]:
    """Return, by recipe, the required flavours in the recipe's order; its first one if none is required."""
    required: dict[str, set[str]] = {name: set() for name in chosen}
    for ask in asks:
        name = stands_for.get(ask.requirement.name, ask.requirement.name)
        if ask.kind != "forbid" and name in chosen:
            required[name].update(chosen[name].wanted_flavours(ask.requirement) or ())
    result = {}
    for name, candidate in chosen.items():
        own = candidate.flavours
        result[name] = tuple(flavour for flavour in own if flavour in required[name]) or own[:1]
    return result


def _reachable(pins: dict[str, Pin], roots: Iterable[str]) -> set[str]:
    reachable: set[str] = set()
    todo = list(roots)
    while todo:
        name = todo.pop()
        if name not in reachable:
            reachable.add(name)
            todo.extend(pins[name].requires)
    return reachable


def _steps(cycle: list[str], needs: dict[str, list[Ask]], stands_for: dict[str, str]) -> list[Ask]:
    """Return the requirements along a cycle."""
    return [
        next(a for a in needs[name] if a.kind != "forbid" and stands_for.get(a.name, a.name) == following)
        for name, following in pairwise(cycle)
    ]

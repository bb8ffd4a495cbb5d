"""Error messages for failed resolutions: what requires what, what exists, and what would work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position, did_you_mean, nearest
from edgebake.load.catalogue import Catalogue, LoadedRecipe
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.requirement import Requirement
from edgebake.model.versions import is_prerelease, parse_version, version_matches
from edgebake.resolve.ask import Ask
from edgebake.resolve.candidates import Candidate, CandidatePool, Unavailable
from edgebake.resolve.python_choice import PYTHON, other_pythons
from edgebake.text.words import listed

_MOST_RELEASES = 3  # of a recipe, listed one by one


@dataclass(frozen=True)
class Conflict:
    """A name with requirements that no candidate satisfies together."""

    name: str
    asks: tuple[Ask, ...]

    @property
    def wanted(self) -> list[Ask]:
        """The requirements that ask for the name."""
        return [ask for ask in self.asks if ask.kind != "forbid"]


@dataclass(frozen=True)
class Failure:
    """A resolution that failed.

    Attributes:
        requests: a minimal set of the image's requirements that cannot be combined.
        conflicts: the names with conflicting requirements.
        seen: all requirements that the resolver saw.
        works: similar sets of requirements that work.
        elsewhere: targets on which the requests work.
    """

    requests: tuple[Ask, ...]
    conflicts: tuple[Conflict, ...]
    seen: tuple[Ask, ...]
    works: tuple[tuple[str, ...], ...]
    elsewhere: tuple[str, ...]


def explain_unknown(
    requirement: Requirement, catalogue: Catalogue, *, at: Position | None, origin: str | None
) -> EdgebakeError:
    """Return the error for an unknown recipe. `origin`: the recipe that requires it, if it is not the image."""
    by = f", which {origin} requires" if origin else ""
    hints = did_you_mean(requirement.name, catalogue.known_names(), kind="recipe")
    if (catalogue.root / requirement.name / "recipe.yaml").is_file():
        hints = (f"did you mean './{requirement.name}'? Name a recipe outside the recipe folders by its path",)
    return EdgebakeError(f"unknown recipe {requirement.name!r}{by}", at=at, hints=hints)


def explain_cycle(steps: Sequence[Ask], *, what: str) -> EdgebakeError:
    """Return the error for recipes that require each other. `steps` are the requirements along the cycle."""
    path = [step.parent or "" for step in steps]
    return EdgebakeError(
        f"{what}: recipes require each other in a cycle: " + " → ".join([*path, path[0]]),
        at=steps[0].at,
        reason="\n".join(_with_position(step) for step in steps),
        hints=("remove one of these requirements, or move what both need to another recipe",),
    )


def explain_conflict(failure: Failure, pool: CandidatePool, *, what: str) -> EdgebakeError:
    """Return the error for requirements that cannot be combined. `what` names the image, as prose."""
    target = f"{pool.target.name} ({pool.platform})" if pool.platform else pool.target.name
    wanted = [str(ask.requirement) for ask in failure.requests]
    together = " together" if len(wanted) > 1 else ""
    available = (line for conflict in failure.conflicts for line in _available(conflict, pool))
    return EdgebakeError(
        f"{what} cannot have {listed(wanted)}{together} on {target}",
        at=next((ask.at for ask in failure.requests if ask.at), None),
        reason="\n".join(dict.fromkeys([*_requirements(failure), *available])),
        hints=tuple(dict.fromkeys(_hints(failure, pool))),
    )


# ── what requires what


def _requirements(failure: Failure) -> Iterator[str]:
    first = _first_by_name(failure.seen)
    for conflict in failure.conflicts:
        by_parent: dict[str | None, list[Ask]] = {}
        for ask in conflict.asks:
            by_parent.setdefault(ask.parent, []).append(ask)
        for parent, asks in by_parent.items():
            shown = asks if parent is None else asks[:_MOST_RELEASES]
            for ask in [*_path(parent, first), *shown]:
                if ask.parent is not None or len(failure.requests) > 1:  # otherwise it is in the message
                    yield _with_position(ask)
            if asks[len(shown) :]:
                yield f"{len(asks) - len(shown)} more releases of {parent} have similar requirements"


def _with_position(ask: Ask) -> str:
    # A position in the built-in catalogue does not help: a user cannot change it.
    at = ask.at
    return f"{ask} ({at})" if at and not at.path.startswith("/") else str(ask)


def _first_by_name(seen: Iterable[Ask]) -> dict[str, Ask]:
    """Return, by name, the requirement on the shortest path from the image."""
    by_parent: dict[str | None, list[Ask]] = {}
    for ask in seen:
        if ask.kind != "forbid":
            by_parent.setdefault(ask.parent, []).append(ask)
    first: dict[str, Ask] = {}
    todo: list[str | None] = [None]
    while todo:
        asks = [ask for parent in todo for ask in by_parent.get(parent, ())]
        todo = []
        for ask in asks:
            if ask.name not in first:
                first[ask.name] = ask
                todo.append(ask.name)
    return first


def _path(name: str | None, first: dict[str, Ask]) -> list[Ask]:
    """Return the requirements on the shortest path from the image to a name."""
    steps: list[Ask] = []
    while name is not None and name in first and first[name] not in steps:
        steps.insert(0, first[name])
        name = first[name].parent
    return steps


# ── what exists


def _available(conflict: Conflict, pool: CandidatePool) -> Iterator[str]:
    name = conflict.name
    if name in VERSION_FACTS and (pool.fact(name) is not None or not pool.candidates(name)):
        yield _fact(name, pool, [ask.requirement for ask in conflict.wanted if ask.parent])
    elif not pool.catalogue.has_recipe(name):
        providers = [loaded.name for loaded in pool.catalogue.providers(name)]
        yield f"{name} is provided by {listed(providers, 'or')}, and has no version of its own"
    else:
        yield from _releases(pool.catalogue.recipe(name), [ask.requirement for ask in conflict.wanted], pool)


def _fact(name: str, pool: CandidatePool, wanted: Sequence[Requirement]) -> str:
    """Return a sentence about a fact of the target. `wanted`: the requirements of recipes, not of the image."""
    fact, target = pool.fact(name), pool.target.name
    if fact is None:
        return f"{target} has no {name}"
    if name == PYTHON and pool.target.python_origin == "recipe":
        return f"the image asks for {name} {fact}"
    others = other_pythons(pool.target, pool.catalogue) if name == PYTHON else []
    others = [other for other in others if all(version_matches(other, each.version) for each in wanted)]
    if others:
        return f"{target} has {name} {fact}, unless the image itself asks for {listed(others, 'or')}"
    return f"{target} has {name} {fact}, " + (
        "and no other" if pool.candidates(name) else "but no recipe installs it"
    )


def _releases(loaded: LoadedRecipe, wanted: Sequence[Requirement], pool: CandidatePool) -> Iterator[str]:
    name, target = loaded.name, pool.target.name
    available = list(dict.fromkeys(candidate.version for candidate in pool.candidates(name)))
    unmet = [each for each in wanted if not any(_fits(loaded, version, each) for version in available)]
    flavours = list(_flavours(loaded, wanted, pool))
    if flavours:
        yield from flavours[:3]
    elif not unmet:
        if len(set(wanted)) > 1 and loaded.is_versioned:
            yield f"{target} has {_versions(loaded, available)}"
    elif available and not loaded.is_versioned:
        yield f"{name} has no versions to choose from"
    else:
        missing = pool.unavailable(loaded)
        fitting = [other for other in missing if all(_fits(loaded, other.version, each) for each in unmet)]
        because = _because(loaded, fitting)
        if available and loaded.recipe.versioning == "pep440" and _newer(fitting, available):
            yield f"on {target} the newest {name} is {_newest(available)}{because}"
        elif available:
            yield f"{target} has {_versions(loaded, available)}{because}"
        elif fitting or not missing:
            yield f"{target} has no {name}{because}"
        else:
            yield f"{target} has no {name}; other targets have {_shortened([other.version for other in missing])}"


def _because(loaded: LoadedRecipe, missing: Sequence[Unavailable]) -> str:
    needs = [
        f"{release.version} needs {release.reason}" if loaded.is_versioned else f"it needs {release.reason}"
        for release in missing[:_MOST_RELEASES]
    ]
    return f", because {'; '.join(needs)}" if needs else ""


def _versions(loaded: LoadedRecipe, versions: Sequence[str]) -> str:
    only = "only " if len(versions) == 1 else ""
    return f"{only}{loaded.name} {_shortened(versions)}"


def _shortened(versions: Sequence[str]) -> str:
    return listed(versions) if len(versions) <= 8 else f"{', '.join(versions[:8])}, …"


def _newer(missing: Sequence[Unavailable], available: Sequence[str]) -> bool:
    """Return whether a missing release is newer than all available ones."""
    return any(parse_version(release.version) > parse_version(_newest(available)) for release in missing)


def _newest(versions: Sequence[str]) -> str:
    finals = [version for version in versions if not is_prerelease(version, "pep440")]
    return max(finals or versions, key=parse_version)


def _flavours(loaded: LoadedRecipe, wanted: Sequence[Requirement], pool: CandidatePool) -> Iterator[str]:
    """Yield the flavours of each release that only a flavour excludes."""
    for candidate in dict.fromkeys(pool.candidates(loaded.name)):
        unknown = _unknown_flavours(loaded, candidate, wanted)
        if unknown and candidate.flavours:
            yield f"{candidate} has the flavours {listed(candidate.flavours)}, but not {listed(unknown, 'or')}"
        elif unknown:
            yield f"{candidate} has no flavours"


def _unknown_flavours(loaded: LoadedRecipe, candidate: Candidate, wanted: Sequence[Requirement]) -> list[str]:
    """Return the wanted flavours that a release does not have; none if its version does not fit either."""
    version = candidate.version
    unknown: set[str] = set()
    for requirement in wanted:
        own = set(requirement.flavours)
        if not _fits(loaded, version, requirement):
            if not requirement.version.startswith(f"{version}-"):
                return []
            own.add(requirement.version.removeprefix(f"{version}-"))
        unknown |= own - set(candidate.flavours)
    return sorted(unknown)


def _nearest_flavours(conflict: Conflict, pool: CandidatePool) -> Iterator[str]:
    if not pool.catalogue.has_recipe(conflict.name):
        return
    loaded = pool.catalogue.recipe(conflict.name)
    wanted = [ask.requirement for ask in conflict.wanted]
    for candidate in pool.candidates(conflict.name):
        for flavour in _unknown_flavours(loaded, candidate, wanted):
            match = nearest(flavour, candidate.flavours)
            if match:
                yield f"did you mean {match!r}?"


def _fits(loaded: LoadedRecipe, version: str, requirement: Requirement) -> bool:
    try:
        return version_matches(version, requirement.version, loaded.recipe.versioning)
    except ValueError:
        return False


# ── what would work


def _hints(failure: Failure, pool: CandidatePool) -> Iterator[str]:
    wanted = [str(ask.requirement) for ask in failure.requests]
    for conflict in failure.conflicts:
        yield from _nearest_flavours(conflict, pool)
    for works in failure.works:
        yield f"on {pool.target.name} this works: {listed(works)}"
    if failure.elsewhere:
        shown = [*failure.elsewhere[:6], *(["…"] if len(failure.elsewhere) > 6 else [])]
        verb = "works" if len(wanted) == 1 else "work together"
        yield f"{listed(wanted)} {verb} on: {', '.join(shown)}"
    apart = [str(ask.requirement) for ask in failure.requests if ask.name != PYTHON]
    if len(apart) > 1 and not failure.works:
        yield f"put {listed(apart)} into separate images"

"""Why a resolution failed, in prose: who asked for what, what there is, and what would work."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from edgebake.errors import EdgebakeError, Position, did_you_mean, nearest
from edgebake.load.catalogue import Catalogue, LoadedRecipe
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.requirement import Requirement
from edgebake.model.versions import is_prerelease, parse_version, version_matches
from edgebake.resolve.ask import Ask
from edgebake.resolve.candidates import CandidatePool, Unavailable, flavours_of
from edgebake.resolve.python_choice import PYTHON, other_pythons

_MOST_RELEASES = 3  # of one recipe, told one by one


@dataclass(frozen=True)
class Conflict:
    """A name of which several things are asked that nothing satisfies together."""

    name: str
    asks: tuple[Ask, ...]


@dataclass(frozen=True)
class Failure:
    """A resolution that failed.

    `requests` are those of the image's that cannot be had together, no more; `seen` everything that was asked on
    the way; `works` other requests that would do; `elsewhere` targets where the requests work.
    """

    requests: tuple[Ask, ...]
    conflicts: tuple[Conflict, ...]
    seen: tuple[Ask, ...]
    works: tuple[tuple[str, ...], ...]
    elsewhere: tuple[str, ...]


def explain_unknown(
    requirement: Requirement, catalogue: Catalogue, *, at: Position | None, asker: str | None
) -> EdgebakeError:
    """Return the error for a name that is no recipe's."""
    by = f", which {asker} requires" if asker else ""
    hints = did_you_mean(requirement.name, catalogue.known_names(), kind="recipe")
    if (catalogue.root / requirement.name / "recipe.yaml").is_file():
        hints = (f"did you mean './{requirement.name}'? A recipe of this project is named by its folder",)
    return EdgebakeError(f"unknown recipe {requirement.name!r}{by}", at=at, hints=hints)


def explain_cycle(steps: Sequence[Ask], *, what: str) -> EdgebakeError:
    """Return the error for recipes that require each other; `steps` are the requirements of the circle."""
    path = [step.parent or "" for step in steps]
    return EdgebakeError(
        f"{what}: recipes require each other in a circle: " + " → ".join([*path, path[0]]),
        at=steps[0].at,
        reason="\n".join(_told(step) for step in steps),
        hints=("remove one of these requirements; what both need can be a recipe of its own",),
    )


def explain_conflict(failure: Failure, pool: CandidatePool, *, what: str) -> EdgebakeError:
    """Return the error for requests that nothing satisfies together."""
    where = f"on {pool.target.name}" + (f" ({pool.platform})" if pool.platform else "")
    wanted = [str(ask.requirement) for ask in failure.requests]
    together = " together" if len(wanted) > 1 else ""
    lines = [*_story(failure), *(line for conflict in failure.conflicts for line in _situation(conflict, pool))]
    return EdgebakeError(
        f"{what} cannot have {_listed(wanted, 'and')}{together} {where}",
        at=next((ask.at for ask in failure.requests if ask.at), None),
        reason="\n".join(dict.fromkeys(lines)),
        hints=tuple(dict.fromkeys(_hints(failure, pool))),
    )


def _listed(words: Sequence[str], last: str) -> str:
    return f" {last} ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


# ── who asked for what


def _story(failure: Failure) -> Iterator[str]:
    reached = _reached(failure.seen)
    for conflict in failure.conflicts:
        by_parent: dict[str | None, list[Ask]] = {}
        for ask in conflict.asks:
            by_parent.setdefault(ask.parent, []).append(ask)
        for parent, asks in by_parent.items():
            shown = asks if parent is None else asks[:_MOST_RELEASES]
            for ask in [*_path(parent, reached), *shown]:
                if ask.parent is not None or len(failure.requests) > 1:  # else the message says it
                    yield _told(ask)
            if asks[len(shown) :]:
                yield f"and {len(asks) - len(shown)} more releases of {parent} likewise"


def _told(ask: Ask) -> str:
    # A position in the built-in catalogue is nothing that a user can mend.
    at = ask.at
    return f"{ask} ({at})" if at and not at.path.startswith("/") else str(ask)


def _reached(seen: Iterable[Ask]) -> dict[str, Ask]:
    """Return, by name, the requirement by which it is reached soonest from the image's requests."""
    by_parent: dict[str | None, list[Ask]] = {}
    for ask in seen:
        if ask.kind != "forbid":
            by_parent.setdefault(ask.parent, []).append(ask)
    reached: dict[str, Ask] = {}
    todo: list[str | None] = [None]
    while todo:
        new = [ask for parent in todo for ask in by_parent.get(parent, ())]
        todo = []
        for ask in new:
            if ask.name not in reached:
                reached[ask.name] = ask
                todo.append(ask.name)
    return reached


def _path(name: str | None, reached: dict[str, Ask]) -> list[Ask]:
    steps: list[Ask] = []
    while name is not None and name in reached and reached[name] not in steps:
        steps.insert(0, reached[name])
        name = reached[name].parent
    return steps


# ── what there is


def _situation(conflict: Conflict, pool: CandidatePool) -> Iterator[str]:
    name = conflict.name
    wanted = [ask.requirement for ask in conflict.asks if ask.kind != "forbid"]
    if name in VERSION_FACTS and (pool.fact(name) is not None or not pool.candidates(name)):
        yield _fact(name, pool, [ask.requirement for ask in conflict.asks if ask.kind != "forbid" and ask.parent])
    elif not pool.catalogue.has_recipe(name):
        providers = [loaded.name for loaded in pool.catalogue.providers(name)]
        yield f"{name} is what {_listed(providers, 'or')} provides; a version of it cannot be asked for"
    else:
        yield from _releases(pool.catalogue.recipe(name), wanted, pool)


def _fact(name: str, pool: CandidatePool, wanted: Sequence[Requirement]) -> str:
    """Return what a target has of a fact. `wanted`: what recipes want of it, not the image."""
    fact, target = pool.fact(name), pool.target.name
    if fact is None:
        return f"{target} has no {name}"
    if name == PYTHON and pool.target.python_origin == "recipe":
        return f"the image asks for {name} {fact}"
    others = other_pythons(pool.target, pool.catalogue) if name == PYTHON else []
    others = [other for other in others if all(version_matches(other, one.version) for one in wanted)]
    if others:
        return f"{target} has {name} {fact}, unless the image itself asks for {_listed(others, 'or')}"
    return f"{target} has {name} {fact}, " + (
        "and no other" if pool.candidates(name) else "and no recipe installs that"
    )


def _releases(loaded: LoadedRecipe, wanted: Sequence[Requirement], pool: CandidatePool) -> Iterator[str]:
    name, target = loaded.name, pool.target.name
    here = list(dict.fromkeys(candidate.version for candidate in pool.candidates(name)))
    unmet = [one for one in wanted if not any(_fits(loaded, version, one) for version in here)]
    flavours = list(_flavours(loaded, wanted, pool))
    if flavours:
        yield from flavours[:3]
    elif not unmet:
        if len(set(wanted)) > 1 and loaded.is_versioned:
            yield f"{target} has {_versions(loaded, here)}"
    elif here and not loaded.is_versioned:
        yield f"{name} has no versions to choose from"
    else:
        missing = pool.unavailable(loaded)
        fitting = [gone for gone in missing if all(_fits(loaded, gone.version, one) for one in unmet)]
        because = _because(loaded, fitting)
        if here and loaded.recipe.versioning == "pep440" and _newer(fitting, here):
            yield f"on {target} the newest {name} is {_newest(here)}{because}"
        elif here:
            yield f"{target} has {_versions(loaded, here)}{because}"
        elif fitting or not missing:
            yield f"{target} has no {name}{because}"
        else:
            yield f"{target} has no {name}; elsewhere there {_are(missing)}"


def _because(loaded: LoadedRecipe, missing: Sequence[Unavailable]) -> str:
    needs = [
        f"{gone.version} needs {gone.reason}" if loaded.is_versioned else f"it needs {gone.reason}"
        for gone in missing[:_MOST_RELEASES]
    ]
    return f", because {'; '.join(needs)}" if needs else ""


def _versions(loaded: LoadedRecipe, versions: Sequence[str]) -> str:
    only = "only " if len(versions) == 1 else ""
    return f"{only}{loaded.name} {_shortened(versions)}"


def _shortened(versions: Sequence[str]) -> str:
    return _listed(versions, "and") if len(versions) <= 8 else f"{', '.join(versions[:8])}, …"


def _are(releases: Sequence[Unavailable]) -> str:
    verb = "is" if len(releases) == 1 else "are"
    return f"{verb} {_shortened([gone.version for gone in releases])}"


def _newer(missing: Sequence[Unavailable], here: Sequence[str]) -> bool:
    """Tell whether a release that is missing is newer than all that are there."""
    return any(parse_version(gone.version) > parse_version(_newest(here)) for gone in missing)


def _newest(versions: Sequence[str]) -> str:
    finals = [version for version in versions if not is_prerelease(version, "pep440")]
    return max(finals or versions, key=parse_version)


def _flavours(loaded: LoadedRecipe, wanted: Sequence[Requirement], pool: CandidatePool) -> Iterator[str]:
    """Yield what flavours there are, for each release that only a flavour excludes."""
    for candidate in dict.fromkeys(pool.candidates(loaded.name)):
        known = flavours_of(loaded, candidate.release) if candidate.release else ()
        unknown = _unknown_flavours(loaded, candidate.version, wanted, known)
        if unknown and known:
            yield f"{candidate} has the flavours {_listed(known, 'and')}, and not {_listed(unknown, 'or')}"
        elif unknown:
            yield f"{candidate} has no flavours"


def _unknown_flavours(
    loaded: LoadedRecipe, version: str, wanted: Sequence[Requirement], known: Sequence[str]
) -> list[str]:
    """Return the flavours that a release has not; none if its version does not fit either."""
    unknown: set[str] = set()
    for one in wanted:
        own = set(one.flavours)
        if not _fits(loaded, version, one):
            if not one.version.startswith(f"{version}-"):
                return []
            own.add(one.version.removeprefix(f"{version}-"))
        unknown |= own - set(known)
    return sorted(unknown)


def _nearest_flavours(conflict: Conflict, pool: CandidatePool) -> Iterator[str]:
    if not pool.catalogue.has_recipe(conflict.name):
        return
    loaded = pool.catalogue.recipe(conflict.name)
    wanted = [ask.requirement for ask in conflict.asks if ask.kind != "forbid"]
    for candidate in pool.candidates(conflict.name):
        known = flavours_of(loaded, candidate.release) if candidate.release else ()
        for flavour in _unknown_flavours(loaded, candidate.version, wanted, known):
            match = nearest(flavour, known)
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
        yield f"on {pool.target.name} this works: {_listed(works, 'and')}"
    if failure.elsewhere:
        shown = [*failure.elsewhere[:6], *(["…"] if len(failure.elsewhere) > 6 else [])]
        verb = "works" if len(wanted) == 1 else "work together"
        yield f"{_listed(wanted, 'and')} {verb} on: {', '.join(shown)}"
    apart = [str(ask.requirement) for ask in failure.requests if ask.name != PYTHON]
    if len(apart) > 1 and not failure.works:
        yield f"put {_listed(apart, 'and')} into images of their own"

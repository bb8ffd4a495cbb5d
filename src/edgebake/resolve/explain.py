"""Why a resolution failed, in prose: who asked for what, what there is, and what would work."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from edgebake.errors import EdgebakeError, Position, did_you_mean
from edgebake.load.catalogue import Catalogue, LoadedRecipe
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.requirement import Requirement
from edgebake.model.versions import version_matches
from edgebake.resolve.candidates import CandidatePool


def explain_unknown(
    requirement: Requirement, catalogue: Catalogue, *, at: Position | None, asker: str | None
) -> EdgebakeError:
    """Return the error for a name that is no recipe's."""
    by = f", which {asker} requires" if asker else ""
    hints = did_you_mean(requirement.name, catalogue.recipe_names(), kind="recipe")
    return EdgebakeError(f"unknown recipe {requirement.name!r}{by}", at=at, hints=hints)


def explain_cycle(cycle: list[str], *, what: str, at: Position | None) -> EdgebakeError:
    """Return the error for recipes that require each other."""
    return EdgebakeError(
        f"{what}: recipes require each other in a circle: " + " → ".join(cycle),
        at=at,
        hints=("remove one of these requirements; what both need can be a recipe of its own",),
    )


def explain_conflict(
    causes: Sequence[Any], pool: CandidatePool, *, what: str, at: Position | None
) -> EdgebakeError:
    """Return the error for requests that nothing satisfies together.

    `causes` are resolvelib's: requirements with the candidates that have them.
    """
    name = causes[0].requirement.requirement.name
    asks = list(dict.fromkeys(cause.requirement for cause in causes if cause.requirement.requirement.name == name))
    where = f"on {pool.target.name}" + (f" ({pool.platform})" if pool.platform else "")
    if not pool.catalogue.has_recipe(name) and name not in VERSION_FACTS:
        asker = next((ask.origin for ask in asks if ask.parent), None)
        return explain_unknown(asks[0].requirement, pool.catalogue, at=at, asker=asker)
    reason = [_asked(ask) for ask in asks]
    reason += _situation(name, pool, where)
    hints = _hints(name, [ask for ask in asks if ask.kind != "forbid"], pool)
    return EdgebakeError(f"{what} cannot have {name!r} {where}", at=at, reason="\n".join(reason), hints=hints)


def _asked(ask: Any) -> str:
    verb = {
        "run": "needs",
        "library": "is compiled against",
        "forbid": "cannot be in one image with",
    }[ask.kind]
    return f"{ask.origin} {verb} {ask.requirement}"


def _situation(name: str, pool: CandidatePool, where: str) -> list[str]:
    if name in VERSION_FACTS and not pool.candidates(name):
        fact = pool.fact(name)
        if fact is None:
            return [f"{where} there is no {name}: the target has none"]
        return [f"{where} {name} is {fact}, and no recipe installs that"]
    if name in VERSION_FACTS:
        return [f"{where} {name} is {pool.fact(name)}, a fact of the target"]
    loaded = pool.catalogue.recipe(name)
    here = list(dict.fromkeys(c.version for c in pool.candidates(name)))
    if loaded.is_versioned and here:
        lines = [f"{where} the newest {name} is {here[0]}" + (f"; there are {', '.join(here)}" if here[1:] else "")]
    else:
        lines = [] if here else [f"{where} there is no {name}"]
    missing = pool.unavailable(loaded)[:3]
    return lines + [f"{name} {gone.version} is not there because {gone.reason}" for gone in missing]


def _hints(name: str, asks: list[Any], pool: CandidatePool) -> tuple[str, ...]:
    """Return what would work: a release that is there, or a target where what was asked for exists."""
    if name in VERSION_FACTS or not asks:
        return ()
    hints = []
    loaded = pool.catalogue.recipe(name)
    here = [candidate.version for candidate in pool.candidates(name)]
    fitting = [ask.requirement for ask in asks if not any(_fits(loaded, v, ask.requirement) for v in here)]
    if here and loaded.is_versioned and fitting:
        hints.append(f"on {pool.target.name} this works: {name}:{here[0]}")
    elsewhere = _targets_with(loaded, [ask.requirement for ask in asks], pool)
    if elsewhere:
        hints.append(f"{asks[0].requirement} exists on: {', '.join(elsewhere)}")
    return tuple(hints)


def _fits(loaded: LoadedRecipe, version: str, requirement: Requirement) -> bool:
    try:
        return version_matches(version, requirement.version, loaded.recipe.versioning)
    except ValueError:
        return False


def _targets_with(loaded: LoadedRecipe, requirements: list[Requirement], pool: CandidatePool) -> list[str]:
    found = []
    for name in pool.catalogue.target_names():
        if name == pool.target.name:
            continue
        target = pool.catalogue.target(name).target
        other = CandidatePool(pool.catalogue, target, target.platforms[0])
        versions = [candidate.version for candidate in other.candidates(loaded.name)]
        if any(all(_fits(loaded, v, r) for r in requirements) for v in versions):
            found.append(name)
    return found[:6]

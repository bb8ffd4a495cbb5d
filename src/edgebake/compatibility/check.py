"""Gaps and contradictions: in the compatibility data, and between the data and the recipes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import field
from itertools import combinations

from edgebake.compatibility.data import LoadedFramework, load_frameworks, select_targets
from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.load.catalogue import Catalogue, LoadedRecipe, LoadedTarget
from edgebake.model.condition import VERSION_FACTS
from edgebake.model.requirement import parse_requirement
from edgebake.model.target import Target
from edgebake.resolve.candidates import CandidatePool
from edgebake.resolve.resolution import Root, resolve


@dataclass(frozen=True, eq=False)
class Place:
    """A target and one of its platforms."""

    loaded: LoadedTarget
    platform: str

    @property
    def target(self) -> Target:
        return self.loaded.target

    def __str__(self) -> str:
        return self.target.name if len(self.target.platforms) == 1 else f"{self.target.name} ({self.platform})"


@dataclass(frozen=True)
class _Offers:
    """What the catalogue offers of a name, by place: releases that it knows, and those that it can install."""

    recipe: LoadedRecipe
    known: Mapping[Place, tuple[str, ...]]
    refused: Mapping[tuple[Place, str], str] = field(default_factory=dict)

    def has(self, place: Place, release: str) -> bool:
        """Return whether a known release can be installed."""
        return release in self.known[place] and (place, release) not in self.refused


def check(catalogue: Catalogue) -> list[EdgebakeError]:
    """Return everything that is wrong with the compatibility data of a catalogue; nothing if it is sound.

    Raises:
        EdgebakeError: a file of the data, a target or a recipe cannot be read.
    """
    targets = select_targets(catalogue, ())
    places = [Place(target, platform) for target in targets for platform in target.target.platforms]
    pools: dict[Place, CandidatePool] = {}
    found: list[EdgebakeError] = []
    for loaded in load_frameworks(catalogue):
        rows = {place: loaded.rows_on(place.target, place.platform) for place in places}
        found += [*_holes(loaded, rows), *_contradictions(loaded, rows), *_idle(loaded, rows)]
        found += _other_gpus(loaded, rows)
        if catalogue.has_recipe(loaded.name):
            offers = _offers(catalogue, catalogue.recipe(loaded.name), places, pools)
            found += [*_offered_and_excluded(loaded, rows, offers), *_not_offered(loaded, rows, offers)]
    return found


_Rows = Mapping[Place, list[int]]


# ── the data alone


def _holes(loaded: LoadedFramework, rows: _Rows) -> Iterator[EdgebakeError]:
    missing = [place for place, numbers in rows.items() if not numbers]
    if missing:
        at, hint = (
            loaded.document.at(("rows",), key=True),
            "add a row with `releases`, or one with `absent` and the reason",
        )
        yield EdgebakeError(f"{loaded.name} has no row for {_listed(missing)}", at=at, hints=(hint,))


def _contradictions(loaded: LoadedFramework, rows: _Rows) -> Iterator[EdgebakeError]:
    clashes: dict[tuple[int, int], list[Place]] = {}
    for place, numbers in rows.items():
        for first, second in combinations(numbers, 2):
            one, other = (loaded.framework.rows[number] for number in (first, second))
            if one.absent or other.absent or set(one.releases) & set(other.releases):
                clashes.setdefault((first, second), []).append(place)
    for (first, second), places in sorted(clashes.items()):
        one, other = (loaded.framework.rows[number] for number in (first, second))
        shared = [release for release in other.releases if release in one.releases]
        what = f"{loaded.name} {', '.join(shared)}" if shared else f"a build of {loaded.name}"
        verb = "has two rows for" if shared else "is both available and absent on"
        yield EdgebakeError(
            f"{what} {verb} {_listed(places)}",
            at=loaded.at(second),
            reason=f"the other row is {loaded.at(first)}",
            hints=("narrow the `when` of one of them",),
        )


def _idle(loaded: LoadedFramework, rows: _Rows) -> Iterator[EdgebakeError]:
    used = {number for numbers in rows.values() for number in numbers}
    hint = "fix its `when`, or remove the row"
    for number in range(len(loaded.framework.rows)):
        if number not in used:
            at = loaded.at(number, "when")
            yield EdgebakeError(f"a row of {loaded.name} matches no target", at=at, hints=(hint,))


def _other_gpus(loaded: LoadedFramework, rows: _Rows) -> Iterator[EdgebakeError]:
    for number, row in enumerate(loaded.framework.rows):
        places = [place for place, numbers in rows.items() if number in numbers]
        foreign = [place for place in places if row.sm and not supported_sm(row.sm, place.target.sm)]
        if foreign:
            gpus = ", ".join(dict.fromkeys(sm for place in foreign for sm in place.target.sm)) or "none"
            yield EdgebakeError(
                f"{loaded.name} {', '.join(row.releases)} is built for no GPU of {_listed(foreign)}",
                at=loaded.at(number, "sm"),
                reason=f"it has code for sm {', '.join(row.sm)}; the GPUs of these targets are sm {gpus}",
            )


def supported_sm(built: tuple[str, ...], present: tuple[str, ...]) -> tuple[str, ...]:
    """Return which of the GPUs that are present a build for `built` runs on.

    Code for X.Y runs on X.Z if Z is not below Y; what is only for one architecture (90a) runs on that alone.
    """
    return tuple(gpu for gpu in present if any(_runs(one, gpu) for one in built))


def _runs(built: str, gpu: str) -> bool:
    if built == gpu or not (built.isdigit() and gpu.isdigit()):
        return built == gpu
    return built[:-1] == gpu[:-1] and built[-1] <= gpu[-1]


# ── the data and the recipes


def _offers(
    catalogue: Catalogue, recipe: LoadedRecipe, places: list[Place], pools: dict[Place, CandidatePool]
) -> _Offers:
    known, refused = {}, {}
    for place in places:
        pool = pools.setdefault(place, CandidatePool(catalogue, place.target, place.platform))
        known[place] = _known(recipe, place.target)
        for release in known[place]:
            reason = _refusal(pool, recipe, release)
            if reason:
                refused[place, release] = reason
    return _Offers(recipe, known, refused)


def _known(recipe: LoadedRecipe, target: Target) -> tuple[str, ...]:
    """Return the releases that a recipe speaks of; an unversioned one has the target's fact of its name."""
    if recipe.is_versioned:
        return tuple(release.version for release in recipe.releases(target))
    fact = getattr(target, recipe.name) if recipe.name in VERSION_FACTS else None
    return () if fact is None else (fact,)


def _refusal(pool: CandidatePool, recipe: LoadedRecipe, release: str) -> str:
    """Return why a release cannot be installed, with all that it needs; "" if it can."""
    text = f"{recipe.name}=={release}" if recipe.is_versioned else recipe.name
    try:
        resolve(pool, [Root(parse_requirement(text))], what=text)
    except EdgebakeError as error:
        return error.reason or error.message
    return ""


def _offered_and_excluded(loaded: LoadedFramework, rows: _Rows, offers: _Offers) -> Iterator[EdgebakeError]:
    excluded: dict[str, list[Place]] = {}
    for place, numbers in rows.items():
        listed = {release for number in numbers for release in loaded.framework.rows[number].releases}
        for release in offers.known[place]:
            if numbers and release not in listed and offers.has(place, release):
                excluded.setdefault(release, []).append(place)
    for release, places in excluded.items():
        releases = offers.recipe.recipe.releases
        written = [] if callable(releases) else [one.version for one in releases]
        where = ("releases", written.index(release), "version") if release in written else ()
        yield EdgebakeError(
            f"the recipe {loaded.name!r} offers {release} on {_listed(places)}, but the compatibility data has no"
            " such build",
            at=offers.recipe.document.at(where),
            reason=f"the data is {loaded.document.shown}",
            hints=("narrow the `when` of the release, or add a row with a source",),
        )


def _not_offered(loaded: LoadedFramework, rows: _Rows, offers: _Offers) -> Iterator[EdgebakeError]:
    for number, row in enumerate(loaded.framework.rows):
        for release in row.releases:
            places = [p for p, numbers in rows.items() if number in numbers and release in offers.known[p]]
            lacking = [place for place in places if not offers.has(place, release)]
            if lacking and not row.no_recipe:
                yield EdgebakeError(
                    f"the recipe {loaded.name!r} does not offer {release} on {_listed(lacking)}, but the"
                    " compatibility data has a build",
                    at=loaded.at(number, "releases"),
                    reason=offers.refused.get((lacking[0], release)),
                    hints=("widen the `when` of the recipe's release, or say why not in `no_recipe`",),
                )
            offered = [place for place in places if offers.has(place, release)]
            if offered and row.no_recipe:
                yield EdgebakeError(
                    f"the recipe {loaded.name!r} offers {release} on {_listed(offered)}, but the row says why it"
                    " does not",
                    at=loaded.at(number, "no_recipe"),
                    hints=("remove `no_recipe`, or narrow the row's `when`",),
                )


def _listed(places: list[Place]) -> str:
    return ", ".join(str(place) for place in places)

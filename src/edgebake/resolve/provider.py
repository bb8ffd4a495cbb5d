"""edgebake's rules as a provider for resolvelib."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from resolvelib import AbstractProvider

from edgebake.errors import EdgebakeError
from edgebake.load.document import Location
from edgebake.model.recipe import Additions, Recipe, Release
from edgebake.model.requirement import Requirement
from edgebake.model.versions import names_prerelease
from edgebake.resolve.ask import Ask, Kind
from edgebake.resolve.candidates import Candidate, CandidatePool
from edgebake.resolve.explain import explain_unknown
from edgebake.resolve.python_asks import excluded_releases


class Provider(AbstractProvider[Ask, Candidate, str]):
    """The candidates, their requirements, and what excludes them, for resolvelib."""

    def __init__(self, pool: CandidatePool, explicit: frozenset[str]) -> None:
        self._pool = pool
        self._explicit = explicit

    def identify(self, requirement_or_candidate: Ask | Candidate) -> str:
        if isinstance(requirement_or_candidate, Candidate):
            return requirement_or_candidate.identifier
        return requirement_or_candidate.name

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Candidate],
        candidates: Mapping[str, Iterator[Candidate]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, str]:
        # What the image names is decided first, so that other requirements cannot change it.
        return identifier not in self._explicit, identifier

    def find_matches(
        self,
        identifier: str,
        requirements: Mapping[str, Iterator[Ask]],
        incompatibilities: Mapping[str, Iterator[Candidate]],
    ) -> list[Candidate]:
        asks = list(requirements[identifier])
        excluded = set(incompatibilities[identifier])
        if all(ask.kind == "forbid" for ask in asks):
            absent = Candidate(identifier, "", absent=True)
            return [] if absent in excluded else [absent]
        return [candidate for candidate in self.matching(identifier, asks) if candidate not in excluded]

    def matching(self, identifier: str, asks: Sequence[Ask]) -> list[Candidate]:
        """Return the candidates that satisfy all of `asks`, best first.

        Pre-releases are included only if a requirement names one, or if nothing else satisfies `asks`.
        """
        known = self._pool.candidates(identifier, self._explicit)
        candidates = [one for one in known if all(self.is_satisfied_by(ask, one) for ask in asks)]
        if any(names_prerelease(ask.requirement.version) for ask in asks if ask.kind != "forbid"):
            return candidates
        return [candidate for candidate in candidates if not self._pool.is_last_resort(candidate)] or candidates

    def best(self, identifier: str, asks: Sequence[Ask]) -> Candidate | None:
        """Return the best candidate that satisfies all of `asks`; None if there is none."""
        narrowing = [ask for ask in asks if ask.kind == "forbid" or ask.requirement.narrows]
        if narrowing:
            return next(iter(self.matching(identifier, narrowing)), None)
        candidates = self._pool.candidates(identifier, self._explicit)
        usual = (candidate for candidate in candidates if not self._pool.is_last_resort(candidate))
        return next(usual, next(iter(candidates), None))

    def is_satisfied_by(self, requirement: Ask, candidate: Candidate) -> bool:
        if requirement.kind != "forbid" and candidate.stands_for and requirement.requirement.version:
            return False
        try:
            fits = candidate.wanted_flavours(requirement.requirement) is not None
        except ValueError as error:
            message = f"{requirement.origin} asks for {requirement.requirement}: {error}"
            raise EdgebakeError(message, at=requirement.at) from None
        return candidate.absent or not fits if requirement.kind == "forbid" else fits

    def get_dependencies(self, candidate: Candidate) -> Iterable[Ask]:
        if candidate.stands_for:
            version = f"=={candidate.version}" if candidate.loaded and candidate.loaded.is_versioned else ""
            exact = Requirement(candidate.name, (), version)
            return [Ask(exact, "provide", candidate.stands_for, candidate.stands_for)]
        if candidate.loaded is None:
            return []
        needs = self._pool.needs
        if candidate not in needs:
            needs[candidate] = tuple(self._needs(candidate))
        return needs[candidate]

    def _needs(self, candidate: Candidate) -> Iterator[Ask]:
        assert candidate.loaded is not None
        recipe = candidate.loaded.recipe
        parts: tuple[Recipe | Additions, ...] = (recipe, *candidate.additions)
        for part in parts:
            location = () if isinstance(part, Recipe) else _location(candidate, part)
            yield from self._asks(candidate, part.requires, "run", (*location, "requires"))
            yield from self._asks(candidate, part.conflicts, "forbid", (*location, "conflicts"))
            yield from self._python_asks(candidate, part, location)
        if recipe.build is not None:
            yield from self._asks(candidate, recipe.build.libraries, "library", ("build", "libraries"))

    def _python_asks(self, candidate: Candidate, part: Recipe | Additions, location: Location) -> Iterator[Ask]:
        """Yield what a recipe's Python requirements forbid of other recipes' releases."""
        assert candidate.loaded is not None
        texts, place = (part.install.pip, ("install", "pip")) if isinstance(part, Recipe) else (part.pip, ("pip",))
        for index, text in enumerate(texts):
            written = (candidate.loaded.document, (*location, *place, index))
            for requirement in excluded_releases(self._pool, candidate.name, text):
                yield Ask(requirement, "forbid", str(candidate), candidate.name, written, text)

    def _asks(
        self, candidate: Candidate, requirements: Sequence[Requirement], kind: Kind, location: Location
    ) -> Iterator[Ask]:
        assert candidate.loaded is not None
        for index, requirement in enumerate(requirements):
            place = (candidate.loaded.document, (*location, index))
            name = self._pool.canonical(requirement.name)
            ask = Ask(requirement.named(name or requirement.name), kind, str(candidate), candidate.name, place)
            if name is None and kind != "forbid":
                raise explain_unknown(requirement, self._pool.catalogue, at=ask.at, origin=str(candidate))
            yield ask


def _location(candidate: Candidate, part: Additions) -> Location:
    release: Location = ("releases", candidate.release_number)
    return release if isinstance(part, Release) else (*release, "variants", candidate.variant_number)

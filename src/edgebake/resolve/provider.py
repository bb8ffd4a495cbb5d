"""edgebake's rules in resolvelib's terms."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from resolvelib import AbstractProvider

from edgebake.model.recipe import Additions, Recipe
from edgebake.model.requirement import Requirement
from edgebake.resolve.candidates import Candidate, CandidatePool

Kind = Literal["run", "library", "forbid"]


@dataclass(frozen=True)
class Ask:
    """A requirement, and who has it.

    `kind`: needed at run time, needed to build against, or not to be in the image. `origin` is prose;
    `parent` the recipe that asks, or None for the image itself.
    """

    requirement: Requirement
    kind: Kind
    origin: str
    parent: str | None = None


def additions(candidate: Candidate) -> tuple[Additions, ...]:
    """Return what adds to a candidate's recipe: its release and variant."""
    parts = (candidate.release, candidate.variant)
    return tuple(part for part in parts if part is not None)


class Provider(AbstractProvider[Ask, Candidate, str]):
    """Tells resolvelib what candidates there are, what they need, and what excludes them."""

    def __init__(self, pool: CandidatePool, explicit: frozenset[str]) -> None:
        self._pool = pool
        self._explicit = explicit

    def identify(self, requirement_or_candidate: Ask | Candidate) -> str:
        if isinstance(requirement_or_candidate, Candidate):
            return requirement_or_candidate.identifier
        return requirement_or_candidate.requirement.name

    def get_preference(
        self,
        identifier: str,
        resolutions: Mapping[str, Candidate],
        candidates: Mapping[str, Iterator[Candidate]],
        information: Mapping[str, Iterator[Any]],
        backtrack_causes: Sequence[Any],
    ) -> tuple[bool, str]:
        # What the image names is decided first, so that it can only fail, never be bent.
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
        return [
            candidate
            for candidate in self._pool.candidates(identifier, self._explicit)
            if candidate not in excluded and all(self.is_satisfied_by(ask, candidate) for ask in asks)
        ]

    def is_satisfied_by(self, requirement: Ask, candidate: Candidate) -> bool:
        if requirement.kind == "forbid":
            return candidate.absent or candidate.wanted_flavours(requirement.requirement) is None
        if candidate.stands_for and requirement.requirement.version:
            return False
        return candidate.wanted_flavours(requirement.requirement) is not None

    def get_dependencies(self, candidate: Candidate) -> Iterable[Ask]:
        if candidate.stands_for:
            exact = Requirement(candidate.name, (), f"=={candidate.version}")
            return [Ask(exact, "run", f"{candidate.stands_for} (provided by it)", candidate.name)]
        if candidate.loaded is None:
            return []
        return list(self._needs(candidate))

    def _needs(self, candidate: Candidate) -> Iterator[Ask]:
        assert candidate.loaded is not None
        recipe, origin = candidate.loaded.recipe, str(candidate)
        parts: tuple[Recipe | Additions, ...] = (recipe, *additions(candidate))
        for part in parts:
            yield from (self._ask(r, "run", origin, recipe.name) for r in part.requires)
            yield from (self._ask(r, "forbid", origin, recipe.name) for r in part.conflicts)
        if recipe.build is not None:
            yield from (self._ask(r, "library", origin, recipe.name) for r in recipe.build.libraries)

    def _ask(self, requirement: Requirement, kind: Kind, origin: str, parent: str) -> Ask:
        name = self._pool.catalogue.canonical(requirement.name) or requirement.name
        return Ask(requirement.named(name), kind, origin, parent)

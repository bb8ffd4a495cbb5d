"""Candidates for a name on a target: releases of recipes with their variants, and facts of the target."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import field, replace

from edgebake.dataclasses import dataclass
from edgebake.load.catalogue import Catalogue, LoadedRecipe
from edgebake.model.condition import VERSION_FACTS, Condition, Fact, Unmet
from edgebake.model.recipe import Release, Variant
from edgebake.model.requirement import Requirement
from edgebake.model.target import Target, facts
from edgebake.model.versions import has_prefix, is_prerelease, parse_version, version_matches
from edgebake.resolve.ask import Ask

_HOST_LIBRARIES = ("cuda", "cudnn", "tensorrt")


@dataclass(frozen=True)
class Candidate:
    """One way to satisfy a name.

    Attributes:
        name: the recipe's name, or the fact's.
        version: the release, or the fact's value.
        loaded: the recipe; None if nothing is installed: the base image or the host has it (`note`), or the name is
            not allowed (`absent`).
        stands_for: the name that this recipe provides. The candidate then only requires the recipe itself.
        absent: whether the candidate means that nothing has this name.
        note: where the fact comes from, as prose.
    """

    name: str
    version: str
    loaded: LoadedRecipe | None = field(default=None, compare=False)
    release: Release | None = field(default=None, compare=False)
    variant: Variant | None = field(default=None, compare=False)
    variant_number: int = -1
    release_number: int = field(default=-1, compare=False)
    stands_for: str | None = None
    absent: bool = False
    note: str = field(default="", compare=False)

    @property
    def identifier(self) -> str:
        return self.stands_for or self.name

    @property
    def flavours(self) -> tuple[str, ...]:
        """The flavours of the release; the first is the default."""
        return (self.release.flavours or self.loaded.recipe.flavours) if self.loaded and self.release else ()

    @property
    def additions(self) -> tuple[Release | Variant, ...]:
        """What it adds to its recipe: its release and variant."""
        return tuple(part for part in (self.release, self.variant) if part is not None)

    def __str__(self) -> str:
        versioned = self.loaded is None or self.loaded.is_versioned
        return f"{self.name} {self.version}" if versioned else self.name

    def wanted_flavours(self, requirement: Requirement) -> tuple[str, ...] | None:
        """Return the flavours of this candidate that a requirement asks for; None if it does not satisfy it."""
        if self.absent:
            return None
        if not requirement.version and not requirement.flavours:
            return ()
        if self.loaded is None or self.release is None:
            return () if version_matches(self.version, requirement.version) else None
        if not set(requirement.flavours) <= set(self.flavours):
            return None
        versioning = self.loaded.recipe.versioning
        if version_matches(self.version, requirement.version, versioning):
            return requirement.flavours
        # ros:humble-desktop is ros[desktop]:humble.
        for flavour in self.flavours:
            version = requirement.version.removesuffix(f"-{flavour}")
            if version != requirement.version and version_matches(self.version, version, versioning):
                return (*requirement.flavours, flavour)
        return None


@dataclass(frozen=True)
class Unavailable:
    """A release that does not exist on a target, and the reason: what it needs."""

    version: str
    reason: str


# Facts that name a kind of machine. A variant for another kind of machine is not worth a hint.
_KINDS_OF_MACHINE = frozenset({"target", "family", "platform", "board", "cuda_flavour", "memory"})


class CandidatePool:
    """The candidates of every name on one target and platform.

    Args:
        catalogue: the catalogue with the recipes.
        target: the target.
        platform: the OCI platform, or None for stages of the build platform.
        locked: releases in the lock, by recipe. They are preferred.
    """

    def __init__(
        self, catalogue: Catalogue, target: Target, platform: str | None, locked: Mapping[str, str] | None = None
    ) -> None:
        self.catalogue = catalogue
        self.target = target
        self.platform = platform
        self.facts = facts(target, platform)
        self._locked = locked or {}
        self._cache: dict[tuple[str, str | None], tuple[Candidate, ...]] = {}  # by name and locked release
        self._providers: dict[frozenset[str], dict[str, list[Candidate]]] = {}
        self.needs: dict[Candidate, tuple[Ask, ...]] = {}
        """Requirements of candidates; filled by the provider when they are needed."""

    def preferring(self, locked: Mapping[str, str]) -> CandidatePool:
        """Return a pool of the same candidates for another lock. Both share their cache."""
        pool = copy.copy(self)
        pool._locked = locked
        pool._providers = {}
        return pool

    def on(self, target: Target) -> CandidatePool:
        """Return a pool for another target, or for this one with another Python."""
        return CandidatePool(self.catalogue, target, self.platform, self._locked)

    def candidates(self, name: str, explicit: frozenset[str] = frozenset()) -> tuple[Candidate, ...]:
        """Return the candidates of `name`, best first.

        `explicit`: the recipes that the image names. They come first among those that provide `name`.
        """
        key = (name, self._locked.get(name))
        if key not in self._cache:
            self._cache[key] = tuple(self._find(name))
        own = self._cache[key]
        provided = self._provided_by(explicit).get(name, ())
        if provided:
            return (*provided, *own)
        if own or self.catalogue.has_recipe(name):
            return own
        return tuple(c for p in self.catalogue.providers(name) for c in self._providing(name, p))

    def _provided_by(self, explicit: frozenset[str]) -> dict[str, list[Candidate]]:
        """Return the candidates that the recipes in `explicit` provide, by the provided name."""
        if explicit not in self._providers:
            candidates: dict[str, list[Candidate]] = {}
            for recipe in sorted(explicit):
                if self.catalogue.has_recipe(recipe):
                    loaded = self.catalogue.recipe(recipe)
                    for name in loaded.recipe.provides:
                        candidates.setdefault(name, []).extend(self._providing(name, loaded))
            self._providers[explicit] = candidates
        return self._providers[explicit]

    def unavailable(self, loaded: LoadedRecipe) -> list[Unavailable]:
        """Return the releases of a recipe that do not exist on the target, newest first."""
        releases = _ordered(loaded, loaded.releases(self.target), None)
        missing = (release for release in releases if not list(self._variants(loaded, release)))
        return [Unavailable(release.version, self._reason(release)) for release in missing]

    def canonical(self, name: str) -> str | None:
        """Return the name that a requirement refers to: a recipe, a provided name or a fact; None if unknown."""
        recipe = self.catalogue.canonical(name)
        is_known = recipe or name in VERSION_FACTS or self.catalogue.providers(name)
        return (recipe or name) if is_known else None

    def is_last_resort(self, candidate: Candidate) -> bool:
        """Return whether a candidate is used only on request: a pre-release, not locked and not the default."""
        if candidate.loaded is None or candidate.release is None or candidate.release.default:
            return False
        locked = self._locked.get(candidate.name) == candidate.version
        return not locked and is_prerelease(candidate.version, candidate.loaded.recipe.versioning)

    def locked(self, name: str) -> str | None:
        """Return the locked release of a recipe; None if it is not locked."""
        return self._locked.get(name)

    def fact(self, name: str) -> Fact:
        """Return a fact of the target; None if the target does not have it."""
        return self.facts.get(name)

    def _find(self, name: str) -> Iterator[Candidate]:
        if name not in VERSION_FACTS:
            if self.catalogue.has_recipe(name):
                yield from self._releases(self.catalogue.recipe(name))
            return
        fact = self.facts[name]
        if fact is None and self.catalogue.has_recipe(name):
            yield from self._conditional_releases(self.catalogue.recipe(name))
        if fact is None or isinstance(fact, tuple):
            return
        if name in self.target.base.provides:
            yield Candidate(name, fact, note="in the base image")
        elif self.target.host_libraries and name in _HOST_LIBRARIES:
            yield Candidate(name, fact, note="mounted from the host")
        elif self.catalogue.has_recipe(name):
            yield from self._fact_releases(self.catalogue.recipe(name), fact)
        elif name in ("jetpack", "l4t"):
            yield Candidate(name, fact, note="the target")

    def _conditional_releases(self, loaded: LoadedRecipe) -> Iterator[Candidate]:
        """Yield releases of a recipe whose name is a fact that the target lacks: those with a `when` that holds."""
        for candidate in self._releases(loaded):
            if loaded.is_versioned and any(part.when != Condition() for part in candidate.additions):
                yield candidate

    def _fact_releases(self, loaded: LoadedRecipe, fact: str) -> Iterator[Candidate]:
        for candidate in self._releases(loaded):
            if candidate.release and not loaded.is_versioned:
                release = candidate.release.model_copy(update={"version": fact})
                yield replace(candidate, version=fact, release=release)
            elif has_prefix(fact, candidate.version) or has_prefix(candidate.version, fact):
                yield candidate

    def _releases(self, loaded: LoadedRecipe) -> Iterator[Candidate]:
        for release in _ordered(loaded, loaded.releases(self.target), self._locked.get(loaded.name)):
            yield from self._variants(loaded, release)

    def _variants(self, loaded: LoadedRecipe, release: Release) -> Iterator[Candidate]:
        if not release.when.holds(self.facts):
            return
        name, version, index = loaded.name, release.version, loaded.release_number(release)
        if not release.variants:
            yield Candidate(name, version, loaded, release, release_number=index)
        for number, variant in enumerate(release.variants):
            if variant.when.holds(self.facts):
                yield Candidate(name, version, loaded, release, variant, number, index)

    def _reason(self, release: Release) -> str:
        unmet = release.when.unmet(self.facts)
        alternatives = [unmet] if unmet else _nearest([variant.when for variant in release.variants], self.facts)
        phrases = [" and ".join(term.phrase for term in terms) for terms in alternatives]
        return ", or ".join(dict.fromkeys(phrases))

    def _providing(self, name: str, provider: LoadedRecipe) -> Iterator[Candidate]:
        for candidate in self._releases(provider):
            yield Candidate(provider.name, candidate.version, provider, stands_for=name)


def _nearest(conditions: list[Condition], facts: dict[str, Fact]) -> list[tuple[Unmet, ...]]:
    """Return the unmet terms of each condition; only of conditions for this kind of machine, if there are any."""
    alternatives = [condition.unmet(facts) for condition in conditions]
    near = [
        terms
        for terms, condition in zip(alternatives, conditions, strict=True)
        if not _KINDS_OF_MACHINE & {term.fact for term in terms} and ("cuda", ("none",)) not in condition.terms
    ]
    return near or alternatives


def _ordered(loaded: LoadedRecipe, releases: tuple[Release, ...], locked: str | None) -> list[Release]:
    """Return releases in order of preference: locked, default, newest, pre-releases last."""
    versioning = loaded.recipe.versioning
    newest_first = list(releases)
    if versioning == "pep440":
        newest_first.sort(key=lambda release: parse_version(release.version), reverse=True)
    return sorted(
        newest_first, key=lambda r: (r.version != locked, not r.default, is_prerelease(r.version, versioning))
    )

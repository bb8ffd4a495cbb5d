"""What can stand for a name on a target: recipe releases with their variants, and the target's facts."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace

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

    `loaded` None: nothing is installed, because the base image or the host brings it (`note` says which), or
    because the name must not be there (`absent`). `stands_for`: the name that this recipe provides; then it only
    asks for the recipe itself.
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

    def __str__(self) -> str:
        versioned = self.loaded is None or self.loaded.is_versioned
        return f"{self.name} {self.version}" if versioned else self.name

    def wanted_flavours(self, requirement: Requirement) -> tuple[str, ...] | None:
        """Return the flavours that a requirement asks of this candidate, or None if it is not satisfied."""
        if self.absent:
            return None
        if not requirement.version and not requirement.flavours:
            return ()
        if self.loaded is None or self.release is None:
            return () if version_matches(self.version, requirement.version) else None
        known = flavours_of(self.loaded, self.release)
        if not set(requirement.flavours) <= set(known):
            return None
        versioning = self.loaded.recipe.versioning
        if version_matches(self.version, requirement.version, versioning):
            return requirement.flavours
        # ros:humble-desktop is ros[desktop]:humble.
        for flavour in known:
            version = requirement.version.removesuffix(f"-{flavour}")
            if version != requirement.version and version_matches(self.version, version, versioning):
                return (*requirement.flavours, flavour)
        return None


def flavours_of(loaded: LoadedRecipe, release: Release) -> tuple[str, ...]:
    """Return the flavours of a release; the first is the default."""
    return release.flavours or loaded.recipe.flavours


@dataclass(frozen=True)
class Unavailable:
    """A release that does not exist on a target, and what it needs there."""

    version: str
    reason: str


# Facts that say what a machine is: a variant for another machine is no near miss.
_KINDS_OF_MACHINE = frozenset({"target", "family", "platform", "board", "cuda_flavour", "memory"})


class CandidatePool:
    """The candidates of every name on one target and platform.

    Args:
        catalogue: where recipes are found.
        target: the target.
        platform: the OCI platform, or None for stages of the build platform.
        locked: releases that a lock prefers, by recipe.
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
        """What candidates need, as far as it was asked; filled by the provider."""

    def preferring(self, locked: Mapping[str, str]) -> CandidatePool:
        """Return a pool of the same candidates for another lock. The two share what they find."""
        pool = copy.copy(self)
        pool._locked = locked
        pool._providers = {}
        return pool

    def on(self, target: Target) -> CandidatePool:
        """Return a pool of the same names on another target, or on this one with another Python."""
        return CandidatePool(self.catalogue, target, self.platform, self._locked)

    def candidates(self, name: str, explicit: frozenset[str] = frozenset()) -> tuple[Candidate, ...]:
        """Return the candidates of `name`, best first.

        `explicit`: recipes that the image names, which come first among those that provide `name`.
        """
        key = (name, self._locked.get(name))
        if key not in self._cache:
            self._cache[key] = tuple(self._find(name))
        own = self._cache[key]
        asked = self._asked_to_provide(explicit).get(name, ())
        if asked:
            return (*asked, *own)
        if own or self.catalogue.has_recipe(name):
            return own
        return tuple(c for p in self.catalogue.providers(name) for c in self._stand_ins(name, p))

    def _asked_to_provide(self, explicit: frozenset[str]) -> dict[str, list[Candidate]]:
        """Return, by name, the candidates of recipes that an image names and that provide something else."""
        if explicit not in self._providers:
            found: dict[str, list[Candidate]] = {}
            for recipe in sorted(explicit):
                if self.catalogue.has_recipe(recipe):
                    loaded = self.catalogue.recipe(recipe)
                    for name in loaded.recipe.provides:
                        found.setdefault(name, []).extend(self._stand_ins(name, loaded))
            self._providers[explicit] = found
        return self._providers[explicit]

    def unavailable(self, loaded: LoadedRecipe) -> list[Unavailable]:
        """Return the releases of a recipe that do not exist here, with reasons, newest first."""
        missing = []
        for release in _ordered(loaded, loaded.releases(self.target), None):
            if not any(True for _ in self._variants(loaded, release)):
                missing.append(Unavailable(release.version, self._reason(release)))
        return missing

    def canonical(self, name: str) -> str | None:
        """Return the name that a requirement means: a recipe's, one that recipes provide, or a fact's; or None."""
        recipe = self.catalogue.canonical(name)
        if recipe is not None:
            return recipe
        return name if name in VERSION_FACTS or self.catalogue.providers(name) else None

    def is_last_resort(self, candidate: Candidate) -> bool:
        """Tell whether nobody gets a candidate without asking for it: a pre-release, not locked and no default."""
        if candidate.loaded is None or candidate.release is None or candidate.release.default:
            return False
        locked = self._locked.get(candidate.name) == candidate.version
        return not locked and is_prerelease(candidate.version, candidate.loaded.recipe.versioning)

    def locked(self, name: str) -> str | None:
        """Return the release of a recipe that the lock has; None if it has none."""
        return self._locked.get(name)

    def fact(self, name: str) -> Fact:
        """Return a fact of the target; None if it has none."""
        return self.facts.get(name)

    def _find(self, name: str) -> Iterator[Candidate]:
        if name not in VERSION_FACTS:
            if self.catalogue.has_recipe(name):
                yield from self._releases(self.catalogue.recipe(name))
            return
        fact = self.facts[name]
        if fact is None and self.catalogue.has_recipe(name):
            yield from self._chosen(self.catalogue.recipe(name))
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

    def _chosen(self, loaded: LoadedRecipe) -> Iterator[Candidate]:
        """Yield the releases of a name that is a fact elsewhere: those that say that they are for such a target."""
        for candidate in self._releases(loaded):
            conditions = [one.when for one in (candidate.release, candidate.variant) if one is not None]
            if loaded.is_versioned and any(condition != Condition() for condition in conditions):
                yield candidate

    def _fact_releases(self, loaded: LoadedRecipe, fact: str) -> Iterator[Candidate]:
        for candidate in self._releases(loaded):
            if not loaded.is_versioned:
                yield _with_version(candidate, fact)
            elif has_prefix(fact, candidate.version) or has_prefix(candidate.version, fact):
                yield candidate

    def _releases(self, loaded: LoadedRecipe) -> Iterator[Candidate]:
        for release in _ordered(loaded, loaded.releases(self.target), self._locked.get(loaded.name)):
            yield from self._variants(loaded, release)

    def _variants(self, loaded: LoadedRecipe, release: Release) -> Iterator[Candidate]:
        if not release.when.holds(self.facts):
            return
        name, version, place = loaded.name, release.version, loaded.release_number(release)
        if not release.variants:
            yield Candidate(name, version, loaded, release, release_number=place)
        for number, variant in enumerate(release.variants):
            if variant.when.holds(self.facts):
                yield Candidate(name, version, loaded, release, variant, number, place)

    def _reason(self, release: Release) -> str:
        unmet = release.when.unmet(self.facts)
        ways = [unmet] if unmet else _nearest([variant.when for variant in release.variants], self.facts)
        phrases = [" and ".join(one.phrase for one in way) for way in ways]
        return ", or ".join(dict.fromkeys(phrases))

    def _stand_ins(self, name: str, provider: LoadedRecipe) -> Iterator[Candidate]:
        for candidate in self._releases(provider):
            yield Candidate(provider.name, candidate.version, provider, stands_for=name)


def _nearest(conditions: list[Condition], facts: dict[str, Fact]) -> list[tuple[Unmet, ...]]:
    """Return what does not hold of the conditions; of those for this kind of machine only, if there are any."""
    ways = [condition.unmet(facts) for condition in conditions]
    near = [
        way
        for way, condition in zip(ways, conditions, strict=True)
        if not _KINDS_OF_MACHINE & {one.fact for one in way} and ("cuda", ("none",)) not in condition.terms
    ]
    return near or ways


def _with_version(candidate: Candidate, version: str) -> Candidate:
    assert candidate.release is not None
    release = candidate.release.model_copy(update={"version": version})
    return replace(candidate, version=version, release=release)


def _ordered(loaded: LoadedRecipe, releases: tuple[Release, ...], locked: str | None) -> list[Release]:
    """Return releases, the one to prefer first: locked, marked as default, newest, pre-releases last."""
    versioning = loaded.recipe.versioning
    newest_first = list(releases)
    if versioning == "pep440":
        newest_first.sort(key=lambda release: parse_version(release.version), reverse=True)
    return sorted(
        newest_first,
        key=lambda r: (r.version != locked, not r.default, is_prerelease(r.version, versioning)),
    )

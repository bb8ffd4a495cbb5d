"""What a recipe asks of Python's packages that other recipes provide: it takes part in choosing their releases.

A recipe that asks pip for `numpy<2` cannot be in one image with a later release of the recipe numpy.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from packaging.requirements import InvalidRequirement
from packaging.requirements import Requirement as PythonRequirement
from packaging.specifiers import Specifier
from packaging.utils import canonicalize_name

from edgebake.load.catalogue import LoadedRecipe
from edgebake.model.recipe import Release
from edgebake.model.requirement import Requirement
from edgebake.resolve.candidates import CandidatePool

_OPPOSITES = {"==": "!=", "!=": "==", "<": ">=", "<=": ">", ">": "<=", ">=": "<"}


def excluded_releases(pool: CandidatePool, recipe: str, text: str) -> Iterator[Requirement]:
    """Yield the releases of another recipe that a Python requirement of a recipe excludes.

    Args:
        pool: the candidates of a target.
        recipe: the recipe that asks.
        text: its requirement. A template is left to pip, as its value is not known yet.
    """
    asked = _plain(text)
    if asked is None or not asked.specifier:
        return
    package = canonicalize_name(asked.name)
    provider = pool.catalogue.canonical(package)
    if provider is None or provider == recipe or not _installs(pool, provider, package):
        return
    for specifier in asked.specifier:
        for version in _opposite(specifier):
            yield Requirement(provider, (), version)


def _plain(text: str) -> PythonRequirement | None:
    """Return a requirement; None for a template, for an address, and for one that depends on the environment."""
    if "{{" in text or "{%" in text:
        return None
    try:
        asked = PythonRequirement(text)
    except InvalidRequirement:  # reported where the recipe is used
        return None
    return None if asked.url or asked.marker else asked


def _opposite(specifier: Specifier) -> Iterator[str]:
    """Yield the ranges of what a specifier does not allow."""
    if specifier.operator in _OPPOSITES:
        yield f"{_OPPOSITES[specifier.operator]}{specifier.version}"
    elif specifier.operator == "~=":
        yield f"<{specifier.version}"
        yield f"!={specifier.version.rpartition('.')[0]}.*"


def _installs(pool: CandidatePool, name: str, package: str) -> bool:
    """Tell whether each release of a recipe is that release of a Python package."""
    if not pool.catalogue.has_recipe(name):
        return False
    loaded = pool.catalogue.recipe(name)
    if loaded.recipe.versioning != "pep440" or not loaded.is_versioned:
        return False
    pinned = [one for release in loaded.releases(pool.target) for one in _pinned(loaded, release, package)]
    return bool(pinned) and all(pinned)


def _pinned(loaded: LoadedRecipe, release: Release, package: str) -> list[bool]:
    """Return, for each of a release's requirements of a package, whether it is for the package's same release."""
    texts: list[Sequence[str]] = [loaded.recipe.install.pip, release.pip, *(one.pip for one in release.variants)]
    own = [text.replace("{{ version }}", release.version) for part in texts for text in part]
    found = [asked for asked in map(_plain, own) if asked and canonicalize_name(asked.name) == package]
    return [str(asked.specifier) == f"=={release.version}" for asked in found]

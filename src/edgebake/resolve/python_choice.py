"""The Python of an image: the distribution's, or the version that the image requires (`python:3.12`)."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.load.catalogue import Catalogue
from edgebake.model.recipe import Release, Variant
from edgebake.model.requirement import Requirement
from edgebake.model.target import Target, facts
from edgebake.model.versions import parse_version, version_matches

PYTHON = "python"
RUNTIME = "python-standalone"
"""The recipe of every Python except the distribution's. Another recipe can provide it."""


def with_wanted_python(target: Target, catalogue: Catalogue, wanted: Iterable[Requirement]) -> Target:
    """Return the target with the Python that an image requires.

    This is the distribution's Python if it fits, otherwise the newest one in the recipe `python` that fits. If none
    fits, the target is returned as declared, and resolving reports the conflict.

    Args:
        target: the target.
        catalogue: the catalogue with the recipe `python`.
        wanted: the requirements of the image itself. Requirements of its recipes never choose another Python.
    """
    declared = target.declared
    versions = [each.version for each in wanted if each.version and catalogue.canonical(each.name) == PYTHON]
    if declared.python is None or _matches(declared.python, versions):
        return declared
    fitting = (version for version in other_pythons(declared, catalogue) if _matches(version, versions))
    return declared.with_python(next(fitting, declared.python))


def other_pythons(target: Target, catalogue: Catalogue) -> list[str]:
    """Return the versions of Python that an image can require in place of the distribution's, newest first."""
    if target.declared.python is None or not catalogue.has_recipe(PYTHON):
        return []
    loaded = catalogue.recipe(PYTHON)
    releases = loaded.releases(target.declared) if loaded.is_versioned else ()
    others = (release for release in releases if release.version != target.declared.python)
    versions = [release.version for release in others if _exists(release, target)]
    return sorted(versions, key=parse_version, reverse=True)


def _exists(release: Release, target: Target) -> bool:
    """Return whether a release of the recipe `python` exists on a platform of a target."""
    all_facts = [facts(target.declared.with_python(release.version), platform) for platform in target.platforms]
    ways = release.variants or (Variant(),)
    return any(release.when.holds(known) and any(way.when.holds(known) for way in ways) for known in all_facts)


def _matches(version: str, wanted: Iterable[str]) -> bool:
    try:
        return all(version_matches(version, each) for each in wanted)
    except ValueError:  # not a version: resolving reports it with its position
        return False

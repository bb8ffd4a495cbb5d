"""Which Python an image has: the distribution's, or the one that it asks for (`python:3.12`)."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.load.catalogue import Catalogue
from edgebake.model.recipe import Release
from edgebake.model.requirement import Requirement
from edgebake.model.target import Target, facts
from edgebake.model.versions import parse_version, version_matches

PYTHON = "python"
RUNTIME = "python-standalone"
"""The recipe of every Python but the distribution's, which another one can stand for."""


def with_wanted_python(target: Target, catalogue: Catalogue, wanted: Iterable[Requirement]) -> Target:
    """Return the target with the Python that an image asks for.

    That is the distribution's, wherever it is what is wanted; else the newest one that the recipe `python` has. If
    there is none either, the target is returned as it is declared, and resolving tells why that is a conflict.

    Args:
        target: the target.
        catalogue: where the recipe is found.
        wanted: what the image itself asks for; what its recipes require is never a reason for another Python.
    """
    declared = target.declared
    versions = [one.version for one in wanted if one.version and catalogue.canonical(one.name) == PYTHON]
    if declared.python is None or _matches(declared.python, versions):
        return declared
    fitting = (version for version in other_pythons(declared, catalogue) if _matches(version, versions))
    return declared.with_python(next(fitting, declared.python))


def other_pythons(target: Target, catalogue: Catalogue) -> list[str]:
    """Return the Pythons that an image can ask for beside the distribution's, newest first."""
    if target.declared.python is None or not catalogue.has_recipe(PYTHON):
        return []
    loaded = catalogue.recipe(PYTHON)
    releases = loaded.releases(target.declared) if loaded.is_versioned else ()
    found = [one.version for one in releases if one.version != target.declared.python and _is_made(one, target)]
    return sorted(found, key=parse_version, reverse=True)


def _is_made(release: Release, target: Target) -> bool:
    """Tell whether a release of Python is there for a target whose distribution has another one."""
    for platform in target.platforms:
        there = facts(target.declared.with_python(release.version), platform)
        ways = [variant.when.holds(there) for variant in release.variants]
        if release.when.holds(there) and (any(ways) or not ways):
            return True
    return False


def _matches(version: str, wanted: Iterable[str]) -> bool:
    try:
        return all(version_matches(version, one) for one in wanted)
    except ValueError:  # a word for a version: resolving tells where it stands
        return False

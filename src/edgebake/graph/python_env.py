"""Which recipe installs which Python package, so that one resolution fills one environment without overlap."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from functools import lru_cache

from packaging.requirements import Requirement

from edgebake.dataclasses import dataclass
from edgebake.graph.view import RecipeView
from edgebake.model.lock import LockedPackage, LockedPython


@dataclass(frozen=True)
class PythonEnv:
    """The Python packages of one image on one target and platform.

    `requirements` are the lines that each recipe installs, if the image is locked; else `reason` says why it is
    not, and `constraints` has everyone's requirements.
    """

    requirements: Mapping[str, tuple[str, ...]]
    constraints: tuple[str, ...] = ()
    reason: str | None = None

    @property
    def locked(self) -> bool:
        return self.reason is None


def resolution_inputs(line: Sequence[RecipeView]) -> str:
    """Return the digest of all that a Python resolution follows from."""
    target = line[0].target if line else None
    asked = [[view.pin.name, view.pip, view.pip_index] for view in line if view.pip]
    facts = [target.python, target.glibc, line[0].platform] if target else []
    return hashlib.sha256(json.dumps([facts, asked]).encode()).hexdigest()


def python_env(line: Sequence[RecipeView], locked: LockedPython | None) -> PythonEnv:
    """Return the environment for a line of recipes, from the lock if it has a fresh resolution.

    Args:
        line: the recipes in order.
        locked: what the lock has.
    """
    if not any(view.pip for view in line):
        return PythonEnv({})
    fresh = locked is not None and locked.inputs == resolution_inputs(line)
    if locked is not None and locked.reason is None and fresh:
        owners = _owners([view.pin.name for view in line], locked.packages)
        if sum(map(len, owners.values())) == len(locked.packages):  # else a hand has been at the lock
            return PythonEnv(owners)
    if locked is None:
        reason = "not locked yet (edgebake lock)"
    elif locked.reason is not None and fresh:
        reason = locked.reason
    else:
        reason = "the lock is stale (edgebake lock)"
    constraints = sorted({_without_extras(requirement) for view in line for requirement in view.pip})
    return PythonEnv({}, tuple(constraints), reason)


@lru_cache(maxsize=8192)
def _without_extras(text: str) -> str:
    """Return a requirement as a constraints file takes it."""
    requirement = Requirement(text)
    requirement.extras = set()
    return str(requirement)


def _owners(line: Sequence[str], packages: Mapping[str, LockedPackage]) -> dict[str, tuple[str, ...]]:
    """Give each package to the first recipe in the line that asks for it or for something that needs it."""
    owned: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for recipe, needed in _needed_packages(line, packages).items():
        own = needed - taken
        taken |= own
        if own:
            owned[recipe] = tuple(_package_line(packages[name]) for name in sorted(own))
    return owned


def _needed_packages(line: Sequence[str], packages: Mapping[str, LockedPackage]) -> dict[str, set[str]]:
    """Return the packages that each recipe of a line asks for, with all that these need, in the line's order."""
    needs: dict[str, list[str]] = {}
    for name, package in packages.items():
        for asker in package.via:
            needs.setdefault(asker, []).append(name)
    found: dict[str, set[str]] = {}
    for recipe in line:
        own = found.setdefault(recipe, set())
        todo = list(needs.get(f"recipe:{recipe}", ()))
        while todo:
            name = todo.pop()
            if name not in own:
                own.add(name)
                todo.extend(needs.get(name, ()))
    return found


def _package_line(package: LockedPackage) -> str:
    return " \\\n    ".join([package.requirement, *(f"--hash={digest}" for digest in package.hashes)])

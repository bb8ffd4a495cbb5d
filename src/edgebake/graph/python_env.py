"""Which recipe installs which Python package, so that one resolution fills one environment without overlap."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import field
from functools import lru_cache

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake.dataclasses import dataclass
from edgebake.graph.view import RecipeView
from edgebake.model.lock import LockedPackage, LockedPython

_STALE = "the lock is stale (edgebake lock)"


@dataclass(frozen=True)
class PythonEnv:
    """The Python packages of one image on one target and platform.

    If the image is locked, `requirements` are the lines that each recipe installs, and `needs` has each package and
    those that it needs; else `reason` says why it is not, and `constraints` has everyone's requirements.
    """

    requirements: Mapping[str, tuple[str, ...]]
    constraints: tuple[str, ...] = ()
    reason: str | None = None
    needs: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

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
    reason = _why_not_locked(line, locked)
    if locked is not None and reason is None:
        owners = _owners(line, locked)
        if sum(map(len, owners.values())) == len(locked.packages):  # else a hand has been at the lock
            return PythonEnv(owners, needs=locked.needs)
        reason = _STALE
    constraints = sorted({_without_extras(requirement) for view in line for requirement in view.pip})
    return PythonEnv({}, tuple(constraints), reason)


def _why_not_locked(line: Sequence[RecipeView], locked: LockedPython | None) -> str | None:
    """Return why a lock's resolution cannot be used for a line of recipes; None if it can."""
    if locked is None:
        return "not locked yet (edgebake lock)"
    if locked.inputs != resolution_inputs(line):
        return _STALE
    return locked.reason


@lru_cache(maxsize=8192)
def _without_extras(text: str) -> str:
    """Return a requirement as a constraints file takes it."""
    requirement = Requirement(text)
    requirement.extras = set()
    return str(requirement)


def _owners(line: Sequence[RecipeView], locked: LockedPython) -> dict[str, tuple[str, ...]]:
    """Give each package to the first recipe in the line that asks for it or for something that needs it."""
    owned: dict[str, tuple[str, ...]] = {}
    taken: set[str] = set()
    for view in line:
        own = _needed_packages(view, locked) - taken
        taken |= own
        if own:
            owned[view.pin.name] = tuple(_package_lines(locked.by_name[name]) for name in sorted(own))
    return owned


def _needed_packages(view: RecipeView, locked: LockedPython) -> set[str]:
    """Return the packages that a recipe asks for, with all that these need."""
    needed: set[str] = set()
    todo = [canonicalize_name(Requirement(requirement).name) for requirement in view.pip]
    while todo:
        name = todo.pop()
        if name not in needed and name in locked.by_name:
            needed.add(name)
            todo.extend(canonicalize_name(one.name) for one in locked.by_name[name].dependencies)
    return needed


def package_of(lines: str) -> str:
    """Return the package that lines of a recipe's `requirements` install."""
    return next(line for line in lines.splitlines() if not line.startswith("#")).partition("==")[0]


def _package_lines(package: LockedPackage) -> str:
    """Return what installs a package, as pip reads it; comments say where its files are."""
    places = [f"# {file.url}" for file in package.files if file.url]
    digests = [f"--hash={kind}:{value}" for file in package.files for kind, value in sorted(file.hashes.items())]
    requirement = f"{package.name}=={package.version}"
    return "\n".join([*places, " \\\n    ".join([requirement, *dict.fromkeys(digests)])])

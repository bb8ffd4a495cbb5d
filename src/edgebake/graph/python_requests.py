"""Who asks for a Python package: a recipe, or a package that another one needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cached_property, lru_cache

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.graph.view import RecipeView
from edgebake.load.document import Location


@lru_cache(maxsize=8192)
def package_of(requirement: str) -> str:
    """Return the normalised name of the package that a requirement is for."""
    return str(canonicalize_name(Requirement(requirement).name))


@dataclass(frozen=True)
class Asker:
    """A recipe that asks for a Python package itself.

    `requirement` is what it asks for, and `location` where it says so.
    """

    view: RecipeView
    requirement: str
    location: Location

    @property
    def at(self) -> Position:
        """The position in the recipe's file."""
        return self.view.at(self.location)

    @property
    def is_from_elsewhere(self) -> bool:
        """Whether it says where the package comes from: an index, or the address of a file."""
        return bool(self.view.pip_index) or Requirement(self.requirement).url is not None


@dataclass(frozen=True)
class PythonRequests:
    """What an image's recipes ask for, and what that needs.

    Attributes:
        views: the image's recipes in order.
        needs: each locked package with those that it needs; empty if the image is not locked.
    """

    views: Sequence[RecipeView]
    needs: Mapping[str, Sequence[str]]

    @cached_property
    def askers(self) -> dict[str, list[Asker]]:
        """The packages that recipes ask for themselves."""
        found: dict[str, list[Asker]] = {}
        for view in self.views:
            for requirement, location in view.pip_places.items():
                found.setdefault(package_of(requirement), []).append(Asker(view, requirement, location))
        return found

    @cached_property
    def packages(self) -> tuple[str, ...]:
        """All packages that are known, sorted."""
        return tuple(sorted({*self.askers, *self.needs}))

    def chain(self, package: str) -> list[str]:
        """Return a shortest chain of packages that ends at this one; a recipe asks for the first of them."""
        before: dict[str, str] = dict.fromkeys(self.askers, "")
        todo = list(self.askers)
        for name in todo:  # grows meanwhile
            for needed in self.needs.get(name, ()):
                if needed not in before:
                    before[needed] = name
                    todo.append(needed)
        return list(_backwards(before, package))[::-1] if package in before else []

    def asker(self, package: str) -> Asker | None:
        """Return the recipe that a package is in the image for; None if nothing needs it."""
        chain = self.chain(package)
        return self.askers[chain[0]][0] if chain else None

    def described(self, package: str) -> str:
        """Return who asked for a package, as prose: "app asks for a (FILE:LINE:COLUMN), which needs b"."""
        chain = self.chain(package)
        if not chain:
            return f"nothing in the lock needs {package}"
        asker = self.askers[chain[0]][0]
        asked = f"{asker.view.pin.name} asks for {asker.requirement.split(' @ ')[0]} ({asker.at})"
        return ", which needs ".join([asked, *chain[1:]])


def _backwards(before: Mapping[str, str], package: str) -> Iterator[str]:
    while package:
        yield package
        package = before[package]

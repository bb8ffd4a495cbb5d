"""What is found out about one target's recipes: once, as its images have most of them in common."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from edgebake.graph.view import RecipeView
from edgebake.load.catalogue import Catalogue
from edgebake.model.requirement import Requirement
from edgebake.model.target import Target
from edgebake.resolve.candidates import Candidate, CandidatePool
from edgebake.resolve.python_choice import other_pythons, with_wanted_python
from edgebake.resolve.resolution import Pin, Resolution
from edgebake.templating.values import target_scope


class TargetRecipes:
    """The candidates and the views of one target's recipes.

    What runs on the build platform has the distribution's Python, whichever the images have.

    Args:
        catalogue: where recipes are found.
        target: the target, with the Python of its images.
        declared: the recipes of the target as it is declared, if its images have another Python.
    """

    def __init__(self, catalogue: Catalogue, target: Target, declared: TargetRecipes | None = None) -> None:
        self.target = target
        self._declared = declared
        self._others: dict[str | None, TargetRecipes] = {}
        self._catalogue = catalogue
        self._pools: dict[str | None, CandidatePool] = {}
        self._scopes: dict[str | None, dict[str, Any]] = {}
        self._views: dict[tuple[Candidate, tuple[str, ...], str | None], RecipeView] = {}

    def wanted_by(self, requirements: Iterable[Requirement]) -> TargetRecipes:
        """Return the recipes for an image with these requirements: for the Python that it asks for."""
        return self.on(with_wanted_python(self.target, self._catalogue, requirements))

    def other_pythons(self) -> list[str]:
        """Return the Pythons that an image can ask for beside the distribution's, newest first."""
        return other_pythons(self.target, self._catalogue)

    def on(self, target: Target) -> TargetRecipes:
        """Return the recipes for the same target with another Python, which are found out once, too."""
        if target.python == self.target.python:
            return self
        if target.python not in self._others:
            self._others[target.python] = TargetRecipes(self._catalogue, target, declared=self)
        return self._others[target.python]

    def pool(self, platform: str | None, locked: Mapping[str, str] | None = None) -> CandidatePool:
        """Return the candidates on a platform; those of the releases in `locked` come first."""
        if platform is None and self._declared is not None:
            return self._declared.pool(None, locked)
        if platform not in self._pools:
            self._pools[platform] = CandidatePool(self._catalogue, self.target, platform)
        pool = self._pools[platform]
        return pool.preferring(locked) if locked else pool

    def scope(self, platform: str | None) -> Mapping[str, Any]:
        """Return what templates see of the target on a platform."""
        if platform not in self._scopes:
            self._scopes[platform] = target_scope(self.target, platform)
        return self._scopes[platform]

    def view(self, pin: Pin, platform: str | None) -> RecipeView:
        """Return the view of a recipe's release on a platform."""
        if platform is None and self._declared is not None:
            return self._declared.view(pin, None)
        key = (pin.candidate, pin.flavours, platform)
        if key not in self._views:
            self._views[key] = RecipeView(pin, self.target, platform, self.scope(platform))
        return self._views[key]

    def views(self, resolutions: Mapping[str, Resolution]) -> dict[tuple[str, str], RecipeView]:
        """Return the views of every pinned recipe, by platform and name."""
        return {
            (platform, name): self.view(pin, platform)
            for platform, resolution in resolutions.items()
            for name, pin in resolution.pins.items()
        }

"""An image on one target, resolved: what lowering turns into stages."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Any

from edgebake.dataclasses import dataclass
from edgebake.graph.python_env import PythonEnv
from edgebake.graph.view import RecipeView
from edgebake.model.project import Image
from edgebake.model.recipe import Runtime
from edgebake.model.target import Target
from edgebake.resolve.python_choice import RUNTIME
from edgebake.resolve.resolution import Pin, Resolution


@dataclass(frozen=True)
class ImagePlan:
    """An image on one target: its resolution and Python environment on each platform, and its line of recipes."""

    name: str
    image: Image
    target: Target
    resolutions: Mapping[str, Resolution]
    python: Mapping[str, PythonEnv]
    line: tuple[str, ...]
    views: Mapping[tuple[str, str], RecipeView]
    """Of every pinned recipe, by platform and name."""

    @cached_property
    def platforms(self) -> tuple[str, ...]:
        return tuple(self.resolutions)

    def installed(self, platform: str, name: str) -> Pin | None:
        """Return a recipe's pin, if it is installed on the platform."""
        resolution = self.resolutions[platform]
        return resolution.pins[name] if name in resolution.installed else None

    def views_on(self, platform: str) -> list[RecipeView]:
        """Return the views of what is installed on a platform, in the order of the line."""
        return [self.views[platform, name] for name in self.line if self.installed(platform, name)]

    @cached_property
    def other_python(self) -> Pin | None:
        """The pin of the recipe that is the image's Python; None if it has the distribution's, or none."""
        pins = (pin for resolution in self.resolutions.values() for pin in resolution.pins.values())
        return next((pin for pin in pins if RUNTIME in (pin.name, *pin.recipe.provides)), None)

    def git_sources(self) -> list[tuple[str, str]]:
        """Return URL and ref of the git sources that name no commit, each once."""
        return sorted({source for view in self.views.values() for source in view.git_sources()})

    @cached_property
    def _runtimes(self) -> list[Runtime]:
        """The image's own runtime settings, then those of its recipes that have any, the line's last one first."""
        recipes = {name: pin.recipe for r in self.resolutions.values() for name, pin in r.pins.items()}
        given = (recipes[name].runtime for name in reversed(self.line))
        return [self.image.runtime, *(runtime for runtime in given if runtime.model_fields_set)]

    def runtime(self, field: str) -> Any:
        """Return a runtime setting: the image's, else that of the line's last recipe that has it, else None."""
        return next((v for runtime in self._runtimes if (v := getattr(runtime, field)) is not None), None)

    def collected(self, field: str) -> list[str]:
        """Return a runtime list of the image and all its recipes, each value once, numbers in their order."""
        found = {value for runtime in self._runtimes for value in getattr(runtime, field)}
        return sorted(found, key=lambda value: (int(value.split("/")[0] or 0) if value[0].isdigit() else 0, value))

    @property
    def needs_gpu(self) -> bool:
        """Whether the image or one of its recipes needs a GPU."""
        return any(runtime.gpu for runtime in self._runtimes)

    def entry(self) -> tuple[tuple[str, ...] | None, tuple[str, ...] | None]:
        """Return entrypoint and cmd; both from one place, so that no program gets another's arguments."""
        own = self.image.runtime
        if own.entrypoint is not None:
            return own.entrypoint, own.cmd
        given = (r for r in self._runtimes if r is not own and (r.entrypoint or r.cmd) is not None)
        runtime = next(given, own)
        return runtime.entrypoint, own.cmd if own.cmd is not None else runtime.cmd

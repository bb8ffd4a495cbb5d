"""The names that a recipe written in Python imports.

Example:
    ```python
    from edgebake.recipe import Recipe, Release, Target


    def releases(target: Target) -> list[Release]:
        return [Release(version="1.0")] if target.cuda else []


    recipe = Recipe(name="hello", summary="An example", releases=releases)
    ```
"""

from edgebake.model.condition import parse_condition as when
from edgebake.model.lint import Lint
from edgebake.model.recipe import (
    Build,
    Citation,
    HealthCheck,
    Install,
    Recipe,
    Release,
    Runtime,
    Source,
    Sysroot,
    Test,
    Variant,
)
from edgebake.model.target import Target

__all__ = [
    "Build",
    "Citation",
    "HealthCheck",
    "Install",
    "Lint",
    "Recipe",
    "Release",
    "Runtime",
    "Source",
    "Sysroot",
    "Target",
    "Test",
    "Variant",
    "when",
]

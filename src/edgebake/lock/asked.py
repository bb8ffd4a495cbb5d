"""What the recipes of an image ask of Python's package indexes, as projects that uv reads."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path

from packaging.requirements import Requirement

from edgebake.errors import EdgebakeError
from edgebake.graph.python_conflict import Asked
from edgebake.graph.view import RecipeView

_PROJECT = "edgebake-recipe-"
_PROJECTS = re.compile(rf"{_PROJECT}(\d+)")

Chooser = Callable[[Sequence[str], str], str]
"""Returns the first of several indexes that has a package."""


def asked_of(views: Iterable[RecipeView], choose: Chooser) -> list[Asked]:
    """Return what recipes ask for, each with the index that it comes from.

    A recipe's indexes are for its own requirements. Everything else comes from the default index.

    Args:
        views: the recipes.
        choose: finds the first of several indexes that has a package.

    Raises:
        EdgebakeError: two recipes ask for one package from different indexes.
    """
    asked = [_asked(view, text, choose) for view in views for text in view.pip]
    by_package: dict[str, Asked] = {}
    for one in asked:
        if one.index is not None:
            other = by_package.setdefault(one.package, one)
            if other.index != one.index:
                raise _two_indexes(other, one)
    return asked


def _asked(view: RecipeView, text: str, choose: Chooser) -> Asked:
    requirement, indexes = Requirement(text), view.pip_index
    index = None
    if indexes and not requirement.url:
        index = indexes[0] if len(indexes) == 1 else choose(indexes, requirement.name)
    return Asked(view.pin.name, text, index, view.at(view.pip_places[text]))


def _two_indexes(first: Asked, second: Asked) -> EdgebakeError:
    return EdgebakeError(
        f"{first.recipe} and {second.recipe} ask for {first.package} from different indexes",
        at=second.at,
        reason=f"{first}\n{second}",
        hints=("name one index in both recipes", "or let one recipe ask for the package, and the other require it"),
    )


def write_projects(folder: Path, asked: Iterable[Asked]) -> list[str]:
    """Write a project for each recipe, and return their paths relative to the folder."""
    paths = []
    for number, recipe in enumerate(dict.fromkeys(one.recipe for one in asked)):
        path = folder / f"r{number}" / "pyproject.toml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(_project(number, [one for one in asked if one.recipe == recipe]), encoding="utf-8")
        paths.append(path.relative_to(folder).as_posix())
    return paths


def _project(number: int, asked: Sequence[Asked]) -> str:
    """Return a project that needs what a recipe asks for. A string of JSON is one of TOML, too."""
    indexes = list(dict.fromkeys(one.index for one in asked if one.index))
    lines = ["[project]", f'name = "{_PROJECT}{number}"', 'version = "0"']
    lines.append(f"dependencies = {json.dumps([one.text for one in asked])}")
    lines.append("[tool.uv.sources]")
    sources = {one.package: indexes.index(one.index) for one in asked if one.index}
    lines += [f'"{package}" = {{index = "i{index}"}}' for package, index in sources.items()]
    for index, url in enumerate(indexes):
        lines += ["[[tool.uv.index]]", f'name = "i{index}"', f"url = {json.dumps(url)}", "explicit = true"]
    return "\n".join(lines) + "\n"


def with_recipe_names(text: str, asked: Iterable[Asked]) -> str:
    """Return a text of uv's that speaks of the recipes, not of their projects and their only reader."""
    recipes = list(dict.fromkeys(one.recipe for one in asked))
    named = _PROJECTS.sub(lambda match: f"the recipe {recipes[int(match[1])]!r}", text)
    return named.replace("you require ", "the recipes ask for ").replace("your requirements", "these requirements")


def recipes_named_in(text: str, asked: Iterable[Asked]) -> set[str]:
    """Return the recipes whose projects a text of uv's names."""
    recipes = list(dict.fromkeys(one.recipe for one in asked))
    return {recipes[int(number)] for number in _PROJECTS.findall(text)}


def is_project(name: str) -> bool:
    """Tell whether a name is one of a recipe's project."""
    return _PROJECTS.fullmatch(name) is not None

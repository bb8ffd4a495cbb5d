"""Recipes written in Python: a file that sets `recipe`, with the same model as the others."""

from __future__ import annotations

import traceback
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import ValidationError

from edgebake.errors import EdgebakeError, Position
from edgebake.load.document import Document, read_text
from edgebake.load.validate import explain
from edgebake.model.recipe import Recipe, Release, check_versions
from edgebake.model.target import Target


def load_python_recipe(path: Path, shown: str) -> tuple[Recipe, Document]:
    """Run a `recipe.py` and return the recipe that it sets.

    Raises:
        EdgebakeError: the file fails, or sets no `recipe`; at the line that is to blame.
    """
    document = Document(path, shown, None)
    try:
        code = compile(read_text(path, shown), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        at = Position(shown, error.lineno or 0, error.offset or 0)
        raise EdgebakeError(f"the file is not Python: {error.msg}", at=at) from None
    module = ModuleType(f"edgebake_recipe_{path.parent.name.replace('-', '_')}")
    module.__file__ = str(path)
    try:
        exec(code, module.__dict__)
    except EdgebakeError:
        raise
    except Exception as error:
        raise _blame(error, document) from None
    recipe = getattr(module, "recipe", None)
    if not isinstance(recipe, Recipe):
        raise EdgebakeError(
            "the file sets no `recipe`",
            at=Position(shown, 1, 1),
            hints=("end it with: recipe = Recipe(name=…, summary=…, releases=…)",),
        )
    return recipe, document


def call_releases(recipe: Recipe, document: Document, target: Target) -> tuple[Release, ...]:
    """Ask a recipe's function for its releases on a target.

    Raises:
        EdgebakeError: the function fails or returns something else.
    """
    function: Any = recipe.releases
    try:
        releases = tuple(function(target))
        if not all(isinstance(release, Release) for release in releases):
            raise TypeError("releases(target) must return a list of Release")
        check_versions(releases, recipe.versioning)
    except Exception as error:
        raise _blame(error, document) from None
    return releases


def _blame(error: Exception, document: Document) -> EdgebakeError:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if f.filename == str(document.path)]
    line = frames[-1].lineno or 0 if frames else 0
    at = Position(document.shown, line, 1 if line else 0)
    if isinstance(error, ValidationError):
        found = explain(error, Recipe, document)
        return EdgebakeError(found.message, at=at, hints=found.hints)
    return EdgebakeError(f"the recipe fails: {type(error).__name__}: {error}", at=at)

"""Recipes written in Python: a file that sets `recipe`, with the same model as the others."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel, ValidationError

from edgebake.errors import EdgebakeError, Position
from edgebake.load.document import Document, read_text
from edgebake.load.validate import explain
from edgebake.model import recipe as recipe_models
from edgebake.model.base import BadValue
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
    except ValueError as error:  # Python 3.10 on a null byte
        raise EdgebakeError(f"the file is not Python: {error}", at=Position(shown)) from None
    module = ModuleType(f"edgebake_recipe_{path.parent.name.replace('-', '_')}")
    module.__file__ = str(path)
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
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
    where = Position(document.shown, function.__code__.co_firstlineno, 1) if hasattr(function, "__code__") else None
    try:
        made = function(target)
        releases = tuple(made) if isinstance(made, Iterable) else (made,)
    except (Exception, SystemExit) as error:
        raise _blame(error, document, where) from None
    for release in releases:
        if not isinstance(release, Release):
            kind = type(release).__name__
            raise EdgebakeError(f"releases(target) must return a list of Release, not {kind}", at=where)
    try:
        check_versions(releases, recipe.versioning)
    except BadValue as error:
        raise EdgebakeError(f"releases for {target.name}: {error}", at=where, hints=error.hints) from None
    return releases


def _blame(error: BaseException, document: Document, default: Position | None = None) -> EdgebakeError:
    """Return an exception as an error at the recipe's own line where it comes from."""
    lines = [f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == str(document.path)]
    at = Position(document.shown, lines[-1], 1) if lines and lines[-1] else default or Position(document.shown)
    if isinstance(error, ValidationError):
        model = getattr(recipe_models, error.title, Recipe)
        return explain(error, model if issubclass(model, BaseModel) else Recipe, document, at=at)
    if isinstance(error, BadValue):
        return EdgebakeError(str(error), at=at, hints=error.hints)
    if isinstance(error, EdgebakeError):
        return EdgebakeError(error.message, at=error.at or at, reason=error.reason, hints=error.hints)
    return EdgebakeError(f"the recipe fails: {type(error).__name__}: {error}", at=at)

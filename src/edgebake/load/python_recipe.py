"""Recipes written in Python: a file that defines `recipe`, with the same model as other recipes."""

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
    """Run a `recipe.py` and return the recipe that it defines.

    `shown` is the path in messages.

    Raises:
        EdgebakeError: the file fails, at the line that raised; or it does not define `recipe`.
    """
    document = Document(path, shown, None)
    try:
        code = compile(read_text(path, shown), str(path), "exec", dont_inherit=True)
    except SyntaxError as error:
        at = Position(shown, error.lineno or 0, error.offset or 0)
        raise EdgebakeError(f"the file is not valid Python: {error.msg}", at=at) from None
    except ValueError as error:  # Python 3.10 on a null byte
        raise EdgebakeError(f"the file is not valid Python: {error}", at=Position(shown)) from None
    module = ModuleType(f"edgebake_recipe_{path.parent.name.replace('-', '_')}")
    module.__file__ = str(path)
    try:
        exec(code, module.__dict__)
    except (Exception, SystemExit) as error:
        raise _as_error(error, document) from None
    recipe = getattr(module, "recipe", None)
    if not isinstance(recipe, Recipe):
        hints = ("end it with: recipe = Recipe(name=…, summary=…, releases=…)",)
        raise EdgebakeError("the file does not define `recipe`", at=Position(shown, 1, 1), hints=hints)
    return recipe, document


def call_releases(recipe: Recipe, document: Document, target: Target) -> tuple[Release, ...]:
    """Return the releases that a recipe's function returns for a target.

    Raises:
        EdgebakeError: the function fails, or does not return a list of valid releases.
    """
    function: Any = recipe.releases
    at = Position(document.shown, function.__code__.co_firstlineno, 1) if hasattr(function, "__code__") else None
    try:
        result = function(target)
        releases = tuple(result) if isinstance(result, Iterable) else (result,)
    except (Exception, SystemExit) as error:
        raise _as_error(error, document, at) from None
    for release in releases:
        if not isinstance(release, Release):
            kind = type(release).__name__
            raise EdgebakeError(f"releases(target) must return a list of Release, not {kind}", at=at)
    try:
        check_versions(releases, recipe.versioning)
    except BadValue as error:
        raise EdgebakeError(f"releases for {target.name}: {error}", at=at, hints=error.hints) from None
    return releases


def _as_error(error: BaseException, document: Document, default: Position | None = None) -> EdgebakeError:
    """Return an exception as an error at the last line of the recipe in its traceback."""
    lines = [f.lineno or 0 for f in traceback.extract_tb(error.__traceback__) if f.filename == str(document.path)]
    at = Position(document.shown, lines[-1], 1) if lines and lines[-1] else default or Position(document.shown)
    if isinstance(error, ValidationError):
        model = getattr(recipe_models, error.title, Recipe)
        return explain(error, model if issubclass(model, BaseModel) else Recipe, document, at=at)
    if isinstance(error, BadValue):
        return EdgebakeError(str(error), at=at, hints=error.hints)
    if isinstance(error, EdgebakeError):
        return EdgebakeError(error.message, at=error.at or at, reason=error.reason, hints=error.hints)
    return EdgebakeError(f"the recipe raised {type(error).__name__}: {error}", at=at)

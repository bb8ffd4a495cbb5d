"""Recipes written in Python: a file that defines `recipe`, with the same model as other recipes."""

from __future__ import annotations

import os
import traceback
from collections.abc import Callable, Iterable
from pathlib import Path
from types import ModuleType
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.load.document import Document, read_text
from edgebake.load.validate import explain
from edgebake.model import recipe as recipe_models
from edgebake.model.base import BadValue
from edgebake.model.files import NO_PYTHON
from edgebake.model.recipe import Recipe, Release, check_versions
from edgebake.model.target import Target
from edgebake.system.child import ChildError, run_in_child

T = TypeVar("T")


@dataclass(frozen=True)
class ReleasesFunction:
    """The function for a recipe's releases: its file, and its line there."""

    path: Path
    shown: str
    line: int

    def __call__(self, target: Target) -> Any:
        """Run the file and its function, in this process."""
        function: Any = _run(Document(self.path, self.shown, None)).releases
        return function(target)


def load_python_recipe(path: Path, shown: str) -> tuple[Recipe, Document]:
    """Run a `recipe.py` in a child process, and return the recipe that it defines.

    `shown` is the path in messages.

    Raises:
        EdgebakeError: the file fails, at the line that raised; it does not define `recipe`; or it takes too long.
    """
    document = Document(path, shown, None)
    if os.environ.get(NO_PYTHON):
        raise EdgebakeError(
            "recipes written in Python are refused", at=Position(shown), reason="--no-python, or EDGEBAKE_NO_PYTHON"
        )
    return _in_child(document, lambda: _portable(_run(document), document)), document


def _portable(recipe: Recipe, document: Document) -> Recipe:
    """Return the recipe with a function for its releases that another process can call."""
    function: Any = recipe.releases
    if not callable(function):
        return recipe
    line = function.__code__.co_firstlineno if hasattr(function, "__code__") else 0
    return recipe.model_copy(update={"releases": ReleasesFunction(document.path, document.shown, line)})


def _in_child(document: Document, function: Callable[[], T]) -> T:
    try:
        return run_in_child(function)
    except ChildError as error:
        raise EdgebakeError(f"the recipe {error}", at=Position(document.shown)) from None


def _run(document: Document) -> Recipe:
    """Run a recipe's file in this process."""
    path, shown = document.path, document.shown
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
    return recipe


def call_releases(recipe: Recipe, document: Document, target: Target) -> tuple[Release, ...]:
    """Return the releases that a recipe's function returns for a target, called in a child process.

    Raises:
        EdgebakeError: the function fails, takes too long, or does not return a list of valid releases.
    """
    return _in_child(document, lambda: _called(recipe, document, target))


def _called(recipe: Recipe, document: Document, target: Target) -> tuple[Release, ...]:
    function: Any = recipe.releases
    at = Position(document.shown, function.line, 1) if function.line else None
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
    return EdgebakeError(f"the recipe raised {type(error).__name__}: {_text(error)}", at=at)


def _text(error: BaseException) -> str:
    try:
        return str(error)
    except Exception:  # its own __str__ can raise any
        return "(it cannot be shown)"

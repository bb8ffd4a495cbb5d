"""Which recipes of an image may not change places: what the second of them does would come out differently."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations
from pathlib import PurePosixPath

from edgebake.graph.python_env import PythonEnv
from edgebake.graph.view import RecipeView

_VARIABLE = re.compile(r"\$\{?([A-Za-z_][A-Za-z0-9_]*)")
_ENTRY = {"entrypoint", "cmd"}  # they are taken from one recipe together

Pair = tuple[str, str]


def kept_pairs(
    line: Sequence[str], views: Mapping[tuple[str, str], RecipeView], python: Mapping[str, PythonEnv]
) -> set[Pair]:
    """Return the pairs of recipes, of an image's line by rank, of which the first has to stay in front.

    Beside what needs what: pairs that write the same environment variable, path or runtime setting, or of which one
    reads a variable that the other one writes; that are both in PATH; that install into one Python environment
    that is not locked; that both run scripts, or one of which does and stands in another layer.

    Args:
        line: the recipes by rank.
        views: of every recipe, by platform and name.
        python: the Python environment on each platform.
    """
    found: set[Pair] = set()
    for platform, env in python.items():
        here = [views[platform, name] for name in line if (platform, name) in views]
        found |= {(a.pin.name, b.pin.name) for a, b in combinations(here, 2) if _collide(a, b, env)}
    return found


def _collide(first: RecipeView, second: RecipeView, env: PythonEnv) -> bool:
    return (
        bool(first.path and second.path)
        or _touch_one_variable(first, second)
        or _set_one_setting(first, second)
        or (not env.locked and bool(first.pip and second.pip))
        or _scripts_meet(first, second)
        or _write_one_place(first, second)
    )


def _touch_one_variable(first: RecipeView, second: RecipeView) -> bool:
    writes = [{*view.env, *(["PATH"] if view.path else [])} for view in (first, second)]
    reads = [set(_VARIABLE.findall(" ".join(view.env.values()))) for view in (first, second)]
    return bool(writes[0] & (writes[1] | reads[1]) or reads[0] & writes[1])


def _set_one_setting(first: RecipeView, second: RecipeView) -> bool:
    """Tell whether both give a runtime setting of which the line's last one counts."""
    one, two = first.recipe.runtime.model_fields_set, second.recipe.runtime.model_fields_set
    return bool(one & two - {"expose", "volumes", "gpu"}) or bool(one & _ENTRY and two & _ENTRY)


def _scripts_meet(first: RecipeView, second: RecipeView) -> bool:
    """Tell whether a script may find, or change, what the other recipe does without having said so.

    A script counts on the layers below its own, and nobody knows what two of them do to the same file.
    """
    scripts = [bool(view.recipe.install.script or view.recipe.install.dockerfile) for view in (first, second)]
    return all(scripts) or (any(scripts) and first.recipe.layer != second.recipe.layer)


def _write_one_place(first: RecipeView, second: RecipeView) -> bool:
    """Tell whether both copy files to one place, or one below the other's."""
    return any(_overlap(a, b) for a in _places(first) for b in _places(second))


def _places(view: RecipeView) -> Iterable[PurePosixPath]:
    yield from (PurePosixPath(dest) for _, dest in view.artifacts)
    for source, dest in view.files:
        folder = (view.pin.loaded.folder / source).is_dir()
        # A file that goes to a folder stands in it under its own name; a folder is copied as its contents.
        yield (
            PurePosixPath(dest) / PurePosixPath(source).name
            if dest.endswith("/") and not folder
            else PurePosixPath(dest)
        )


def _overlap(one: PurePosixPath, other: PurePosixPath) -> bool:
    return one == other or one in other.parents or other in one.parents

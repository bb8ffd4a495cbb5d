"""What a shell can complete a parameter with (`cli.completion` answers the shell).

What is read is read without the models, which take longer to import than all the rest.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from edgebake.load.names import Names


def _folder(context: typer.Context) -> Path:
    return Path(context.find_root().params.get("directory") or ".").resolve()


def _names(context: typer.Context) -> Names:
    from edgebake.load.names import Names
    from edgebake.model.files import find_root

    return Names(find_root(_folder(context)))


def _any_of(*kinds: str) -> Callable[[typer.Context, str], list[str]]:
    """Return what completes with the names of these kinds."""

    def complete(context: typer.Context, incomplete: str) -> list[str]:
        names = _names(context)
        return [name for kind in kinds for name in getattr(names, kind)]

    return complete


images = _any_of("images")
recipes = _any_of("recipes")
subjects = _any_of("images", "recipes")
anything = _any_of("images", "targets", "recipes")
targets = _any_of("targets")
groups = _any_of("groups")


def platforms(context: typer.Context, incomplete: str) -> list[str]:
    """Return the platforms."""
    from edgebake.select.grammar import PLATFORMS

    return list(PLATFORMS)


def builders(context: typer.Context, incomplete: str) -> list[str]:
    """Return the Buildx builders that this user has made."""
    docker = Path(os.environ.get("DOCKER_CONFIG") or Path.home() / ".docker")
    folder = Path(os.environ.get("BUILDX_CONFIG") or docker / "buildx") / "instances"
    return sorted({"default", *(path.name for path in folder.glob("*") if path.is_file())})


def commits(context: typer.Context, incomplete: str) -> list[str]:
    """Return the branches and tags of the repository."""
    from edgebake.system.git import ref_names

    return ref_names(_folder(context))


def compared(context: typer.Context, incomplete: str) -> list[str]:
    """Return what `diff` compares: commits; with --targets images and recipes."""
    return subjects(context, incomplete) if context.params.get("targets") else commits(context, incomplete)


def selectors(context: typer.Context, incomplete: str) -> list[str]:
    """Return selectors whose last term can be what was begun."""
    from edgebake.select.grammar import PLATFORMS, STATES

    match = re.fullmatch(r"(.*[\s,])?((?:@|\d*\+)?)([^\s,]*)", incomplete, re.DOTALL)
    if match is None:
        return []
    before, term = (match[1] or "") + match[2], match[3]
    names = _names(context)
    values: dict[str, Callable[[], Iterable[str]]] = {
        "group": lambda: names.groups,
        "image": lambda: names.images,
        "layer": lambda: names.layers,
        "platform": lambda: PLATFORMS,
        "recipe": lambda: names.recipes,
        "state": lambda: STATES,
        "target": lambda: names.targets,
    }
    method, colon, _ = term.partition(":")
    if colon:
        found = (f"{method}:{value}" for value in values.get(method, list)())
        return [before + text for text in found]
    begun = [method for method in values if term and method.startswith(term)]
    own = [f"{method}:{value}" for method in begun for value in values[method]()]
    return [before + text for text in (*names.images, *names.recipes, *own)]

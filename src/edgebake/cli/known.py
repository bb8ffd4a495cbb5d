"""Names that there are, for completion: read in milliseconds, and without a word about mistakes in the files."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

from edgebake.load.builtin import builtin_root

_RECIPE_FILES = ("recipe.yaml", "recipe.json", "recipe.py")
_PROJECT_FILE = "edgebake.yaml"


def find_root(start: Path) -> Path | None:
    """Return the nearest folder from `start` upward that holds a project file, or None."""
    return next((folder for folder in (start, *start.parents) if (folder / _PROJECT_FILE).is_file()), None)


class Known:
    """The names of a project, over those of the built-in catalogue.

    Args:
        root: the project's folder; None where there is no project.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root

    @cached_property
    def images(self) -> list[str]:
        """The images."""
        return sorted(self._images)

    @cached_property
    def targets(self) -> list[str]:
        """The targets."""
        folders = [*self._folders("targets"), builtin_root() / "targets"]
        return sorted({path.stem for folder in folders for path in _data_files(folder)})

    @cached_property
    def recipes(self) -> list[str]:
        """The recipes, and their aliases."""
        aliases = (alias for text in self._texts for alias in _field(text, "aliases"))
        return sorted({*self._recipe_names, *aliases})

    @cached_property
    def groups(self) -> list[str]:
        """The groups of recipes."""
        return sorted({group for text in self._texts for group in _field(text, "group")})

    @cached_property
    def layers(self) -> list[str]:
        """The layers of recipes that are in use."""
        return sorted({layer for text in self._texts for layer in _field(text, "layer")})

    @cached_property
    def _project(self) -> Mapping[str, Any]:
        if self._root is None:
            return {}
        data = _yaml((self._root / _PROJECT_FILE).read_text(encoding="utf-8"))
        return data if isinstance(data, dict) else {}

    @property
    def _images(self) -> Mapping[str, Any]:
        images = self._project.get("images")
        return {str(name): one for name, one in images.items()} if isinstance(images, dict) else {}

    def _folders(self, key: str) -> list[Path]:
        if self._root is None:
            return []
        return [self._root / folder for folder in _many(self._project.get(key, key))]

    @cached_property
    def _recipe_files(self) -> list[Path]:
        folders = [*self._folders("recipes"), builtin_root() / "recipes"]
        found = [path for folder in folders for path in _recipes_below(folder)]
        return [*found, *(path for folder in self._own for path in _recipes_in(folder))]

    @property
    def _own(self) -> Iterator[Path]:
        """The recipes' folders that images name by path."""
        for image in self._images.values():
            for text in _many(image.get("recipes") if isinstance(image, dict) else None):
                if text.startswith((".", "..")) and self._root is not None:
                    yield self._root / text

    @cached_property
    def _texts(self) -> list[str]:
        return [path.read_text(encoding="utf-8", errors="replace") for path in self._recipe_files]

    @property
    def _recipe_names(self) -> set[str]:
        own = set(self._own)
        named = (name for path in self._recipe_files if path.parent in own for name in _field_of(path, "name"))
        return {*(path.parent.name for path in self._recipe_files if path.parent not in own), *named}


def builders(environment: Mapping[str, str]) -> list[str]:
    """Return the names of the Buildx builders that a user has made, from where Buildx keeps them."""
    docker = Path(environment.get("DOCKER_CONFIG") or Path.home() / ".docker")
    folder = Path(environment.get("BUILDX_CONFIG") or docker / "buildx") / "instances"
    return sorted({"default", *(path.name for path in folder.glob("*") if path.is_file())})


def _many(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _recipes_below(folder: Path) -> Iterator[Path]:
    """Yield the recipe files of `<name>/` and `<group>/<name>/`."""
    for below in sorted(folder.glob("*")):
        own = list(_recipes_in(below))
        yield from own or (path for name in sorted(below.glob("*")) for path in _recipes_in(name))


def _recipes_in(folder: Path) -> Iterator[Path]:
    yield from (path for name in _RECIPE_FILES if (path := folder / name).is_file())


def _data_files(folder: Path) -> Iterable[Path]:
    return (path for path in folder.glob("*") if path.suffix in (".yaml", ".json"))


def _field_of(path: Path, name: str) -> list[str]:
    return _field(path.read_text(encoding="utf-8", errors="replace"), name)


def _field(text: str, name: str) -> list[str]:
    """Return the texts in one field of a recipe's file, without reading the rest; none of a Python file."""
    if text.startswith("{"):
        return _many(json.loads(text).get(name))
    match = re.search(rf"^{name}:.*(?:\n[ \t-].*)*", text, re.MULTILINE)
    data = _yaml(match[0]) if match else None
    return _many(data.get(name)) if isinstance(data, dict) else []


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return None

"""The names in a project and in the catalogue, for completion in a shell.

They are read in milliseconds, without models. Mistakes in files are ignored, because a shell cannot show them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import cached_property
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.load.folders import builtin_root, files_below, is_path, recipe_file, recipes_below
from edgebake.model.files import PROJECT_FILE
from edgebake.system.own_files import read_regular

_Below = Callable[[Path, Path], dict[str, Path]]


class Names:
    """The names of a project and of the built-in catalogue, sorted.

    Args:
        root: the project's folder; None outside a project.
    """

    def __init__(self, root: Path | None) -> None:
        self._root = root

    @cached_property
    def images(self) -> list[str]:
        """Names of images."""
        return sorted(self._images)

    @cached_property
    def targets(self) -> list[str]:
        """Names of targets."""
        return sorted(self._files("targets", lambda folder, root: files_below(folder, root, kind="target")))

    @cached_property
    def recipes(self) -> list[str]:
        """Names of recipes, and their aliases."""
        own = {name for path in self._own_recipes for name in _values(_text(path), "name")}
        return sorted({*self._recipes, *own, *self._all("aliases")})

    @cached_property
    def groups(self) -> list[str]:
        """Groups of recipes."""
        return self._all("group")

    @cached_property
    def layers(self) -> list[str]:
        """Layers of recipes."""
        return self._all("layer")

    @cached_property
    def _project(self) -> Mapping[str, Any]:
        path = self._root / PROJECT_FILE if self._root else None
        data = _yaml(_text(path)) if path and path.is_file() else None
        return data if isinstance(data, dict) else {}

    @property
    def _images(self) -> Mapping[str, Any]:
        images = self._project.get("images")
        return {str(name): image for name, image in images.items()} if isinstance(images, dict) else {}

    def _files(self, key: str, below: _Below) -> dict[str, Path]:
        """Return files by name. The project's override those of the catalogue. Invalid folders are skipped."""
        root = self._root or builtin_root()
        own = [self._root / folder for folder in _texts_of(self._project.get(key, key))] if self._root else []
        files: dict[str, Path] = {}
        for folder in (builtin_root() / key, *own):
            with suppress(EdgebakeError):
                files |= below(folder, root)
        return files

    @cached_property
    def _recipes(self) -> dict[str, Path]:
        return self._files("recipes", recipes_below)

    @cached_property
    def _own_recipes(self) -> list[Path]:
        """The files of the recipes that images name by path."""
        root, images = self._root, [image for image in self._images.values() if isinstance(image, dict)]
        texts = [text for image in images for text in _texts_of(image.get("recipes")) if is_path(text)]
        paths = [recipe_file(root / text, root) for text in texts] if root else []
        return [path for path in paths if path]

    @cached_property
    def _texts(self) -> list[str]:
        return [_text(path) for path in (*self._recipes.values(), *self._own_recipes)]

    def _all(self, key: str) -> list[str]:
        """Return what all recipes have under a key, sorted."""
        return sorted({value for text in self._texts for value in _values(text, key)})


def _text(path: Path) -> str:
    try:
        return read_regular(path).decode("utf-8", "replace")
    except OSError:
        return ""


def _texts_of(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    return [text for text in values if isinstance(text, str)]


def _values(text: str, key: str) -> list[str]:
    """Return the texts under a key of a recipe's file, without parsing the rest; none for a Python file."""
    if text.startswith("{"):
        return _texts_of(json.loads(text).get(key))
    match = re.search(rf"^{key}:.*(?:\n[ \t-].*)*", text, re.MULTILINE)
    data = _yaml(match[0]) if match else None
    return _texts_of(data.get(key)) if isinstance(data, dict) else []


def _yaml(text: str) -> Any:
    import yaml  # slow to import, and not needed for targets

    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return None

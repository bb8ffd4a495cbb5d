"""The search path of recipes and targets: the project's own first, then the built-in catalogue."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from dataclasses import field
from fnmatch import fnmatchcase
from functools import cached_property, partial
from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position, unknown
from edgebake.load.document import Document, Place, load_document, position_of
from edgebake.load.folders import builtin_root as builtin_root
from edgebake.load.folders import files_below, leads_out, recipe_file, recipes_below, two_files
from edgebake.load.folders import shown_path as shown_path
from edgebake.load.python_recipe import call_releases, load_python_recipe
from edgebake.load.validate import validate, validate_named
from edgebake.model.recipe import Recipe, Release
from edgebake.model.target import Target
from edgebake.system.own_files import read_regular

_IMPLICIT = (Release(version="0"),)


@dataclass(frozen=True)
class LoadedRecipe:
    """A recipe and its document. `vendored`: it is from the built-in catalogue, so its files are copied."""

    recipe: Recipe
    document: Document
    folder: Path
    vendored: bool
    _words: dict[str, frozenset[str]] = field(default_factory=dict, compare=False, repr=False)
    _texts: dict[str, str] = field(default_factory=dict, compare=False, repr=False)
    _called: dict[Target, tuple[Release, ...]] = field(default_factory=dict, compare=False, repr=False)

    @property
    def name(self) -> str:
        return self.recipe.name

    def words_of(self, script: str) -> frozenset[str]:
        """Return the words in a script of the recipe that can be names of variables.

        For a script that cannot be read it returns none: the build reports the mistake.
        """
        if script not in self._words:
            self._words[script] = frozenset(re.findall(r"[A-Za-z_][A-Za-z0-9_]*", self.text_of(script)))
        return self._words[script]

    def text_of(self, script: str) -> str:
        """Return the text of a script of the recipe; "" if it cannot be read: the build reports the mistake."""
        if script not in self._texts:
            self._texts[script] = _text(self.folder / script)
        return self._texts[script]

    def releases(self, target: Target) -> tuple[Release, ...]:
        """Return the releases for a target; a single one without a version if the recipe has none."""
        if callable(self.recipe.releases):
            if target not in self._called:
                self._called[target] = call_releases(self.recipe, self.document, target)
            return self._called[target]
        return self.recipe.releases or _IMPLICIT

    def release_number(self, release: Release) -> int:
        """Return the index of a release in the recipe's file; -1 if it is not in the file."""
        releases = self.recipe.releases
        if callable(releases):
            return -1
        return next((index for index, other in enumerate(releases) if other.version == release.version), -1)

    @property
    def is_versioned(self) -> bool:
        """Whether the recipe has releases."""
        return bool(self.recipe.releases)


@dataclass(frozen=True)
class LoadedTarget:
    """A target and its document."""

    target: Target
    document: Document


class Catalogue:
    """Finds recipes and targets by name. A file is read when it is first needed.

    Args:
        root: the project's folder.
        recipe_folders: the project's own folders of recipes. They override the built-in ones.
        target_folders: the project's own folders of targets. They override the built-in ones.
        builtin: the folder with the built-in `recipes/` and `targets/`.
    """

    def __init__(
        self, root: Path, recipe_folders: tuple[Path, ...], target_folders: tuple[Path, ...], builtin: Path
    ) -> None:
        self.root = root
        self._recipe_layers = (*recipe_folders, builtin / "recipes")
        self._target_layers = (*target_folders, builtin / "targets")
        self._builtin = builtin
        self._recipes: dict[str, LoadedRecipe] = {}
        self._targets: dict[str, LoadedTarget] = {}
        self._target_data: dict[str, dict[str, Document]] = {}
        self._added: dict[Path, LoadedRecipe] = {}
        self._named: dict[Path, None] = {}

    def own_folders(self) -> list[Path]:
        """Return the project's own folders of recipes and targets, and the folders of added recipes, as named."""
        return [*self._recipe_layers[:-1], *self._target_layers[:-1], *self._named]

    # ── recipes

    def recipe_names(self) -> list[str]:
        """Return the names of all recipes, sorted."""
        return sorted(self._index)

    def has_recipe(self, name: str) -> bool:
        """Return whether a recipe has this name. Aliases do not count."""
        return name in self._index

    def recipe(self, name: str) -> LoadedRecipe:
        """Return the recipe of this name.

        Raises:
            KeyError: no recipe has this name.
            EdgebakeError: its file is invalid.
        """
        if name not in self._recipes:
            self._recipes[name] = self._load(self._index[name])
        return self._recipes[name]

    def add_recipe(self, named: Path, at: Place) -> LoadedRecipe:
        """Add a recipe by its folder (`./app` in a project), and return it. The path can contain links.

        Raises:
            EdgebakeError: the folder has no recipe, or another recipe of the project has the same name.
        """
        folder = named.resolve()
        self._named[named] = None
        if folder in self._added:
            return self._added[folder]
        path = recipe_file(folder, self.root)
        if path is None:
            message = f"the folder {shown_path(folder, self.root)!r} has no recipe"
            raise EdgebakeError(message, at=position_of(at), hints=("add a recipe.yaml, recipe.json or recipe.py",))
        loaded = self._load(path, folder_is_name=False)
        other = self._index.get(loaded.name, path)
        if other != path and not other.is_relative_to(self._builtin):
            raise two_files("recipe", loaded.name, other, path, self.root)
        self._index[loaded.name] = path
        self._recipes[loaded.name] = loaded
        self._added[folder] = loaded
        vars(self).pop("_aliases", None)  # to be read again
        return loaded

    def canonical(self, name: str) -> str | None:
        """Return the name of the recipe with this name or alias; None if there is none."""
        return name if name in self._index else self._aliases.get(name)

    def known_names(self) -> list[str]:
        """Return all names for requirements, sorted: recipes, their aliases, and what they provide."""
        provided = {name for loaded in self._that_may_have("provides") for name in loaded.recipe.provides}
        aliases = {alias for loaded in self._that_may_have("aliases") for alias in loaded.recipe.aliases}
        return sorted({*self.recipe_names(), *aliases, *provided})

    def providers(self, name: str) -> list[LoadedRecipe]:
        """Return the recipes that provide `name`, in the order of their names."""
        return [recipe for recipe in self._that_may_have("provides") if name in recipe.recipe.provides]

    def all_recipes(self) -> Iterator[LoadedRecipe]:
        """Yield all recipes, in the order of their names."""
        return (self.recipe(name) for name in self.recipe_names())

    def recipe_texts(self) -> Iterator[tuple[str, str]]:
        """Yield the names of all recipes, in order, each with the text of its file, which is not parsed."""
        return ((name, _text(path)) for name, path in sorted(self._index.items()))

    def _that_may_have(self, field: str) -> Iterator[LoadedRecipe]:
        """Yield the recipes in whose files a word is, or may be by an escape: the others are not read for it."""
        for name, path in sorted(self._index.items()):
            if name in self._recipes or _may_have(_text(path), field):
                yield self.recipe(name)

    @cached_property
    def _aliases(self) -> dict[str, str]:
        # The project's own recipes come first: their names and aliases hide built-in aliases.
        aliases: dict[str, str] = {}
        for loaded in sorted(self._that_may_have("aliases"), key=lambda loaded: loaded.vendored):
            for index, alias in enumerate(loaded.recipe.aliases):
                name = alias if self.has_recipe(alias) else aliases.get(alias)
                if name is None:
                    aliases[alias] = loaded.name
                elif self.recipe(name).vendored == loaded.vendored:
                    raise EdgebakeError(
                        f"the alias {alias!r} of the recipe {loaded.name!r} also means the recipe {name!r}",
                        at=loaded.document.at(("aliases", index)),
                        reason=f"the other one is {self.recipe(name).document.shown}",
                        hints=("remove one of them",),
                    )
        return aliases

    @cached_property
    def _index(self) -> dict[str, Path]:
        return self._overlaid(self._recipe_layers, recipes_below, "recipe")

    def _overlaid(
        self, layers: tuple[Path, ...], below: Callable[[Path, Path], dict[str, Path]], kind: str
    ) -> dict[str, Path]:
        """Return files by name. Those of the project's own layers override those of the last, built-in one."""
        *own_layers, builtin = layers
        own: dict[str, Path] = {}
        for layer in own_layers:
            for name, path in below(layer, self.root).items():
                if own.setdefault(name, path) != path:
                    raise two_files(kind, name, own[name], path, self.root)
        return {**below(builtin, self.root), **own}

    def _load(self, path: Path, *, folder_is_name: bool = True) -> LoadedRecipe:
        self._refuse_outside(path)
        shown = shown_path(path, self.root)
        if path.suffix == ".py":
            recipe, document = load_python_recipe(path, shown)
        else:
            document = load_document(path, shown)
            recipe = validate(Recipe, document)
        if folder_is_name and recipe.name != path.parent.name:
            message = f"the recipe {recipe.name!r} is in a folder named {path.parent.name!r}"
            raise EdgebakeError(message, at=document.at(("name",)), hints=(f"rename the folder to {recipe.name}",))
        vendored = path.is_relative_to(self._builtin / "recipes")
        return LoadedRecipe(recipe, document, path.parent, vendored)

    def _refuse_outside(self, path: Path) -> None:
        """Refuse a file that a symbolic link moves out of the project."""
        if not path.is_relative_to(self._builtin) and not path.resolve().is_relative_to(self.root.resolve()):
            raise leads_out("the file", path.resolve(), Position(shown_path(path, self.root)))

    # ── targets

    def target_names(self) -> list[str]:
        """Return the names of all targets, sorted."""
        return sorted(self._target_index)

    def target(self, name: str, at: Place | None = None) -> LoadedTarget:
        """Return the target of this name.

        Raises:
            EdgebakeError: the target is unknown (the position is `at`), or its file is invalid.
        """
        if name not in self._targets:
            path = self._target_index.get(name)
            if path is None:
                raise self._unknown_target(name, at)
            self._refuse_outside(path)
            document = load_document(path, shown_path(path, self.root))
            self._targets[name] = LoadedTarget(validate_named(Target, document, "target"), document)
        return self._targets[name]

    def match_targets(self, pattern: str, at: Place | None = None) -> list[LoadedTarget]:
        """Return the targets whose names match a pattern such as `jetpack-6.*`, in the order of their names.

        Raises:
            EdgebakeError: no target matches (the position is `at`).
        """
        index = self._target_index
        names = [pattern] if pattern in index else sorted(name for name in index if fnmatchcase(name, pattern))
        if not names:
            raise self._unknown_target(pattern, at)
        return [self.target(name, at) for name in names]

    def target_data(self, folder: str, kind: str) -> dict[str, Document]:
        """Return the data files next to the targets, `targets/<folder>/<name>.yaml`, by name.

        The project's own files override built-in ones.

        Args:
            folder: the folder below the folders of targets.
            kind: the noun for such a file, for messages.

        Raises:
            EdgebakeError: a file cannot be read, or leads out of the project.
        """
        if folder not in self._target_data:
            layers = tuple(layer / folder for layer in self._target_layers)
            files = self._overlaid(layers, partial(files_below, kind=kind), kind)
            for path in files.values():
                self._refuse_outside(path)
            self._target_data[folder] = {
                name: load_document(path, shown_path(path, self.root)) for name, path in sorted(files.items())
            }
        return self._target_data[folder]

    def _unknown_target(self, name: str, at: Place | None) -> EdgebakeError:
        return unknown("target", name, self.target_names(), at=position_of(at))

    @cached_property
    def _target_index(self) -> dict[str, Path]:
        return self._overlaid(self._target_layers, partial(files_below, kind="target"), "target")


def _may_have(text: str, key: str) -> bool:
    """Tell whether a file can have a key: it is there as such, or could be written with escapes."""
    return key in text or "\\" in text


def _text(path: Path) -> str:
    """Return the text of a file; "" if it cannot be read, which is reported where it is needed."""
    try:
        return read_regular(path).decode("utf-8", "replace")
    except OSError:
        return ""

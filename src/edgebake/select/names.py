"""Which recipes and targets a term's value names, and what is said if there are none."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from fnmatch import fnmatchcase

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.load.catalogue import LoadedRecipe, shown_path
from edgebake.load.words import format_path
from edgebake.load.workspace import Workspace
from edgebake.model.recipe import LAYERS
from edgebake.select.grammar import Term


def matching(pattern: str, names: Iterable[str]) -> set[str]:
    """Return the names that a name or pattern means."""
    return {name for name in names if fnmatchcase(name, pattern)}


def unknown(term: Term, known: Iterable[str], kind: str, *more: str) -> EdgebakeError:
    """Return the error for a value that names nothing; `more` are hints to put first."""
    where = "" if term.text == term.value else f" in the selector {term.text!r}"
    hints = more or did_you_mean(term.value, known, kind=kind.rpartition(" ")[2])
    return EdgebakeError(f"unknown {kind} {term.value!r}{where}", hints=hints)


@dataclass
class RecipeNames:
    """Finds recipes for the methods that are about recipes."""

    workspace: Workspace  # the project
    # the recipes to find some of; None for all of the catalogue. Nothing else is read, but to tell a mistake.
    held: Collection[str] | None = None

    def __post_init__(self) -> None:
        self._catalogue = self.workspace.catalogue

    def of(self, term: Term) -> set[str]:
        """Return the recipes that `recipe:`, `group:`, `layer:` and `path:` name; empty if none of these is held.

        Raises:
            EdgebakeError: no recipe at all is named.
        """
        match term.method:
            case "group":
                return self._by("group", term, None)
            case "layer":
                return self._by("layer", term, LAYERS)
            case "path":
                return self._below(term)
        return self.named(term)

    def named(self, term: Term) -> set[str]:
        """Return the recipes of a name, alias or pattern, or that provide the name; those that are held.

        Raises:
            EdgebakeError: there is none in the catalogue.
        """
        found = self._named(term.value)
        if not found:
            raise unknown(term, self._catalogue.known_names(), "recipe")
        return found & set(self._names())

    def exists(self, name: str) -> bool:
        """Tell whether a name, alias or pattern means any recipe of the catalogue."""
        return bool(self._named(name))

    def _named(self, name: str) -> set[str]:
        canonical = self._catalogue.canonical(name)
        if canonical is not None:
            return {canonical}
        found = matching(name, self._catalogue.recipe_names())
        return found or {loaded.name for loaded in self._catalogue.providers(name)}

    def _names(self) -> Collection[str]:
        return self._catalogue.recipe_names() if self.held is None else self.held

    def _loaded(self) -> Iterable[LoadedRecipe]:
        return (self._catalogue.recipe(name) for name in self._names())

    def _by(self, field: str, term: Term, values: Iterable[str] | None) -> set[str]:
        found = {one.name for one in self._loaded() if fnmatchcase(getattr(one.recipe, field), term.value)}
        if not found:
            known = values or {getattr(one.recipe, field) for one in self._catalogue.all_recipes()}
            if not matching(term.value, known):
                raise unknown(term, known, field)
        return found

    def _below(self, term: Term) -> set[str]:
        """Return the recipes whose folder matches a path, lies below it, or holds it."""
        path = term.value.removeprefix("./").rstrip("/")
        folders = {one.name: format_path(shown_path(one.folder, self.workspace.root)) for one in self._loaded()}
        below = {name for name, folder in folders.items() if f"{folder}/".startswith(f"{path}/")}
        above = {name for name, folder in folders.items() if path.startswith(f"{folder}/")}
        return below | above | {name for name, folder in folders.items() if fnmatchcase(folder, path)}

"""Which files of a folder are recipes, targets, and data of targets. Reads none of them, and imports no models."""

from __future__ import annotations

import os
from pathlib import Path

from edgebake.errors import EdgebakeError, Position

RECIPE_FILES = ("recipe.yaml", "recipe.json", "recipe.py")


def shown_path(path: Path, root: Path) -> str:
    """Return a path as messages show it: relative to the project if it is inside."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)


def is_path(text: str) -> bool:
    """Tell whether an image names a recipe by its folder (`./app`)."""
    return text.startswith(("./", "../")) or text in (".", "..")


def recipes_below(layer: Path, root: Path) -> dict[str, Path]:
    """Return the recipe files of `layer/<name>/` and `layer/<group>/<name>/` by folder name.

    Raises:
        EdgebakeError: a folder cannot be read, two recipes have one name, or a file has another suffix than .yaml.
    """
    if recipe_file(layer, root):
        raise EdgebakeError(
            "the folder is a recipe itself",
            at=Position(shown_path(layer, root)),
            reason="a folder of recipes has one folder for each",
            hints=("name the folder above it", "or name this one as a recipe of an image: ./folder"),
        )
    found: dict[str, Path] = {}
    for folder in _folders(layer):
        path = recipe_file(folder, root)
        paths = [path] if path else [p for f in _folders(folder) if (p := recipe_file(f, root))]
        for path in paths:
            name = path.parent.name
            if name in found:
                raise two_files("recipe", name, found[name], path, root)
            found[name] = path
    return found


def _folders(folder: Path) -> list[Path]:
    try:
        with os.scandir(folder) as entries:
            names = sorted(entry.name for entry in entries if entry.is_dir() and not entry.name.startswith("."))
    except (FileNotFoundError, NotADirectoryError):
        return []
    except OSError as error:
        raise EdgebakeError(f"cannot read the folder: {error.strerror}", at=Position(str(folder))) from None
    return [folder / name for name in names]


def recipe_file(folder: Path, root: Path) -> Path | None:
    """Return the file of the recipe that a folder holds, or None.

    Raises:
        EdgebakeError: it holds two, or one whose suffix is not .yaml.
    """
    present = [folder / name for name in RECIPE_FILES if (folder / name).is_file()]
    if len(present) > 1:
        names = " and ".join(path.name for path in present)
        raise EdgebakeError(
            f"the folder holds two recipes: {names}",
            at=Position(shown_path(folder, root)),
            hints=("keep one",),
        )
    if not present:
        _refuse_yml(folder / "recipe.yml", root)
    return present[0] if present else None


def _refuse_yml(path: Path, root: Path) -> None:
    if path.suffix == ".yml" and path.is_file():
        raise EdgebakeError(
            "the file's name must end in .yaml",
            at=Position(shown_path(path, root)),
            hints=(f"rename it: {path.stem}.yaml",),
        )


def two_files(kind: str, name: str, first: Path, second: Path, root: Path) -> EdgebakeError:
    """Return the error for two files of one name."""
    return EdgebakeError(
        f"two {kind}s are named {name!r}",
        at=Position(shown_path(second, root)),
        reason=f"the other one is {shown_path(first, root)}",
        hints=("rename one of them",),
    )


def files_below(layer: Path, root: Path, *, kind: str) -> dict[str, Path]:
    """Return the data files of `layer` by name; folders hold other data.

    Raises:
        EdgebakeError: two files have one name, or one has another suffix than .yaml.
    """
    found: dict[str, Path] = {}
    for path in sorted(layer.glob("*")):
        _refuse_yml(path, root)
        if path.suffix not in (".yaml", ".json"):
            continue
        if path.stem in found:
            raise two_files(kind, path.stem, found[path.stem], path, root)
        found[path.stem] = path
    return found

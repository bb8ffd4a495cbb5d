"""Finds the files of recipes, targets and data of targets in folders. Reads none of them, and imports no models."""

from __future__ import annotations

import os
from pathlib import Path

from edgebake.errors import EdgebakeError, Position

_RECIPE_FILES = ("recipe.yaml", "recipe.json", "recipe.py")
_KEEP_INSIDE = "keep recipes and targets inside the project's folder, so that a checkout is complete"


def builtin_root() -> Path:
    """Return the folder with the built-in recipes, targets and templates: in the wheel, or in a checkout."""
    package = Path(__file__).resolve().parents[1]
    packaged = package / "_catalogue"
    return packaged if packaged.is_dir() else package.parents[1]


def shown_path(path: Path, root: Path) -> str:
    """Return a path for messages: relative to the project if it is inside."""
    try:
        return path.relative_to(root).as_posix()
    except ValueError:
        return str(path)


def is_path(text: str) -> bool:
    """Return whether a recipe of an image is a path of a folder (`./app`)."""
    return text.startswith(("./", "../")) or text in (".", "..")


def recipes_below(layer: Path, root: Path) -> dict[str, Path]:
    """Return the recipe files of `layer/<name>/` and `layer/<group>/<name>/` by folder name.

    Raises:
        EdgebakeError: a folder cannot be read, two recipes have the same name, or a file ends in .yml.
    """
    if recipe_file(layer, root):
        raise EdgebakeError(
            "the folder is a recipe itself",
            at=Position(shown_path(layer, root)),
            reason="a folder of recipes has a subfolder for each recipe",
            hints=("use the folder above it", "or add this folder to the recipes of an image: ./folder"),
        )
    recipes: dict[str, Path] = {}
    for folder in _folders(layer):
        path = recipe_file(folder, root)
        paths = [path] if path else [p for f in _folders(folder) if (p := recipe_file(f, root))]
        for path in paths:
            name = path.parent.name
            if name in recipes:
                raise two_files("recipe", name, recipes[name], path, root)
            recipes[name] = path
    return recipes


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
    """Return the recipe file in a folder; None if there is none.

    Raises:
        EdgebakeError: the folder has two recipe files, or one that ends in .yml.
    """
    present = [folder / name for name in _RECIPE_FILES if (folder / name).is_file()]
    if len(present) > 1:
        names = " and ".join(path.name for path in present)
        message = f"the folder has two recipes: {names}"
        raise EdgebakeError(message, at=Position(shown_path(folder, root)), hints=("keep one of them",))
    if not present:
        _refuse_yml(folder / "recipe.yml", root)
    return present[0] if present else None


def _refuse_yml(path: Path, root: Path) -> None:
    if path.suffix == ".yml" and path.is_file():
        raise not_yaml(shown_path(path, root))


def not_yaml(shown: str) -> EdgebakeError:
    """Return the error for a file that ends in .yml."""
    hints = (f"rename the file to {Path(shown).stem}.yaml",)
    return EdgebakeError("the file's name must end in .yaml", at=Position(shown), hints=hints)


def leads_out(what: str, real: Path, at: Position | None, hint: str = _KEEP_INSIDE) -> EdgebakeError:
    """Return the error for a path that leads out of the project.

    Args:
        what: the path, as prose.
        real: where it leads.
        at: where it is written.
        hint: what to try.
    """
    return EdgebakeError(f"{what} leads out of the project", at=at, reason=f"it is {real}", hints=(hint,))


def two_files(kind: str, name: str, first: Path, second: Path, root: Path) -> EdgebakeError:
    """Return the error for two files with the same name. `kind` is the noun for what they describe."""
    return EdgebakeError(
        f"two {kind}s are named {name!r}",
        at=Position(shown_path(second, root)),
        reason=f"the other one is {shown_path(first, root)}",
        hints=("rename one of them",),
    )


def files_below(layer: Path, root: Path, *, kind: str) -> dict[str, Path]:
    """Return the data files directly in `layer`, by name. `kind` is the noun for what they describe.

    Raises:
        EdgebakeError: two files have the same name, or one ends in .yml.
    """
    files: dict[str, Path] = {}
    for path in sorted(layer.glob("*")):
        _refuse_yml(path, root)
        if path.suffix not in (".yaml", ".json"):
            continue
        if path.stem in files:
            raise two_files(kind, path.stem, files[path.stem], path, root)
        files[path.stem] = path
    return files

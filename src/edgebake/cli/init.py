"""`edgebake init`."""

from __future__ import annotations

from pathlib import Path

from edgebake.cli.command import argument
from edgebake.cli.console import print_text
from edgebake.cli.options import target_option

FOLDER = argument("The folder; made if it does not exist.", metavar="[FOLDER]", default=Path())
TARGET = target_option("Target of the first image.", "cpu")


def init(folder: Path = FOLDER, target: str = TARGET) -> None:
    """Make a project: edgebake.yaml, and an application as a recipe.

    It compiles at once. No file is overwritten. The tutorial starts from this project.

    Example: edgebake init my-robot --target jetpack-6.2
    """
    from edgebake.load.scaffold import make_project

    print_text(*(f"added    {path}" for path in make_project(folder, target)))
    change_folder = "" if folder == Path() else f" -C {folder}"
    print_text(f"Next: edgebake{change_folder} plan")

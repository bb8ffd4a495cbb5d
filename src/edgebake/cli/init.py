"""`edgebake init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli.options import target_option

Folder = Annotated[Path, typer.Argument(metavar="[FOLDER]", help="The folder; made if it does not exist.")]
Target = Annotated[str, target_option("Target of the first image.")]


def init(folder: Folder = Path(), target: Target = "cpu") -> None:
    """Make a project: edgebake.yaml, and an application as a recipe.

    It compiles at once. No file is overwritten. The tutorial starts from this project.

    Example: edgebake init my-robot --target jetpack-6.2
    """
    from edgebake.cli.console import print_text
    from edgebake.load.scaffold import make_project

    print_text(*(f"added    {path}" for path in make_project(folder, target)))
    change_folder = "" if folder == Path() else f" -C {folder}"
    print_text(f"Next: edgebake{change_folder} plan")

"""`edgebake init`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer


def init(
    folder: Annotated[Path, typer.Argument(help="Where; made if it is not there.")] = Path(),
    target: Annotated[str, typer.Option("--target", "-t", help="Target of the first image.")] = "cpu",
) -> None:
    """Make a project that compiles at once: edgebake.yaml, and an application as a recipe.

    Nothing is overwritten. The tutorial goes on from here.

    Example: edgebake init my-robot --target jetpack-6.2
    """
    from edgebake.load.scaffold import make_project

    for path in make_project(folder, target):
        typer.echo(f"added    {path}")
    where = "" if folder == Path() else f" -C {folder}"
    typer.echo(f"Next: edgebake{where} plan")

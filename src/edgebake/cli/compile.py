"""`edgebake compile`."""

from __future__ import annotations

from typing import Annotated

import typer

from edgebake.cli.options import Locked


def compile_command(
    force: Annotated[bool, typer.Option("--force", help="Overwrite generated files that were edited.")] = False,
    locked: Locked = False,
) -> None:
    """Write the generated files: Dockerfiles, the bake file, and all that they need.

    Reads only the project and its lock; no Docker, no network. Example: edgebake compile --locked
    """
    from pathlib import Path

    from edgebake.api import compile_files
    from edgebake.notes import summarised
    from edgebake.plan.selection import Selection, open_selection

    workspace = open_selection(Path.cwd(), Selection())
    compiled = compile_files(workspace, locked=locked)
    changes = compiled.tree.write(force=force)
    for change in changes:
        typer.echo(f"{change.kind:<8} {change.path}")
    for out in compiled.compilation.left_out:
        typer.echo(f"left out: {out.what}: {out.reason}", err=True)
    for note in summarised(compiled.compilation.notes):
        typer.echo(f"note: {note}", err=True)
    images = sum(not target.is_test for target in compiled.compilation.graph.bake_targets)
    counts = (images, "bake target"), (len(compiled.compilation.graph), "stage"), (len(changes), "file")
    targets, stages, files = (f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts)
    typer.echo(f"{targets}, {stages}; {files} changed.")

"""`edgebake compile`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli.options import Locked
from edgebake.cli.remembered import Remembered, remembered

if TYPE_CHECKING:
    from collections.abc import Iterable

    from edgebake.pipeline import Compiled
    from edgebake.render.writer import Change


@remembered("check", "locked", "json_output")
def compile_command(
    memory: Remembered,
    force: Annotated[bool, typer.Option("--force", help="Overwrite generated files that were edited.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 3 if a file is stale.")] = False,
    locked: Locked = False,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print what was written, or is stale, as JSON.")
    ] = False,
) -> None:
    """Write the generated files: Dockerfiles, the bake file, and all that they need.

    Reads only the project and its lock; no Docker, no network. In CI, --check finds files that are stale.

    Example: edgebake compile --check --locked
    """
    from pathlib import Path

    from edgebake.graph.notes import summarised
    from edgebake.model.request import Request
    from edgebake.pipeline import compile_files

    workspace = memory.opened(Path.cwd(), Request())
    compiled = compile_files(workspace, locked=locked)
    if check:
        _check(compiled, json_output=json_output)
        return
    changes = compiled.tree.write(force=force)
    memory.keeps = not changes
    for change in changes if not json_output else ():
        typer.echo(f"{change.kind:<8} {change.path}")
    for out in compiled.compilation.left_out:
        typer.echo(f"left out: {out.what}: {out.reason}", err=True)
    for note in summarised(compiled.compilation.notes):
        typer.echo(f"note: {note}", err=True)
    if json_output:
        _print_data(compiled, changes)
        return
    images = sum(not target.is_test for target in compiled.compilation.graph.bake_targets)
    counts = (images, "bake target"), (len(compiled.compilation.graph), "stage"), (len(changes), "file")
    targets, stages, files = (f"{number} {word}{'' if number == 1 else 's'}" for number, word in counts)
    typer.echo(f"{targets}, {stages}; {files} changed.")


def _print_data(compiled: Compiled, changes: Iterable[Change]) -> None:
    import json

    data: dict[str, Any] = {
        "version": 1,
        "files": [{"path": change.path, "change": change.kind} for change in changes],
        "left_out": [{"what": out.what, "reason": out.reason} for out in compiled.compilation.left_out],
        "notes": [str(note) for note in compiled.compilation.notes],
    }
    typer.echo(json.dumps(data, indent=2, ensure_ascii=False))


def _check(compiled: Compiled, *, json_output: bool) -> None:
    from edgebake.errors import EXIT_CHECK

    changes = compiled.changes()
    if json_output:
        _print_data(compiled, changes)
    for change in changes:
        typer.echo(f"{change.kind:<8} {change.path}", err=True)
    if changes:
        typer.echo("\nerror: the committed files are stale\n\nhint: refresh them: edgebake compile", err=True)
        raise typer.Exit(EXIT_CHECK)
    if not json_output:
        typer.echo("The committed files are up to date.")

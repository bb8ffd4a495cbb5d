"""`edgebake compose`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.graph.compile import Compilation
    from edgebake.model.service import Service
    from edgebake.render.writer import OutputTree


def compose(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SERVICE|IMAGE]...",
            help="Services and what they need, or images of the project (all services, if none is named).",
            show_default=False,
        ),
    ] = None,
    target: Annotated[
        str | None,
        typer.Option(
            "--target",
            "-t",
            metavar="TARGET",
            help="The machine that they run on.",
            autocompletion=complete.targets,
        ),
    ] = None,
    output: Annotated[
        str | None,
        typer.Option(
            "--output", "-o", metavar="FILE", help="Write it to this file of the project.", show_default=False
        ),
    ] = None,
    check: Annotated[
        bool, typer.Option("--check", help="Write nothing; exit with 3 if the file, or a committed one, is stale.")
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a file that was edited.")] = False,
) -> None:
    """Print the Compose file of the project's services on a target, or write it to FILE.

    Those of all services are among the files that `edgebake compile` writes, as bake/TARGET/compose.yaml. To start
    them: docker compose -f bake/TARGET/compose.yaml up --wait. Reads only the project and its lock; no Docker.

    Example: edgebake compose --target jetpack-6.2 -o compose.yaml
    """
    import posixpath

    with Waiting("compiling"):
        from edgebake.compose.file import compose_file
        from edgebake.compose.placed import services_of
        from edgebake.graph.compile import compile_workspace
        from edgebake.model.request import Request
        from edgebake.render.writer import OutputTree
        from edgebake.select.request import open_request

        compilation = compile_workspace(open_request(Path.cwd(), Request()))
    if check and not (names or output):
        _check_committed(compilation, target)
        return
    services = services_of(compilation, names or ())
    chosen = _target(compilation, services, target)
    command = " ".join(
        ["edgebake compose", *(names or ()), "--target", chosen, *(["-o", output] if output else [])]
    )
    folder = posixpath.dirname(output or "") or "."
    file = compose_file(compilation, chosen, services, folder, command)
    for note in file.notes:
        typer.echo(f"note: {note}", err=True)
    if output is None:
        typer.echo(file.text, nl=False)
        return
    project = compilation.workspace.project
    tree = OutputTree(compilation.workspace.root, f"{project.output}/compose/{output.replace('/', '-')}")
    tree.add(output, file.text.encode(), owner="the services")
    _write(tree, output, command, check=check, force=force)


def _write(tree: OutputTree, output: str, command: str, *, check: bool, force: bool) -> None:
    from edgebake.errors import EXIT_CHECK

    if check:
        if any(change.path == output for change in tree.changes()):
            typer.echo(f"error: {output} is stale\n\nhint: write it anew: {command}", err=True)
            raise typer.Exit(EXIT_CHECK)
        typer.echo(f"{output} is up to date.")
        return
    changes = tree.write(force=force)
    for change in changes:
        typer.echo(f"{change.kind:<8} {change.path}")
    if not changes:
        typer.echo(f"{output} is up to date.")


def _check_committed(compilation: Compilation, target: str | None) -> None:
    """Compare the Compose files among the generated ones with what they would be."""
    from edgebake.compose.file import committed_files
    from edgebake.errors import EXIT_CHECK, EdgebakeError, did_you_mean

    workspace = compilation.workspace
    files = dict(committed_files(compilation))
    wanted = {path: text for path, text in files.items() if target in (None, path.partition("/")[0])}
    if not wanted:
        known = [path.partition("/")[0] for path in files]
        hints = did_you_mean(target, known, kind="target") if target else ("declare `services` in edgebake.yaml",)
        raise EdgebakeError("there is no Compose file to check", hints=hints)
    stale = False
    for path, text in wanted.items():
        place = workspace.root / workspace.project.output / path
        if not place.is_file() or place.read_bytes() != text.encode():
            typer.echo(f"error: {workspace.project.output}/{path} is stale", err=True)
            stale = True
    if stale:
        typer.echo("\nhint: write it anew: edgebake compile", err=True)
        raise typer.Exit(EXIT_CHECK)
    typer.echo("The Compose files are up to date.")


def _target(compilation: Compilation, services: dict[str, Service], target: str | None) -> str:
    """Return the target that is asked for, or the only one that there is.

    Raises:
        EdgebakeError: there is none of that name, or several.
    """
    from edgebake.compose.placed import targets_of
    from edgebake.errors import EdgebakeError, did_you_mean

    possible = targets_of(services, compilation.graph.bake_targets)
    whole = [name for name, missing in possible.items() if not missing]
    if target is None:
        if len(whole) == 1:
            return whole[0]
        hints = (f"these have all services: {', '.join(whole) or 'none'}",)
        raise EdgebakeError("which machine is it for? Name a target: --target", hints=hints)
    if target not in possible and target not in compilation.targets:
        known = possible or compilation.targets
        raise EdgebakeError(
            f"no image of the services is for the target {target!r}",
            hints=did_you_mean(target, known, kind="target"),
        )
    return target

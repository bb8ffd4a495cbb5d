"""`edgebake builder`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from edgebake.model.builder import Builder

app = typer.Typer(
    help="Make and check the project's Buildx builder, with a node for each platform.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("create")
def create(
    use: Annotated[bool, typer.Option("--use", help="Make it the builder in use.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the commands, and run none.")] = False,
) -> None:
    """Make the builder of `builder` in edgebake.yaml with docker buildx create, or bring it up to date.

    For a project with machines of its own for some platforms. Nothing is built; --dry-run shows the commands.

    Example: edgebake builder create --use
    """
    from edgebake.execute.builders import create_builder, create_commands, existing
    from edgebake.execute.builders import use as use_builder

    builder = _project_builder()
    if dry_run:
        import shlex

        for command in create_commands(builder, existing(builder.name)):
            typer.echo(shlex.join(["docker", "buildx", *command]))
        return
    for line in create_builder(builder):
        typer.echo(line, err=True)
    if use:
        use_builder(builder.name)
    typer.echo(f"The builder {builder.name} is made. See what it can do: edgebake builder check")


@app.command("check")
def check(
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
) -> None:
    """Start the project's builder, and see that it is as edgebake.yaml says; exit with 3 if it is not.

    Also says which platforms of the project will be native, cross or emulated, and on which node.

    Example: edgebake builder check
    """
    from pathlib import Path

    from edgebake.errors import EXIT_CHECK
    from edgebake.execute.builders import inspect, problems, work_by_platform
    from edgebake.model.request import Request
    from edgebake.pipeline import Pipeline

    builder = _project_builder()
    state = inspect(builder.name)
    plan = Pipeline(Path.cwd(), Request()).plan()
    wrong = problems(builder, state)
    work = work_by_platform(plan, state)
    wrong += [str(one) for one in work if one.mode == "missing"]
    if json_output:
        import json

        data = {
            "version": 1,
            "builder": builder.name,
            "platforms": [one.as_data() for one in work],
            "problems": wrong,
        }
        typer.echo(json.dumps(data, indent=2))
    else:
        for node in state.nodes:
            typer.echo(f"node {node.name}: {node.status or 'unknown'} at {node.endpoint}")
        for one in work:
            typer.echo(str(one))
        for line in wrong:
            typer.echo(f"problem: {line}", err=True)
    if wrong:
        raise typer.Exit(EXIT_CHECK)


def _project_builder() -> Builder:
    from pathlib import Path

    from edgebake.errors import EdgebakeError
    from edgebake.model.request import Request
    from edgebake.select.request import open_request

    builder = open_request(Path.cwd(), Request()).project.builder
    if builder is None:
        raise EdgebakeError(
            "the project names no builder",
            hints=("for example: builder: {nodes: {linux/amd64: default, linux/arm64: ssh://me@jetson}}",),
        )
    return builder

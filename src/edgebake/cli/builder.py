"""`edgebake builder`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli.command import flag
from edgebake.cli.console import print_error, print_json, print_text
from edgebake.cli.options import JSON
from edgebake.errors import EXIT_CHECK, EdgebakeError
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.load.workspace import Workspace
    from edgebake.model.builder import Builder

USE = flag("Make it the builder in use.", "--use")
DRY_RUN = flag("Only print the commands.", "--dry-run")
app = typer.Typer(
    help="Make and check the project's Buildx builder, with a node for each platform.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@app.command("create")
def create(use: bool = USE, dry_run: bool = DRY_RUN) -> None:
    """Make the builder of `builder` in edgebake.yaml with docker buildx create, or bring it up to date.

    For a project with machines of its own for some platforms. Nothing is built.

    Example: edgebake builder create --use
    """
    import shlex

    from edgebake.execute.builders import create_builder, create_commands, existing
    from edgebake.execute.builders import use as use_builder
    from edgebake.execute.buildkit_config import CONFIG, buildkit_config, write_buildkit_config

    workspace, builder = _project_builder()
    config = str(CONFIG) if buildkit_config(workspace.root, workspace.project) else ""
    os.chdir(workspace.root)  # paths in BuildKit's configuration are relative to it
    if dry_run:
        for command in create_commands(builder, existing(builder.name), config):
            print_text(shlex.join(["docker", "buildx", *command]))
        return
    write_buildkit_config(workspace.root, workspace.project)
    for line in create_builder(builder, config):
        print_error(line)
    if use:
        use_builder(builder.name)
    print_text(f"The builder {builder.name} is ready. To see what it can do: edgebake builder check")


@app.command("check")
def check(json_output: bool = JSON) -> None:
    """Start the project's builder, and check that it is as edgebake.yaml says; exit with 3 if it is not.

    Also reports which platforms of the project will be native, cross-compiled or emulated, and on which node.

    Example: edgebake builder check
    """
    from edgebake.execute.builders import inspect, problems, work_by_platform, work_sentence
    from edgebake.pipeline import Pipeline

    _, builder = _project_builder()
    state = inspect(builder.name)
    plan = Pipeline(Path.cwd(), Request()).plan()
    work = work_by_platform(plan, state)
    found = problems(builder, state) + [work_sentence(one) for one in work if one.mode == "missing"]
    if json_output:
        from edgebake.model.output.machine import BuilderCheck

        print_json(BuilderCheck(version=1, builder=builder.name, platforms=work, problems=found))
    else:
        nodes = [f"node {node.name}: {node.status or 'unknown'} at {node.endpoint}" for node in state.nodes]
        print_text("\n".join([*nodes, *map(work_sentence, work)]))
        print_error(*(f"problem: {problem}" for problem in found))
    if found:
        raise typer.Exit(EXIT_CHECK)


def _project_builder() -> tuple[Workspace, Builder]:
    from edgebake.select.request import open_request

    workspace = open_request(Path.cwd(), Request())
    builder = workspace.project.builder
    if builder is None:
        raise EdgebakeError(
            "the project has no builder",
            hints=(
                "add one to edgebake.yaml, for example builder: {nodes: {linux/amd64: default, linux/arm64: ssh://me@jetson}}",
            ),
        )
    return workspace, builder

"""`edgebake ci`."""

from __future__ import annotations

from typing import Annotated

import typer

from edgebake.cli.options import ChangedSince, Unpublished

app = typer.Typer(help="Continuous integration.", no_args_is_help=True, rich_markup_mode=None)


@app.command("github")
def github(
    output: Annotated[
        str | None,
        typer.Option("--output", "-o", metavar="FILE", help="The workflow, in the repository.", show_default=False),
    ] = None,
    check: Annotated[bool, typer.Option("--check", help="Write nothing; exit with 3 if it is stale.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Overwrite a workflow that was edited.")] = False,
) -> None:
    """Write the GitHub Actions workflow that builds, tests and publishes the project's images.

    Its settings are `ci` in edgebake.yaml. The file is .github/workflows/edgebake.yml if nothing else is said.

    Example: edgebake ci github
    """
    from pathlib import Path

    from edgebake.ci.github import warnings, workflow_tree
    from edgebake.errors import EXIT_CHECK
    from edgebake.model.request import Request
    from edgebake.select.request import open_request

    workspace = open_request(Path.cwd(), Request())
    tree = workflow_tree(workspace, output)
    if check:
        stale = [change for change in tree.changes() if not change.path.endswith("/manifest.json")]
        for change in stale:
            typer.echo(f"error: {change.path} is stale\n\nhint: write it anew: edgebake ci github", err=True)
        raise typer.Exit(EXIT_CHECK if stale else 0)
    changes = tree.write(force=force)
    for change in changes:
        typer.echo(f"{change.kind:<8} {change.path}")
    for line in warnings(workspace):
        typer.echo(f"note: {line}", err=True)
    if not changes:
        typer.echo("The workflow is up to date.")


@app.command("matrix")
def matrix(
    changed_since: ChangedSince = None,
    unpublished: Unpublished = False,
    everything: Annotated[bool, typer.Option("--all", help="All images.")] = False,
    shards_file: Annotated[
        str | None, typer.Option("--file", metavar="FILE", help="Also write the shards there, for `bake --shards`.")
    ] = None,
    registry: Annotated[
        str | None, typer.Option("--registry", metavar="REPOSITORY", help="Look there for what is published.")
    ] = None,
) -> None:
    """Print the matrix of the workflow's jobs, as lines for $GITHUB_OUTPUT: matrix=… and count=….

    With `stacks` in the project also stacks=… and shared=…: the jobs that publish what several of these need.
    The workflow calls it.

    Example: edgebake ci matrix --changed-since origin/main --file shards.json
    """
    from pathlib import Path

    from edgebake.ci.matrix import outputs
    from edgebake.cli.console import json_text
    from edgebake.cli.format.shards import data, text
    from edgebake.errors import EdgebakeError
    from edgebake.model.request import Request
    from edgebake.pipeline import Pipeline
    from edgebake.plan.settings import Settings
    from edgebake.plan.shards import cut, shared_by
    from edgebake.state.stacks import looker
    from edgebake.system.atomic import write_file

    if [changed_since is not None, unpublished, everything].count(True) != 1:
        raise EdgebakeError("one of --changed-since, --unpublished and --all is needed")
    settings = Settings(variables={"REGISTRY": registry} if registry else {})
    pipeline = Pipeline(Path.cwd(), Request())
    plan = pipeline.plan(look=looker(settings))
    if not everything:
        plan, lines = pipeline.changed(plan, changed_since, settings)
        for line in lines:
            typer.echo(f"note: {line}", err=True)
    project = pipeline.workspace.project
    groups = {(t.bake_target.target, platform) for t in plan.targets for platform in t.platforms}
    shards = cut(plan, min(project.ci.jobs, max(len(groups), 1)))
    shared = shared_by(plan, shards)
    typer.echo(text(shards, shared), err=True)
    if shards_file:
        write_file(Path(shards_file), (json_text(data(shards, shared)) + "\n").encode())
    typer.echo(outputs(plan, shards, shared))

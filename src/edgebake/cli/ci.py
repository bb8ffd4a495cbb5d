"""`edgebake ci`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli.command import command, command_options, flag, option
from edgebake.cli.console import json_text, print_error, print_notes, print_text
from edgebake.cli.options import (
    CHANGED_SINCE,
    LOCK_TIMEOUT,
    UNPUBLISHED,
    check_repository,
    checkout_lock,
    refuse_together,
)
from edgebake.errors import EdgebakeError
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.pipeline import Pipeline
    from edgebake.plan.builder import Plan
    from edgebake.plan.settings import Settings
    from edgebake.plan.shards import Shard

app = typer.Typer(
    help="Write the workflow of GitHub Actions, and the matrix of its jobs.",
    no_args_is_help=True,
    rich_markup_mode=None,
)


@command_options
class GithubOptions:
    """Where the workflow is, and what is done with it.

    Raises:
        EdgebakeError: it is to be both overwritten and only checked.
    """

    output: str | None = option("The workflow, in the repository.", "-o", metavar="FILE")
    check: bool = flag("Write nothing; exit with 3 if the workflow is stale.")
    force: bool = flag("Overwrite a workflow that was edited.")
    lock_timeout: str | None = LOCK_TIMEOUT

    def __post_init__(self) -> None:
        refuse_together(force=self.force, check=self.check)


@app.command("github")
@command(GithubOptions)
def github(options: GithubOptions) -> None:
    """Write the GitHub Actions workflow that builds, tests and publishes the images.

    `ci` in edgebake.yaml has its settings. By default the file is .github/workflows/edgebake.yml.

    Example: edgebake ci github
    """
    from edgebake.ci.github import warnings, workflow_tree
    from edgebake.cli.format.files import changes_text, refuse_stale
    from edgebake.select.request import open_request

    workspace = open_request(Path.cwd(), Request())
    tree = workflow_tree(workspace, options.output)
    if options.check:
        stale = [change.path for change in tree.stale() if not change.path.endswith("/manifest.json")]
        refuse_stale(stale, "edgebake ci github")
        return
    changes = tree.write(force=options.force, lock=checkout_lock("ci github", options.lock_timeout))
    print_text(*(changes_text(changes) if changes else ["The workflow is up to date."]))
    print_notes(*warnings(workspace))


@command_options
class MatrixOptions:
    """Which images the jobs build.

    Raises:
        EdgebakeError: not exactly one way to choose them is named.
    """

    changed_since: str | None = CHANGED_SINCE
    unpublished: bool = UNPUBLISHED
    everything: bool = flag("All images.", "--all")
    registry: str | None = option("Where images are published.", metavar="REPOSITORY", callback=check_repository)
    shards_file: str | None = option(
        "Also write the shards to a file, for `bake --shards`.", "--file", metavar="FILE"
    )

    def __post_init__(self) -> None:
        if [self.changed_since is not None, self.unpublished, self.everything].count(True) != 1:
            raise EdgebakeError("one of --changed-since, --unpublished and --all is needed")


@app.command("matrix")
@command(MatrixOptions)
def matrix(options: MatrixOptions) -> None:
    """Print the matrix of the workflow's jobs, as lines for $GITHUB_OUTPUT.

    The lines are matrix=… and count=…; with `stacks` in the project also stacks=… and shared=…, for the jobs that
    publish shared stages. The workflow runs this command.

    Example: edgebake ci matrix --changed-since origin/main --file shards.json
    """
    from edgebake.ci.matrix import outputs
    from edgebake.cli.format.shards import data, text
    from edgebake.pipeline import Pipeline
    from edgebake.plan.settings import Settings
    from edgebake.plan.shards import shared_by

    pipeline = Pipeline(Path.cwd(), Request())
    variables = {"REGISTRY": options.registry} if options.registry else {}
    plan = _plan(pipeline, options, Settings(variables=variables))
    shards = _shards(pipeline, plan)
    shared = shared_by(plan, shards)
    print_error(text(shards, shared))
    if options.shards_file:
        from edgebake.system.atomic import write_file

        write_file(Path(options.shards_file), f"{json_text(data(shards, shared))}\n".encode())
    print_text(outputs(plan, shards, shared))


def _plan(pipeline: Pipeline, options: MatrixOptions, settings: Settings) -> Plan:
    """Return the plan for the images that are to be built, and print what is left out of it."""
    from edgebake.state.stacks import looker

    plan = pipeline.plan(look=looker(settings))
    if options.everything:
        return plan
    plan, notes = pipeline.changed(plan, options.changed_since, settings)
    print_notes(*notes)
    return plan


def _shards(pipeline: Pipeline, plan: Plan) -> list[Shard]:
    """Return the plan in as many shards as there may be jobs, but no more than targets and platforms."""
    from edgebake.plan.shards import cut

    groups = {(target.bake_target.target, platform) for target in plan.targets for platform in target.platforms}
    return cut(plan, min(pipeline.workspace.project.ci.jobs, max(len(groups), 1)))

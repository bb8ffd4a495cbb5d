"""`edgebake why`."""

from __future__ import annotations

from pathlib import Path

import typer

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, option
from edgebake.cli.console import Waiting, print_error, print_result
from edgebake.cli.options import JSON, AdHocOptions
from edgebake.errors import EXIT_CHECK


@command_options
class WhyOptions(AdHocOptions):
    """Which recipe is explained, in which images."""

    names: Words = argument(
        "Images of the project, or recipes for an ad-hoc image: 'pytorch>=2.6'.",
        metavar="IMAGE|RECIPE",
        default=...,
        complete=complete.subjects,
    )
    recipe: str = argument("The recipe to explain.", metavar="RECIPE", default=..., complete=complete.recipes)
    paths: int = option("Show at most N paths in each image; 0 for all.", metavar="N", default=10, min=0)
    json_output: bool = JSON


@command(WhyOptions)
def why(options: WhyOptions) -> None:
    """Show why a recipe is in an image, and why it has that release.

    Lists every path of requirements that leads to it. Exits with 3 if the recipe is in none of the images; then it
    shows what would add it.

    Example: edgebake why detector numpy --target cpu

    Example: edgebake why pytorch transformers numpy --target jetpack-6.2
    """
    with Waiting("resolving"):
        from edgebake.inspect.selected import resolve_selected
        from edgebake.inspect.why import answers, hints, recipe_name
        from edgebake.select.request import open_request

        workspace = open_request(Path.cwd(), options.request)
        wanted = recipe_name(workspace.catalogue, options.recipe)
        found = answers(resolve_selected(workspace, options.request), wanted, limit=options.paths or None)
    from edgebake.cli.format.why import data, text

    print_result(as_json=options.json_output, data=lambda: data(found, wanted), text=lambda: text(found))
    if all(answer.status in ("absent", "library") for answer in found):
        lines = [f"hint: {hint}" for hint in hints(found, wanted, in_project=workspace.document is not None)]
        if lines:
            print_error("\n".join(["", *lines]))
        raise typer.Exit(EXIT_CHECK)

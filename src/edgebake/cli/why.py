"""`edgebake why`."""

from __future__ import annotations

from typing import Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import ImageName, Platforms, Targets
from edgebake.cli.waiting import Waiting


def why(
    names: Annotated[
        list[str],
        typer.Argument(
            metavar="IMAGE|RECIPE",
            help="Images of the project, or recipes for an ad-hoc image: 'pytorch>=2.6'.",
            show_default=False,
            autocompletion=complete.subjects,
        ),
    ],
    recipe: Annotated[
        str,
        typer.Argument(
            metavar="RECIPE",
            help="The recipe that is asked about.",
            show_default=False,
            autocompletion=complete.recipes,
        ),
    ],
    target: Targets = None,
    platform: Platforms = None,
    name: ImageName = None,
    paths: Annotated[
        int, typer.Option("--paths", metavar="N", min=0, help="Show at most N paths of each image; 0 for all.")
    ] = 10,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Show every path that brings a recipe into an image, and why it has that release.

    Exits with 3 if the recipe is in none of the images; then it says what would bring it.

    Example: edgebake why detector numpy --target cpu

    Example: edgebake why pytorch transformers numpy --target jetpack-6.2
    """
    with Waiting("resolving"):
        from pathlib import Path

        from edgebake.inspect.selected import resolve_selected
        from edgebake.inspect.why import answers, hints, recipe_name
        from edgebake.model.request import Request
        from edgebake.select.request import open_request

        request = Request(tuple(names), tuple(target or ()), tuple(platform or ()), name)
        workspace = open_request(Path.cwd(), request)
        wanted = recipe_name(workspace.catalogue, recipe)
        found = answers(resolve_selected(workspace, request), wanted, limit=paths or None)
    if json_output:
        import json

        from edgebake.inspect.why import answers_as_data

        typer.echo(json.dumps(answers_as_data(found, wanted), indent=2, ensure_ascii=False))
    else:
        from edgebake.inspect.why_text import why_text

        typer.echo(why_text(found))
    if all(one.status in ("absent", "library") for one in found):
        told = hints(found, wanted, in_project=workspace.document is not None)
        typer.echo("\n".join(["", *(f"hint: {hint}" for hint in told)]) if told else "", err=True, nl=bool(told))
        from edgebake.errors import EXIT_CHECK

        raise typer.Exit(EXIT_CHECK)

"""`edgebake autotag`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.command import command, command_options
from edgebake.cli.options import CaBundle, ImageRegistry, NoCache, Root
from edgebake.cli.waiting import Waiting


@command_options
class AutotagOptions:
    """The image that is looked for, where, and what is printed about it."""

    name: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|RECIPE|REPOSITORY",
            help="An image of the project, a recipe, or a repository (localhost:5000/acme/detector).",
            autocompletion=complete.subjects,
        ),
    ]
    registry: ImageRegistry = None
    root: Root = None
    explain: Annotated[
        bool,
        typer.Option("--explain", help="Show on stderr the result of each rule for each image, with its source."),
    ] = False
    no_cache: NoCache = False
    ca_bundle: CaBundle = None
    json_output: Annotated[
        bool, typer.Option("--json", help="Print all candidates as JSON, not the reference.")
    ] = False


@command(AutotagOptions)
def autotag(options: AutotagOptions) -> None:
    """Print the reference of the best image for this machine, from the engine or else from the registry.

    The rules are NVIDIA's: architecture, CUDA flavour, driver, GPU architecture, L4T, mounted libraries. If no
    image fits, the command prints nothing, says why and what to build, and exits with 2.

    Example: docker run --rm $(edgebake autotag pytorch)
    """
    with Waiting("looking for images"):
        from edgebake.host.autotag import Search, search

        bundle = Path(options.ca_bundle) if options.ca_bundle else None
        everything = options.explain or options.json_output
        what = Search(options.name, options.registry, options.root, options.no_cache, bundle, everything)
        found = search(what, Path.cwd(), os.environ)
    from edgebake.cli.console import print_json, print_note, print_text
    from edgebake.cli.format.autotag import data, text

    answer = found.answer
    if options.json_output:
        print_json(data(answer))
    if options.explain:
        typer.echo(text(answer), err=True)
    if answer.best is None:
        raise found.nothing_fits()
    for doubt in answer.doubts:
        print_note(f"{answer.best.reference}: {doubt}")
    if not options.json_output:
        print_text(answer.best.reference)

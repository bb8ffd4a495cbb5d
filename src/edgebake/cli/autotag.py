"""`edgebake autotag`."""

from __future__ import annotations

import os
from pathlib import Path

from edgebake.cli import complete
from edgebake.cli.command import argument, command, command_options, flag
from edgebake.cli.console import Waiting, print_error, print_json, print_notes, print_text
from edgebake.cli.options import CA_BUNDLE, IMAGE_REGISTRY, NO_CACHE, ROOT


@command_options
class AutotagOptions:
    """The image that is looked for, where, and what is printed about it."""

    name: str = argument(
        "An image of the project, a recipe, or a repository (localhost:5000/acme/detector).",
        metavar="IMAGE|RECIPE|REPOSITORY",
        default=...,
        complete=complete.subjects,
    )
    registry: str | None = IMAGE_REGISTRY
    root: Path | None = ROOT
    explain: bool = flag("Show on stderr the result of each rule for each image, with its source.")
    no_cache: bool = NO_CACHE
    ca_bundle: str | None = CA_BUNDLE
    json_output: bool = flag("Print all candidates as JSON, not the reference.", "--json")


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
    from edgebake.cli.format.autotag import data, text

    answer = found.answer
    if options.json_output:
        print_json(data(answer))
    if options.explain:
        print_error(text(answer))
    if answer.best is None:
        raise found.nothing_fits()
    print_notes(*(f"{answer.best.reference}: {doubt}" for doubt in answer.doubts))
    if not options.json_output:
        print_text(answer.best.reference)

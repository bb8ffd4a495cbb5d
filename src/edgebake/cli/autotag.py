"""`edgebake autotag`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import CaBundle, Root
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.host.remote import Cache

NoCache = Annotated[
    bool, typer.Option("--no-cache", help="Ask the registry again; its answers are kept for ten minutes.")
]
Registry = Annotated[
    str | None,
    typer.Option("--registry", metavar="REPOSITORY", help="Look there, not in the project's registry."),
]


def autotag(
    name: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|RECIPE|REPOSITORY",
            help="An image of the project, a recipe, or a repository (localhost:5000/acme/detector).",
            autocompletion=complete.subjects,
        ),
    ],
    registry: Registry = None,
    root: Root = None,
    explain: Annotated[
        bool, typer.Option("--explain", help="Tell on stderr what each rule says of each image, with its source.")
    ] = False,
    no_cache: NoCache = False,
    ca_bundle: CaBundle = None,
    json_output: Annotated[
        bool, typer.Option("--json", help="Print all candidates as JSON, not the reference.")
    ] = False,
) -> None:
    """Print the reference of the best image for this machine: the engine's own, else the registry's.

    What decides is what NVIDIA says runs: architecture, CUDA flavour, driver, GPU architecture, L4T, mounted
    libraries. If no image fits, says why and what to build, prints nothing and exits with 2.

    Example: docker run --rm $(edgebake autotag pytorch)
    """
    import os

    with Waiting("looking for images"):
        from edgebake.host.autotag import find_image, nothing_fits
        from edgebake.host.explain import as_data, as_lines
        from edgebake.host.here import machine_of
        from edgebake.host.wanted import wanted
        from edgebake.load.workspace import find_root, open_workspace
        from edgebake.registry.client import RegistryClient

        workspace = open_workspace(find_root(Path.cwd()) or Path.cwd(), need_project=False)
        this = wanted(name, workspace, registry)
        machine = machine_of(root)
        client = RegistryClient(os.environ, Path(ca_bundle) if ca_bundle else None)
        whole = explain or json_output
        answer = find_image(
            this, workspace, machine, client, cache(no_cache=no_cache), here=root is None, all_of_them=whole
        )
    if json_output:
        import json

        typer.echo(json.dumps(as_data(answer), indent=2))
    if explain:
        typer.echo("\n".join(as_lines(answer)), err=True)
    if answer.best is None:
        raise nothing_fits(this, workspace, machine, answer.judged)
    for doubt in answer.doubts:
        typer.echo(f"note: {answer.best.reference}: {doubt}", err=True)
    if not json_output:
        typer.echo(answer.best.reference)


def cache(*, no_cache: bool) -> Cache:
    """Return where answers of registries are kept: below the user's cache folder, as XDG has it."""
    import os

    from edgebake.host.remote import Cache

    if no_cache:
        return Cache(None)
    home = os.environ.get("XDG_CACHE_HOME") or ""
    folder = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return Cache(folder / "edgebake" / "registry")

"""`edgebake lock`."""

from __future__ import annotations

from typing import Annotated

import typer

from edgebake.cli.options import CaBundle, Mirrors
from edgebake.cli.waiting import Waiting


def lock(
    upgrade: Annotated[
        list[str] | None,
        typer.Option(
            "--upgrade",
            "-U",
            metavar="NAME",
            help="Resolve a recipe, Python package, base image or git URL anew ('*': everything); repeatable.",
        ),
    ] = None,
    refresh: Annotated[bool, typer.Option("--refresh", help="Install unversioned system packages anew.")] = False,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
) -> None:
    """Pin base images, git refs, recipe releases and Python packages in edgebake.lock.

    The only command that resolves over the network. What is pinned stays, unless --upgrade names it. Call it
    again when images, recipes or targets have changed.

    Example: edgebake lock --upgrade numpy
    """
    with Waiting("resolving") as waiting:
        from pathlib import Path

        from edgebake.cli.options import pairs
        from edgebake.lock.locker import make_lock, render_lock
        from edgebake.model.project import LOCK_FILE
        from edgebake.model.request import Request
        from edgebake.select.request import open_request
        from edgebake.system.atomic import write_file

        workspace = open_request(Path.cwd(), Request())
        made = make_lock(
            workspace,
            upgrade=tuple(upgrade or ()),
            refresh=refresh,
            mirrors=pairs(mirror, "--mirror"),
            ca_bundle=Path(ca_bundle) if ca_bundle else None,
            report=waiting.tell,
        )
    changed = write_file(workspace.root / LOCK_FILE, render_lock(made))
    typer.echo(f"{LOCK_FILE} {'written' if changed else 'is up to date'}.")

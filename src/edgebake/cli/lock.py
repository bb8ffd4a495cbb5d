"""`edgebake lock`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli.options import CaBundle, Mirrors
from edgebake.cli.waiting import Waiting

Upgrade = Annotated[
    list[str] | None,
    typer.Option(
        "--upgrade",
        "-U",
        metavar="NAME",
        help="Resolve a recipe, Python package, base image or git URL again ('*': everything); repeatable.",
    ),
]
Refresh = Annotated[bool, typer.Option("--refresh", help="Install unversioned system packages again.")]


@dataclass(frozen=True)
class LockOptions:
    """What is resolved again, and how the network is reached."""

    upgrade: tuple[str, ...]
    refresh: bool
    mirrors: Mapping[str, str]
    ca_bundle: Path | None


def lock(
    upgrade: Upgrade = None,
    refresh: Refresh = False,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
) -> None:
    """Pin base images, git refs, recipe releases and Python packages in edgebake.lock.

    The only command that resolves over the network. What is pinned stays, unless --upgrade names it. Call it
    again when images, recipes or targets have changed.

    Example: edgebake lock --upgrade numpy
    """
    with Waiting("resolving") as waiting:
        from edgebake.cli.options import pairs

        bundle = Path(ca_bundle) if ca_bundle else None
        changed = _lock(LockOptions(tuple(upgrade or ()), refresh, pairs(mirror, "--mirror"), bundle), waiting)
    from edgebake.cli.console import print_text
    from edgebake.model.project import LOCK_FILE

    print_text(f"{LOCK_FILE} {'written' if changed else 'is up to date'}.")


def _lock(options: LockOptions, waiting: Waiting) -> bool:
    """Write the lock, show what was resolved, and return whether the lock has changed."""
    from edgebake.lock.locker import make_lock, render_lock
    from edgebake.model.project import LOCK_FILE
    from edgebake.model.request import Request
    from edgebake.select.request import open_request
    from edgebake.system.atomic import write_file

    workspace = open_request(Path.cwd(), Request())
    made = make_lock(
        workspace,
        upgrade=options.upgrade,
        refresh=options.refresh,
        mirrors=options.mirrors,
        ca_bundle=options.ca_bundle,
        report=waiting.tell,
    )
    return write_file(workspace.root / LOCK_FILE, render_lock(made))

"""`edgebake lock`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import typer

from edgebake.cli.command import Words, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_error, print_text
from edgebake.cli.options import CA_BUNDLE, MIRRORS, pairs
from edgebake.errors import EXIT_CHECK, EdgebakeError
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.load.workspace import Workspace
    from edgebake.lock.locker import Made


@command_options
class LockOptions:
    """What is resolved again, and how the network is reached."""

    upgrade: Words = option(
        "Resolve a recipe, Python package, base image or git URL again ('*': everything); repeatable.",
        "-U",
        metavar="NAME",
    )
    refresh: bool = flag("Install unversioned system packages again.")
    allow_unpinned: bool = flag("Write the lock even if something cannot be pinned.")
    mirror: Words = MIRRORS
    ca_bundle: str | None = CA_BUNDLE


@command(LockOptions)
def lock(options: LockOptions) -> None:
    """Pin base images, git refs, recipe releases and Python packages in edgebake.lock.

    The only command that resolves over the network. What is pinned stays, unless --upgrade names it and it can be
    resolved again. Call it again when images, recipes or targets have changed. If something cannot be pinned, the
    exit code is 3 and the lock stays as it is; --allow-unpinned writes it.

    Example: edgebake lock --upgrade numpy
    """
    from edgebake.lock.locker import render_lock
    from edgebake.model.project import LOCK_FILE
    from edgebake.select.request import open_request
    from edgebake.system.atomic import write_file

    workspace = open_request(Path.cwd(), Request())
    with Waiting("resolving") as waiting:
        made = _made(options, workspace, waiting)
    if made.unpinned and not options.allow_unpinned:
        _refuse_unpinned(made.unpinned)
    changed = write_file(workspace.root / LOCK_FILE, render_lock(made.lock))
    for line in made.unpinned:
        print_error(line)
    print_text(f"{LOCK_FILE} {'written' if changed else 'is up to date'}.")


def _made(options: LockOptions, workspace: Workspace, waiting: Waiting) -> Made:
    """Resolve what the options ask for, and show what is resolved."""
    from edgebake.lock.locker import make_lock

    return make_lock(
        workspace,
        upgrade=options.upgrade,
        refresh=options.refresh,
        mirrors=pairs(options.mirror, "--mirror"),
        ca_bundle=Path(options.ca_bundle) if options.ca_bundle else None,
        report=waiting.report,
    )


def _refuse_unpinned(unpinned: Sequence[str]) -> NoReturn:
    """End with exit code 3, and show what could not be pinned."""
    hints = ("try again later", "or write the lock as far as it goes: edgebake lock --allow-unpinned")
    message = "not everything can be pinned, and the lock stays as it is"
    print_error(f"error: {EdgebakeError(message, reason=chr(10).join(unpinned), hints=hints)}")
    raise typer.Exit(EXIT_CHECK)

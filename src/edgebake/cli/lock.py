"""`edgebake lock`."""

from __future__ import annotations

from pathlib import Path

from edgebake.cli.command import Words, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_text
from edgebake.cli.options import CA_BUNDLE, MIRRORS, pairs
from edgebake.model.request import Request


@command_options
class LockOptions:
    """What is resolved again, and how the network is reached."""

    upgrade: Words = option(
        "Resolve a recipe, Python package, base image or git URL again ('*': everything); repeatable.",
        "-U",
        metavar="NAME",
    )
    refresh: bool = flag("Install unversioned system packages again.")
    mirror: Words = MIRRORS
    ca_bundle: str | None = CA_BUNDLE


@command(LockOptions)
def lock(options: LockOptions) -> None:
    """Pin base images, git refs, recipe releases and Python packages in edgebake.lock.

    The only command that resolves over the network. What is pinned stays, unless --upgrade names it. Call it
    again when images, recipes or targets have changed.

    Example: edgebake lock --upgrade numpy
    """
    with Waiting("resolving") as waiting:
        changed = _lock(options, waiting)
    from edgebake.model.project import LOCK_FILE

    print_text(f"{LOCK_FILE} {'written' if changed else 'is up to date'}.")


def _lock(options: LockOptions, waiting: Waiting) -> bool:
    """Write the lock, show what was resolved, and return whether the lock has changed."""
    from edgebake.lock.locker import make_lock, render_lock
    from edgebake.model.project import LOCK_FILE
    from edgebake.select.request import open_request
    from edgebake.system.atomic import write_file

    workspace = open_request(Path.cwd(), Request())
    made = make_lock(
        workspace,
        upgrade=options.upgrade,
        refresh=options.refresh,
        mirrors=pairs(options.mirror, "--mirror"),
        ca_bundle=Path(options.ca_bundle) if options.ca_bundle else None,
        report=waiting.report,
    )
    return write_file(workspace.root / LOCK_FILE, render_lock(made))

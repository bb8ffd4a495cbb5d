"""`edgebake lock`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import CaBundle, Mirrors
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.graph.compile import Compilation
    from edgebake.order.choose import Weigh
    from edgebake.order.weights import Weigher


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
    order: Annotated[
        bool | None,
        typer.Option(
            "--order/--no-order",
            help="Choose the order of install stages that shares most, and record it; or forget it.",
        ),
    ] = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
) -> None:
    """Pin base images, git refs, recipe releases and Python packages in edgebake.lock.

    The only command that resolves over the network. What is pinned stays, unless --upgrade names it, and so
    does a recorded order, unless --order chooses anew; call it again when images, recipes or targets have changed.

    Example: edgebake lock --upgrade numpy

    Example: edgebake lock --order
    """
    with Waiting("resolving") as waiting:
        from pathlib import Path

        from edgebake.cli.options import pairs
        from edgebake.lock.locker import make_lock, render_lock
        from edgebake.model.project import LOCK_FILE
        from edgebake.plan.selection import Selection, open_selection
        from edgebake.system.atomic import write_file

        workspace = open_selection(Path.cwd(), Selection())
        made = make_lock(
            workspace,
            upgrade=tuple(upgrade or ()),
            refresh=refresh,
            order=order,
            weigh=_weigh(ca_bundle) if order else None,
            mirrors=pairs(mirror, "--mirror"),
            ca_bundle=Path(ca_bundle) if ca_bundle else None,
            report=waiting.tell,
        )
    changed = write_file(workspace.root / LOCK_FILE, render_lock(made))
    typer.echo(f"{LOCK_FILE} {'written' if changed else 'is up to date'}.")


def _weigh(ca_bundle: str | None) -> Weigh:
    """Return what weighs recipes by the journal, by images that were pushed, and by git."""

    def weigh(compilation: Compilation) -> Weigher:
        from edgebake.cli.options import settings_of
        from edgebake.order.sizes import pushed_sizes
        from edgebake.order.weights import Weigher, changes_in_git
        from edgebake.plan.history import read_history
        from edgebake.plan.settings import registry_client

        root = compilation.workspace.root
        history = read_history(root)
        client = registry_client(compilation, settings_of(None, None, None, ca_bundle), patient=False)
        sizes = pushed_sizes(compilation, list(history.finished.values()), client)
        return Weigher(compilation, history.times, sizes, changes_in_git(root, compilation))

    return weigh

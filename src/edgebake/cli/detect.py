"""`edgebake detect`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli.options import Root


def detect_command(
    root: Root = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Say what this machine is: board, JetPack, driver, CUDA, GPU, container runtime, and the targets that fit.

    Each fact comes with the file or library that says it; what is not known is said to be unknown.

    Example: edgebake detect --root /media/card
    """
    from edgebake.host.here import machine_of
    from edgebake.host.match import board_of
    from edgebake.host.show import as_data, as_text, found
    from edgebake.load.boards import load_boards
    from edgebake.load.workspace import open_if_sound

    machine = machine_of(root)
    workspace, wrong = open_if_sound(Path.cwd())
    if wrong is not None:
        typer.echo(f"note: the project's own targets and boards are left out: {wrong.summary}", err=True)
    catalogue = workspace.catalogue
    boards = [loaded.board for loaded in load_boards(catalogue).values()] if machine.is_jetson else []
    board = board_of(machine, boards)
    targets = [catalogue.target(name).target for name in catalogue.target_names()]
    this = found(machine, board, targets)
    if json_output:
        import json

        typer.echo(json.dumps(as_data(this), indent=2))
    else:
        typer.echo(as_text(this))

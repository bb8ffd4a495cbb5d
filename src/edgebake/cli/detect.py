"""`edgebake detect`."""

from __future__ import annotations

from pathlib import Path

from edgebake.cli.command import command, command_options
from edgebake.cli.console import print_notes, print_result
from edgebake.cli.options import JSON, ROOT


@command_options
class DetectOptions:
    """The machine that is looked at."""

    root: Path | None = ROOT
    json_output: bool = JSON


@command(DetectOptions)
def detect_command(options: DetectOptions) -> None:
    """Show what this machine is: board, JetPack, driver, CUDA, GPU, container runtime, and the targets that fit.

    Each fact comes with the file or library that it is from; a fact without a source is shown as unknown.

    Example: edgebake detect --root /media/card
    """
    from edgebake.cli.format.detect import data, text
    from edgebake.host.detect import machine_of
    from edgebake.host.match import describe
    from edgebake.load.workspace import open_if_sound

    machine = machine_of(options.root)
    workspace, wrong = open_if_sound(Path.cwd())
    if wrong is not None:
        print_notes(f"the project's own targets and boards are left out: {wrong.summary}")
    detection = describe(machine, workspace)
    print_result(as_json=options.json_output, data=lambda: data(detection), text=lambda: text(detection))

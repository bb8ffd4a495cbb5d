"""`edgebake compile`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli.command import command_options, flag
from edgebake.cli.console import print_error, print_json, print_result, print_text
from edgebake.cli.options import JSON, LOCK_TIMEOUT, LOCKED, checkout_lock, refuse_together
from edgebake.cli.remembered import Remembered, remembered
from edgebake.errors import EXIT_CHECK
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.pipeline import Compiled


@command_options
class CompileOptions:
    """What is done with the generated files.

    Raises:
        EdgebakeError: files are to be both overwritten and only checked.
    """

    check: bool = flag("Write nothing; exit with 3 if a file is stale.")
    locked: bool = LOCKED
    force: bool = flag("Overwrite generated files that were edited.")
    json_output: bool = JSON
    lock_timeout: str | None = LOCK_TIMEOUT

    def __post_init__(self) -> None:
        refuse_together(force=self.force, check=self.check)


@remembered(CompileOptions, "check", "locked", "json_output")
def compile_command(memory: Remembered, options: CompileOptions) -> None:
    """Write the Dockerfiles, the bake file, and all that they need.

    Reads only the project and its lock; needs neither Docker nor a network. In CI, --check finds stale files.

    Example: edgebake compile --check --locked
    """
    from edgebake.cli.format.compile import data, notes, text
    from edgebake.pipeline import compile_files

    workspace = memory.opened(Path.cwd(), Request())
    compiled = compile_files(workspace, locked=options.locked)
    if options.check:
        _check(compiled, options)
        return
    changes = compiled.tree.write(force=options.force, lock=checkout_lock("compile", options.lock_timeout))
    memory.keeps = not changes
    print_error(*notes(compiled))
    print_result(
        as_json=options.json_output, data=lambda: data(compiled, changes), text=lambda: text(compiled, changes)
    )


def _check(compiled: Compiled, options: CompileOptions) -> None:
    from edgebake.cli.format.compile import data
    from edgebake.cli.format.files import changes_text

    changes = compiled.tree.stale()
    if options.json_output:
        print_json(data(compiled, changes))
    elif not changes:
        print_text("The committed files are up to date.")
    if changes:
        lines = "\n".join(changes_text(changes))
        print_error(f"{lines}\n\nerror: the committed files are stale\n\nhint: update them: edgebake compile")
        raise typer.Exit(EXIT_CHECK)

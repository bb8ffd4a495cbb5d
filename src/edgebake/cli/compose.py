"""`edgebake compose`."""

from __future__ import annotations

import posixpath
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_notes, print_text
from edgebake.cli.options import LOCK_TIMEOUT, checkout_lock, refuse_together, target_option
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.graph.compile import Compilation
    from edgebake.model.service import Service


@command_options
class ComposeOptions:
    """Which services, for which machine, and where the file goes.

    Raises:
        EdgebakeError: two options contradict each other.
    """

    names: Words = argument(
        "Services and what they depend on, or images (all services, if none is named).",
        metavar="[SERVICE|IMAGE]...",
        complete=complete.images,
    )
    target: str | None = target_option("The machine that they run on.")
    output: str | None = option("Write to this file of the project.", "-o", metavar="FILE")
    check: bool = flag("Write nothing; exit with 3 if the file, or a committed one, is stale.")
    force: bool = flag("Overwrite a file that was edited.")
    lock_timeout: str | None = LOCK_TIMEOUT

    def __post_init__(self) -> None:
        refuse_together(force=self.force, check=self.check)
        if self.force and self.output is None:
            raise EdgebakeError("--force needs --output", hints=("without --output, the file is printed",))
        if self.check and self.names and self.output is None:
            raise EdgebakeError(
                "--check of some services needs --output",
                hints=("without names, --check checks the committed files",),
            )

    def command(self, target: str) -> str:
        """Return the command line that writes the file for a target."""
        output = ["-o", self.output] if self.output else []
        return " ".join(["edgebake compose", *self.names, "--target", target, *output])


@command(ComposeOptions)
def compose(options: ComposeOptions) -> None:
    """Print the Compose file of the services on a target, or write it to a file.

    `edgebake compile` writes the files for all services, as bake/TARGET/compose.yaml. To start them:
    docker compose -f bake/TARGET/compose.yaml up --wait. Reads only the project and its lock; needs no Docker.

    Example: edgebake compose --target jetpack-6.2 -o compose.yaml
    """
    with Waiting("compiling"):
        from edgebake.graph.compile import compile_workspace
        from edgebake.select.request import open_request

        compilation = compile_workspace(open_request(Path.cwd(), Request()))
    if options.check and options.output is None:
        _check_committed(compilation, options.target)
    else:
        _print_or_write(compilation, options)


def _print_or_write(compilation: Compilation, options: ComposeOptions) -> None:
    from edgebake.compose.file import compose_file
    from edgebake.compose.placed import services_of

    services = services_of(compilation, options.names)
    target = _target(compilation, services, options.target)
    command = options.command(target)
    folder = posixpath.dirname(options.output or "") or "."
    file = compose_file(compilation, target, services, folder, command)
    print_notes(*file.notes)
    if options.output is None:
        print_text(file.text.removesuffix("\n"))
    else:
        _write(compilation, options.output, file.text, command, options)


def _write(compilation: Compilation, output: str, text: str, command: str, options: ComposeOptions) -> None:
    from edgebake.cli.format.files import changes_text, refuse_stale
    from edgebake.render.writer import OutputTree

    workspace = compilation.workspace
    tree = OutputTree(workspace.root, f"{workspace.project.output}/compose/{output.replace('/', '-')}")
    tree.add(output, text.encode(), owner="the services")
    if options.check:
        refuse_stale([change.path for change in tree.stale() if change.path == output], command)
    lock = checkout_lock("compose", options.lock_timeout)
    changes = [] if options.check else tree.write(force=options.force, lock=lock)
    print_text(*(changes_text(changes) if changes else [f"{output} is up to date."]))


def _check_committed(compilation: Compilation, target: str | None) -> None:
    """Compare the committed Compose files with what would be written, and exit with 3 if one is stale."""
    from edgebake.cli.format.files import refuse_stale
    from edgebake.compose.file import committed_files

    files = dict(committed_files(compilation))
    folder = compilation.workspace.project.output
    checked = {f"{folder}/{path}": text for path, text in files.items() if target in (None, path.partition("/")[0])}
    if not checked:
        targets = [path.partition("/")[0] for path in files]
        hints = did_you_mean(target, targets, kind="target") if target else ("declare `services` in edgebake.yaml",)
        raise EdgebakeError("there is no Compose file to check", hints=hints)
    root = compilation.workspace.root
    there = {path: (root / path).read_bytes() for path in checked if (root / path).is_file()}
    stale = [path for path, text in checked.items() if there.get(path) != text.encode()]
    refuse_stale(stale, "edgebake compile")
    print_text("The Compose files are up to date.")


def _target(compilation: Compilation, services: dict[str, Service], target: str | None) -> str:
    """Return the target that is named, or the only one that all services run on."""
    from edgebake.compose.placed import targets_of

    possible = targets_of(services, compilation.graph.bake_targets)
    complete_targets = [name for name, missing in possible.items() if not missing]
    if target is None:
        if len(complete_targets) == 1:
            return complete_targets[0]
        hints = (f"these have all services: {', '.join(complete_targets) or 'none'}",)
        raise EdgebakeError("the target is missing: add --target", hints=hints)
    if target not in possible and target not in compilation.targets:
        names = possible or compilation.targets
        raise EdgebakeError(
            f"no image of the services is for the target {target!r}",
            hints=did_you_mean(target, names, kind="target"),
        )
    return target

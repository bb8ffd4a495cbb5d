"""`edgebake run`; edgebake.cli.run is the entry point of all commands."""

from __future__ import annotations

import os
import re
import shlex
import sys
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.command import command, command_options
from edgebake.cli.options import CaBundle, ImageRegistry, NoCache, Root
from edgebake.cli.waiting import Waiting
from edgebake.errors import EdgebakeError, did_you_mean

if TYPE_CHECKING:
    from edgebake.host.launch import Prepared, Request

_HEALTHY = 300  # seconds until --wait gives up
Words = list[str] | None


@command_options
class RunOptions:
    """The image that is started, its container, and what is waited for.

    Raises:
        EdgebakeError: options that cannot be combined, or an unknown group.
    """

    name: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|RECIPE|REF",
            help="An image of the project, a recipe, or a reference.",
            autocompletion=complete.subjects,
        ),
    ]
    command: Annotated[
        Words, typer.Argument(metavar="[-- CMD...]", help="Command in the container.", show_default=False)
    ] = None
    container: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the container.")] = None
    publish: Annotated[
        Words, typer.Option("--publish", "-p", metavar="HOST:PORT", help="Publish a port; repeatable.")
    ] = None
    volume: Annotated[
        Words, typer.Option("--volume", "-v", metavar="FROM:TO", help="Mount a folder or file; repeatable.")
    ] = None
    env: Annotated[
        Words,
        typer.Option("--env", "-e", metavar="NAME[=VALUE]", help="Set a variable; a name alone passes yours on."),
    ] = None
    docker_arg: Annotated[
        Words,
        typer.Option(
            "--docker-arg", metavar="WORD", help="A further word for docker run: --docker-arg=--network=host."
        ),
    ] = None
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Start with this configuration, after a check."),
    ] = None
    with_: Annotated[
        Words,
        typer.Option("--with", metavar="GROUP", help="Also give cameras, audio, display, i2c, serial, usb, gpu."),
    ] = None
    without: Annotated[
        Words, typer.Option("--without", metavar="GROUP", help="Leave out one of these, or board, data, memory.")
    ] = None
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Stop it then; exit code 124.")
    ] = None
    detach: Annotated[bool, typer.Option("--detach", "-d", help="Leave it in the background; print its name.")] = (
        False
    )
    wait: Annotated[
        bool, typer.Option("--wait", help="Leave it in the background once its health check passes.")
    ] = False
    monitor: Annotated[
        bool, typer.Option("--monitor", help="Sample CPU, memory and GPU memory; report on stderr at the end.")
    ] = False
    explain: Annotated[bool, typer.Option("--explain", help="Show on stderr what each flag is for.")] = False
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the command, and start nothing.")] = False
    force: Annotated[bool, typer.Option("--force", help="Start a reference that does not fit this machine.")] = (
        False
    )
    registry: ImageRegistry = None
    root: Root = None
    no_cache: NoCache = False
    ca_bundle: CaBundle = None

    def __post_init__(self) -> None:
        from edgebake.host.flags import GROUPS

        if self.root is not None and not self.dry_run:
            raise EdgebakeError("nothing can be started on the machine of --root", hints=("add --dry-run",))
        if self.background and self.monitor:
            raise EdgebakeError(
                "--monitor cannot be combined with --detach or --wait",
                reason="it reports when the container ends",
            )
        if self.background and self.timeout is not None and not self.wait:
            raise EdgebakeError(
                "--timeout cannot be combined with --detach", reason="nothing waits for the container"
            )
        groups, left_out = self.with_ or (), self.without or ()
        for group in (*groups, *left_out):
            if group not in GROUPS:
                raise EdgebakeError(f"unknown group {group!r}", hints=did_you_mean(group, GROUPS, kind="group"))
        for group in groups:
            if group in left_out:
                raise EdgebakeError(f"--with {group} and --without {group} cannot be combined")

    @property
    def background(self) -> bool:
        """Whether the container stays in the background."""
        return self.detach or self.wait

    @cached_property
    def request(self) -> Request:
        """The container that is asked for; without a name it gets a new one."""
        from edgebake.host.launch import Request

        return Request(
            self.container or _new_name(self.name),
            tuple(self.command or ()),
            tuple(self.publish or ()),
            tuple(self.volume or ()),
            tuple(self.env or ()),
            tuple(self.docker_arg or ()),
            detach=self.background,
            terminal=not self.background and sys.stdin.isatty() and sys.stdout.isatty(),
            own_name=self.container is not None,
        )


def _new_name(image: str) -> str:
    plain = re.sub(r"[^a-z0-9]+", "-", image.lower().rpartition("/")[2].partition(":")[0]).strip("-")
    return f"edgebake-{plain}-{uuid.uuid4().hex[:6]}"


@command(RunOptions)
def run_image(options: RunOptions) -> None:
    """Start the best image for this machine with what the board needs: GPU, cameras, display, audio, /data, memory.

    Exits with the container's exit code. With --root, only shows (--dry-run) what another machine would start.

    Example: edgebake run detector -p 8000:8000 --wait
    """
    with Waiting("looking for the image"):
        prepared = _prepared(options)
    _show(prepared, options)
    code = 0 if options.dry_run else _start(prepared, options)
    if code:
        raise typer.Exit(code)


def _prepared(options: RunOptions) -> Prepared:
    from edgebake.host.autotag import Search, search
    from edgebake.host.files import Files
    from edgebake.host.flags import Choice
    from edgebake.host.launch import chosen, prepare

    bundle = Path(options.ca_bundle) if options.ca_bundle else None
    what = Search(options.name, options.registry, options.root, options.no_cache, bundle)
    found = search(what, Path.cwd(), os.environ)
    image, notes = chosen(found, force=options.force)
    files = Files(options.root.resolve()) if options.root else Files()
    choice = Choice(frozenset(options.with_ or ()), frozenset(options.without or ()))
    request = options.request
    return prepare(image, found.machine, files, choice, request, os.environ, config=options.config, notes=notes)


def _show(prepared: Prepared, options: RunOptions) -> None:
    from edgebake.cli.console import print_note, print_text, render
    from edgebake.cli.format.run import text

    for note in prepared.notes:
        print_note(note)
    if options.explain:
        typer.echo(render(text(prepared), sys.stderr), err=True)
    if options.dry_run:
        print_text(shlex.join(prepared.words()))


def _start(prepared: Prepared, options: RunOptions) -> int:
    from edgebake.cli.console import print_text
    from edgebake.host.start import check_configuration, has_health_check, start, wait_until_healthy
    from edgebake.interrupt import raise_interrupt
    from edgebake.system.docker import pull

    image, container = prepared.image, options.request.name
    if not image.local:
        raise_interrupt()
        pull(image.reference)
    if prepared.configuration:
        check_configuration(image.reference, prepared.configuration)
    if not options.request.detach:
        return _run(prepared, options)
    if options.wait and not has_health_check(image.reference):
        raise EdgebakeError(
            f"{image.reference} has no health check to wait for",
            hints=("start it with --detach", "or give one of its recipes a runtime.healthcheck"),
        )
    start(prepared.words())
    if options.wait:
        wait_until_healthy(container, options.timeout or _HEALTHY)
    print_text(container)
    return 0


def _run(prepared: Prepared, options: RunOptions) -> int:
    from edgebake.cli.format.run import usage
    from edgebake.host.monitor import Monitor
    from edgebake.host.nvml import used_memory
    from edgebake.host.start import TIMED_OUT, run

    container, timeout = options.request.name, options.timeout
    monitor = Monitor(container, used_memory) if options.monitor else None
    try:
        code = run(prepared.words(), container, timeout)
    finally:
        if monitor is not None:
            typer.echo(f"monitor: {usage(monitor.stop())}", err=True)
    if code == TIMED_OUT and timeout is not None:
        typer.echo(f"error: it was still running after {timeout:g} s, and was stopped", err=True)
    return code

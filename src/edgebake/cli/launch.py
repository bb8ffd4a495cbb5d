"""`edgebake run`; edgebake.cli.run is the entry point of all commands."""

from __future__ import annotations

import os
import re
import shlex
import sys
import uuid
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, flag, option
from edgebake.cli.console import Waiting, print_error, print_notes, print_text, render
from edgebake.cli.options import CA_BUNDLE, IMAGE_REGISTRY, NO_CACHE, ROOT
from edgebake.errors import EdgebakeError, unknown

if TYPE_CHECKING:
    from edgebake.host.launch import Prepared, Request

_HEALTHY = 300  # seconds until --wait gives up


@command_options
class RunOptions:
    """The image that is started, its container, and what is waited for.

    Raises:
        EdgebakeError: options that cannot be combined, or an unknown group.
    """

    name: str = argument(
        "An image of the project, a recipe, or a reference.",
        metavar="IMAGE|RECIPE|REF",
        default=...,
        complete=complete.subjects,
    )
    command: Words = argument("Command in the container.", metavar="[-- CMD...]")
    container: str | None = option("Name of the container.", "--name", metavar="NAME")
    publish: Words = option("Publish a port; repeatable.", "-p", metavar="HOST:PORT")
    volume: Words = option("Mount a folder or file; repeatable.", "-v", metavar="FROM:TO")
    env: Words = option("Set a variable; a name alone passes yours on.", "-e", metavar="NAME[=VALUE]")
    docker_arg: Words = option("A further word for docker run: --docker-arg=--network=host.", metavar="WORD")
    config: Path | None = option("Start with this configuration, after a check.", metavar="FILE")
    with_: Words = option("Also give cameras, audio, display, i2c, serial, usb, gpu.", "--with", metavar="GROUP")
    without: Words = option("Leave out one of these, or board, data, memory.", metavar="GROUP")
    timeout: float | None = option("Stop it then; exit code 124.", metavar="SECONDS", min=0.1)
    detach: bool = flag("Leave it in the background; print its name.", "-d")
    wait: bool = flag("Leave it in the background once its health check passes.")
    monitor: bool = flag("Sample CPU, memory and GPU memory; report on stderr at the end.")
    explain: bool = flag("Show on stderr what each flag is for.")
    dry_run: bool = flag("Print the command, and start nothing.")
    force: bool = flag("Start a reference that does not fit this machine.")
    registry: str | None = IMAGE_REGISTRY
    root: Path | None = ROOT
    no_cache: bool = NO_CACHE
    ca_bundle: str | None = CA_BUNDLE

    def __post_init__(self) -> None:
        from edgebake.host.flags import GROUPS

        if self.root is not None and not self.dry_run:
            raise EdgebakeError("nothing can be started on the machine of --root", hints=("add --dry-run",))
        if self.background and self.monitor:
            raise EdgebakeError(
                "--monitor cannot be combined with --detach or --wait", reason="it reports when the container ends"
            )
        if self.background and self.timeout is not None and not self.wait:
            raise EdgebakeError(
                "--timeout cannot be combined with --detach", reason="nothing waits for the container"
            )
        for group in (*self.with_, *self.without):
            if group not in GROUPS:
                raise unknown("group", group, GROUPS)
        for group in self.with_:
            if group in self.without:
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
            self.command,
            self.publish,
            self.volume,
            self.env,
            self.docker_arg,
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
    choice = Choice(frozenset(options.with_), frozenset(options.without))
    request = options.request
    return prepare(image, found.machine, files, choice, request, os.environ, config=options.config, notes=notes)


def _show(prepared: Prepared, options: RunOptions) -> None:
    from edgebake.cli.format.run import text

    print_notes(*prepared.notes)
    if options.explain:
        print_error(render(text(prepared), sys.stderr))
    if options.dry_run:
        print_text(shlex.join(prepared.words()))


def _start(prepared: Prepared, options: RunOptions) -> int:
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
            print_error(f"monitor: {usage(monitor.stop())}")
    if code == TIMED_OUT and timeout is not None:
        typer.echo(f"error: it was still running after {timeout:g} s, and was stopped", err=True)
    return code

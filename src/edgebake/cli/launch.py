"""`edgebake run`; edgebake.cli.run is the entry point of all commands."""

from __future__ import annotations

import os
import re
import shlex
import sys
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.autotag import NoCache, Registry
from edgebake.cli.options import CaBundle, Root
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.host.launch import Request
    from edgebake.host.prepare import Prepared
    from edgebake.host.search import Search

_HEALTHY = 300  # seconds until --wait gives up
Words = list[str] | None


@dataclass(frozen=True)
class RunOptions:
    """The options of `edgebake run`.

    Attributes:
        search: the image.
        request: the container.
        with_: groups of devices and settings that it gets besides the machine's own.
        without: groups that it does not get.
        config: a configuration in place of the image's own.
        timeout: seconds until it is stopped; with `wait`, to wait for its health.
        wait: return when its health check passes.
        monitor: sample what it uses.
        dry_run: print the command, and start nothing.
        force: start a reference that does not fit the machine.

    Raises:
        EdgebakeError: options that cannot be combined, or an unknown group.
    """

    search: Search
    request: Request
    with_: tuple[str, ...] = ()
    without: tuple[str, ...] = ()
    config: Path | None = None
    timeout: float | None = None
    wait: bool = False
    monitor: bool = False
    dry_run: bool = False
    force: bool = False

    def __post_init__(self) -> None:
        from edgebake.errors import EdgebakeError, did_you_mean
        from edgebake.host.flags import GROUPS

        if self.search.root is not None and not self.dry_run:
            raise EdgebakeError("nothing can be started on the machine of --root", hints=("add --dry-run",))
        if self.request.detach and self.monitor:
            raise EdgebakeError(
                "--monitor cannot be combined with --detach or --wait",
                reason="it reports when the container ends",
            )
        if self.request.detach and self.timeout is not None and not self.wait:
            raise EdgebakeError(
                "--timeout cannot be combined with --detach", reason="nothing waits for the container"
            )
        for group in (*self.with_, *self.without):
            if group not in GROUPS:
                raise EdgebakeError(f"unknown group {group!r}", hints=did_you_mean(group, GROUPS, kind="group"))
        for group in self.with_:
            if group in self.without:
                raise EdgebakeError(f"--with {group} and --without {group} cannot be combined")


Name = Annotated[
    str,
    typer.Argument(
        metavar="IMAGE|RECIPE|REF",
        help="An image of the project, a recipe, or a reference.",
        autocompletion=complete.subjects,
    ),
]
Command = Annotated[
    Words, typer.Argument(metavar="[-- CMD...]", help="Command in the container.", show_default=False)
]
Container = Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the container.")]
Publish = Annotated[Words, typer.Option("--publish", "-p", metavar="HOST:PORT", help="Publish a port; repeatable.")]
Volume = Annotated[
    Words, typer.Option("--volume", "-v", metavar="FROM:TO", help="Mount a folder or file; repeatable.")
]
Env = Annotated[
    Words,
    typer.Option("--env", "-e", metavar="NAME[=VALUE]", help="Set a variable; a name alone passes yours on."),
]
DockerArg = Annotated[
    Words,
    typer.Option(
        "--docker-arg", metavar="WORD", help="A further word for docker run: --docker-arg=--network=host."
    ),
]
Config = Annotated[
    Path | None,
    typer.Option("--config", metavar="FILE", help="Start with this configuration, after a check."),
]
With = Annotated[
    Words, typer.Option("--with", metavar="GROUP", help="Also give cameras, audio, display, i2c, serial, usb, gpu.")
]
Without = Annotated[
    Words, typer.Option("--without", metavar="GROUP", help="Leave out one of these, or board, data, memory.")
]
Timeout = Annotated[
    float | None, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Stop it then; exit code 124.")
]
Detach = Annotated[bool, typer.Option("--detach", "-d", help="Leave it in the background; print its name.")]
Wait = Annotated[bool, typer.Option("--wait", help="Leave it in the background once its health check passes.")]
Monitored = Annotated[
    bool, typer.Option("--monitor", help="Sample CPU, memory and GPU memory; report on stderr at the end.")
]
Explain = Annotated[bool, typer.Option("--explain", help="Show on stderr what each flag is for.")]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Print the command, and start nothing.")]
Force = Annotated[bool, typer.Option("--force", help="Start a reference that does not fit this machine.")]


def run_image(
    name: Name,
    command: Command = None,
    container: Container = None,
    publish: Publish = None,
    volume: Volume = None,
    env: Env = None,
    docker_arg: DockerArg = None,
    config: Config = None,
    with_: With = None,
    without: Without = None,
    timeout: Timeout = None,
    detach: Detach = False,
    wait: Wait = False,
    monitor: Monitored = False,
    explain: Explain = False,
    dry_run: DryRun = False,
    force: Force = False,
    registry: Registry = None,
    root: Root = None,
    no_cache: NoCache = False,
    ca_bundle: CaBundle = None,
) -> None:
    """Start the best image for this machine with what the board needs: GPU, cameras, display, audio, /data, memory.

    Exits with the container's exit code. With --root, only shows (--dry-run) what another machine would start.

    Example: edgebake run detector -p 8000:8000 --wait
    """
    with Waiting("looking for the image"):
        from edgebake.host.search import Search

        bundle = Path(ca_bundle) if ca_bundle else None
        options = RunOptions(
            Search(name, registry, root, no_cache, bundle),
            _request(name, container, command, publish, volume, env, docker_arg, background=detach or wait),
            with_=tuple(with_ or ()),
            without=tuple(without or ()),
            config=config,
            timeout=timeout,
            wait=wait,
            monitor=monitor,
            dry_run=dry_run,
            force=force,
        )
        prepared = _prepared(options)
    _show(prepared, explain=explain, dry_run=dry_run)
    code = 0 if dry_run else _start(prepared, options)
    if code:
        raise typer.Exit(code)


def _show(prepared: Prepared, *, explain: bool, dry_run: bool) -> None:
    from edgebake.cli.console import print_note, print_text, render
    from edgebake.cli.format.run import text

    for note in prepared.notes:
        print_note(note)
    if explain:
        typer.echo(render(text(prepared), sys.stderr), err=True)
    if dry_run:
        print_text(shlex.join(prepared.words()))


def _request(name: str, container: str | None, *options: Words, background: bool) -> Request:
    """Return the container that is asked for.

    Args:
        name: the image, as it was named.
        container: the container's name; a new one if None.
        options: the command, published ports, volumes, variables, and further words for docker run.
        background: whether it stays in the background.
    """
    from edgebake.host.launch import Request

    plain = re.sub(r"[^a-z0-9]+", "-", name.lower().rpartition("/")[2].partition(":")[0]).strip("-")
    command, publish, volumes, env, words = (tuple(values or ()) for values in options)
    return Request(
        container or f"edgebake-{plain}-{uuid.uuid4().hex[:6]}",
        command,
        publish,
        volumes,
        env,
        words,
        detach=background,
        terminal=not background and sys.stdin.isatty() and sys.stdout.isatty(),
        own_name=container is not None,
    )


def _prepared(options: RunOptions) -> Prepared:
    from edgebake.host.files import Files
    from edgebake.host.flags import Choice
    from edgebake.host.prepare import chosen, prepare
    from edgebake.host.search import search

    found = search(options.search, Path.cwd(), os.environ)
    image, notes = chosen(found.wanted, found.workspace, found.machine, found.answer, force=options.force)
    root = options.search.root
    files = Files(root.resolve()) if root else Files()
    choice = Choice(frozenset(options.with_), frozenset(options.without))
    return prepare(
        image, found.machine, files, choice, options.request, os.environ, config=options.config, notes=notes
    )


def _start(prepared: Prepared, options: RunOptions) -> int:
    from edgebake.cli.console import print_text
    from edgebake.errors import EdgebakeError
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

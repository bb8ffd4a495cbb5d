"""`edgebake run`; edgebake.cli.run is the entry point of all commands."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.autotag import NoCache, Registry, cache
from edgebake.cli.options import CaBundle, Root
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.host.candidate import Candidate
    from edgebake.host.flags import Choice
    from edgebake.host.launch import Request
    from edgebake.host.prepare import Prepared

_HEALTHY = 300  # seconds until --wait gives up
Words = list[str] | None


def run_image(
    name: Annotated[
        str,
        typer.Argument(
            metavar="IMAGE|RECIPE|REF",
            help="An image of the project, a recipe, or a reference.",
            autocompletion=complete.subjects,
        ),
    ],
    command: Annotated[
        list[str] | None,
        typer.Argument(metavar="[-- CMD...]", help="Command in the container.", show_default=False),
    ] = None,
    container: Annotated[str | None, typer.Option("--name", metavar="NAME", help="Name of the container.")] = None,
    publish: Annotated[
        Words, typer.Option("--publish", "-p", metavar="HOST:PORT", help="Publish a port; repeatable.")
    ] = None,
    volume: Annotated[
        Words, typer.Option("--volume", "-v", metavar="FROM:TO", help="Mount a folder or file; repeatable.")
    ] = None,
    env: Annotated[
        Words,
        typer.Option("--env", "-e", metavar="NAME[=VALUE]", help="Set a variable; a name alone passes yours on."),
    ] = None,
    docker_arg: Annotated[
        Words,
        typer.Option(
            "--docker-arg", metavar="WORD", help="A further word for docker run: --docker-arg=--network=host."
        ),
    ] = None,
    config: Annotated[
        Path | None,
        typer.Option("--config", metavar="FILE", help="Start with this configuration, once it is checked."),
    ] = None,
    with_: Annotated[
        Words,
        typer.Option("--with", metavar="GROUP", help="Also give cameras, audio, display, i2c, serial, usb, gpu."),
    ] = None,
    without: Annotated[
        Words, typer.Option("--without", metavar="GROUP", help="Leave out one of these, or board, data, memory.")
    ] = None,
    timeout: Annotated[
        float | None, typer.Option("--timeout", min=0.1, metavar="SECONDS", help="Stop it then; exit code 124.")
    ] = None,
    detach: Annotated[
        bool, typer.Option("--detach", "-d", help="Leave it in the background; print its name.")
    ] = False,
    wait: Annotated[
        bool, typer.Option("--wait", help="Leave it in the background once its health check passes.")
    ] = False,
    monitor: Annotated[
        bool, typer.Option("--monitor", help="Sample CPU, memory and GPU memory; tell on stderr at the end.")
    ] = False,
    explain: Annotated[bool, typer.Option("--explain", help="Tell on stderr what each flag is for.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Print the command, and start nothing.")] = False,
    force: Annotated[
        bool, typer.Option("--force", help="Start a reference that does not fit this machine.")
    ] = False,
    registry: Registry = None,
    root: Root = None,
    no_cache: NoCache = False,
    ca_bundle: CaBundle = None,
) -> None:
    """Start the best image for this machine with what the board needs: GPU, cameras, display, audio, /data, memory.

    Ends with the container's exit code. --root only shows (--dry-run) what another machine would start.

    Example: edgebake run detector -p 8000:8000 --wait
    """
    import shlex

    _refuse_contradictions(root, dry_run, detach or wait, timeout, monitor, wait)
    request = _request(name, container, command, publish, volume, env, docker_arg, detach or wait)
    choice = _choice(with_, without)
    with Waiting("looking for the image"):
        prepared = _prepared(name, registry, root, no_cache, ca_bundle, force, choice, request, config)
    for note in prepared.notes:
        typer.echo(f"note: {note}", err=True)
    if explain:
        typer.echo(prepared.explained(), err=True)
    if dry_run:
        typer.echo(shlex.join(prepared.words()))
        return
    code = _start(prepared, request, timeout, monitor=monitor, wait=wait)
    if code:
        raise typer.Exit(code)


def _refuse_contradictions(
    root: Path | None, dry_run: bool, background: bool, timeout: float | None, monitor: bool, wait: bool
) -> None:
    from edgebake.errors import EdgebakeError

    if root is not None and not dry_run:
        raise EdgebakeError(
            "--root is another machine's, on which nothing can be started", hints=("add --dry-run",)
        )
    if background and monitor:
        raise EdgebakeError("--monitor tells at the end, and --detach and --wait do not wait for it")
    if background and timeout is not None and not wait:
        raise EdgebakeError("--timeout stops what is waited for, and --detach does not wait")


def _choice(with_: Words, without: Words) -> Choice:
    from edgebake.errors import EdgebakeError, did_you_mean
    from edgebake.host.flags import GROUPS, Choice

    for group in [*(with_ or ()), *(without or ())]:
        if group not in GROUPS:
            raise EdgebakeError(f"unknown group {group!r}", hints=did_you_mean(group, GROUPS, kind="group"))
    both = set(with_ or ()) & set(without or ())
    if both:
        raise EdgebakeError(f"{sorted(both)[0]!r} is asked for with --with and with --without")
    return Choice(frozenset(with_ or ()), frozenset(without or ()))


def _request(
    name: str,
    container: str | None,
    command: Words,
    publish: Words,
    volume: Words,
    env: Words,
    docker_arg: Words,
    background: bool,
) -> Request:
    import re
    import sys
    import uuid

    from edgebake.host.launch import Request

    plain = re.sub(r"[^a-z0-9]+", "-", name.lower().rpartition("/")[2].partition(":")[0]).strip("-")
    return Request(
        container or f"edgebake-{plain}-{uuid.uuid4().hex[:6]}",
        tuple(command or ()),
        tuple(publish or ()),
        tuple(volume or ()),
        tuple(env or ()),
        tuple(docker_arg or ()),
        detach=background,
        terminal=not background and sys.stdin.isatty() and sys.stdout.isatty(),
        own_name=container is not None,
    )


def _prepared(
    name: str,
    registry: str | None,
    root: Path | None,
    no_cache: bool,
    ca_bundle: str | None,
    force: bool,
    choice: Choice,
    request: Request,
    config: Path | None,
) -> Prepared:
    import os

    from edgebake.host.autotag import find_image
    from edgebake.host.files import Files
    from edgebake.host.here import machine_of
    from edgebake.host.prepare import chosen, prepare
    from edgebake.host.wanted import wanted
    from edgebake.load.workspace import find_root, open_workspace
    from edgebake.registry.client import RegistryClient

    workspace = open_workspace(find_root(Path.cwd()) or Path.cwd(), need_project=False)
    this = wanted(name, workspace, registry)
    machine = machine_of(root)
    client = RegistryClient(os.environ, Path(ca_bundle) if ca_bundle else None)
    answer = find_image(this, workspace, machine, client, cache(no_cache=no_cache), here=root is None)
    image, notes = chosen(this, workspace, machine, answer, force=force)
    files = Files(root.resolve()) if root else Files()
    return prepare(image, machine, files, choice, request, os.environ, config=config, notes=notes)


def _start(prepared: Prepared, request: Request, timeout: float | None, *, monitor: bool, wait: bool) -> int:
    from edgebake.errors import EdgebakeError
    from edgebake.host.start import check_configuration, has_health_check, start, wait_until_healthy
    from edgebake.interrupt import raise_interrupt
    from edgebake.system.docker import pull

    image: Candidate = prepared.image
    if not image.local:
        raise_interrupt()
        pull(image.reference)
    if prepared.configuration:
        check_configuration(image.reference, prepared.configuration)
    if not request.detach:
        return _run(prepared, request, timeout, monitor=monitor)
    if wait and not has_health_check(image.reference):
        raise EdgebakeError(
            f"{image.reference} has no health check to wait for",
            hints=("start it with --detach", "or give one of its recipes a runtime.healthcheck"),
        )
    start(prepared.words())
    if wait:
        wait_until_healthy(request.name, timeout or _HEALTHY)
    typer.echo(request.name)
    return 0


def _run(prepared: Prepared, request: Request, timeout: float | None, *, monitor: bool) -> int:
    from edgebake.host.start import TIMED_OUT
    from edgebake.host.start import run as run_container

    if not monitor:
        code = run_container(prepared.words(), request.name, timeout)
    else:
        from edgebake.host.monitor import Monitor
        from edgebake.host.nvml import used_memory

        watched = Monitor(request.name, used_memory)
        try:
            code = run_container(prepared.words(), request.name, timeout)
        finally:
            typer.echo(f"monitor: {watched.stop().summary()}", err=True)
    if code == TIMED_OUT and timeout is not None:
        typer.echo(f"error: it was still running after {timeout:g} s, and was stopped", err=True)
    return code

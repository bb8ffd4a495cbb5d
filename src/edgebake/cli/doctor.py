"""`edgebake doctor`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli.options import CaBundle
from edgebake.cli.waiting import Waiting


def doctor(
    fix: Annotated[bool, typer.Option("--fix", help="Mend what can do no harm, and say what was done.")] = False,
    registry: Annotated[
        str | None,
        typer.Option("--registry", metavar="REPOSITORY", help="Look at this registry, not the project's."),
    ] = None,
    ca_bundle: CaBundle = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print as JSON.")] = False,
) -> None:
    """Look at what building and running images needs here; say what is amiss, and the command that mends it.

    Docker, Buildx, the image store, QEMU, room on the disk, the registry, proxy, certificates, NVIDIA's driver and
    runtime. --fix starts a builder that is stopped, switches emulation on, and has a CDI specification written.
    Exits with 3 if there is a problem; warnings are none.

    Example: edgebake doctor --fix
    """
    import os
    from itertools import chain

    from edgebake.errors import EXIT_CHECK

    with Waiting("looking at this machine"):
        from edgebake.host.checks.docker import docker_info
        from edgebake.host.detect import detect
        from edgebake.host.doctor import Surroundings, examine
        from edgebake.host.files import Files
        from edgebake.load.workspace import open_if_sound
        from edgebake.registry.client import RegistryClient

        workspace, wrong = open_if_sound(Path.cwd())
        bundle = ca_bundle or workspace.project.ca_bundle
        path = workspace.root / bundle if bundle else None
        files = Files()
        surroundings = Surroundings(
            files,
            detect(files),
            os.environ,
            (registry or workspace.project.registry).rstrip("/"),
            RegistryClient(os.environ, path if path and path.is_file() else None),
            path,
            docker_info(),
        )
    from edgebake.host.finding import Finding, as_data, as_text

    findings = []
    project = [Finding("project", "problem", wrong.summary, ("edgebake plan",))] if wrong else []
    for finding in chain(project, examine(surroundings, fix=fix)):
        findings.append(finding)
        if not json_output:
            typer.echo(as_text(finding))
    if json_output:
        import json

        typer.echo(json.dumps(as_data(findings), indent=2))
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(EXIT_CHECK)

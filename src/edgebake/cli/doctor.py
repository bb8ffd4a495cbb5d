"""`edgebake doctor`."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli.command import command, command_options
from edgebake.cli.options import CaBundle, JsonOutput
from edgebake.cli.waiting import Waiting
from edgebake.errors import EXIT_CHECK


@command_options
class DoctorOptions:
    """What is checked, and whether it is fixed."""

    fix: Annotated[bool, typer.Option("--fix", help="Fix what can do no harm, and say what was done.")] = False
    registry: Annotated[
        str | None,
        typer.Option("--registry", metavar="REPOSITORY", help="Check this registry, not the project's."),
    ] = None
    ca_bundle: CaBundle = None
    json_output: JsonOutput = False


@command(DoctorOptions)
def doctor(options: DoctorOptions) -> None:
    """Check what building and running images needs here; show problems with the commands that fix them.

    Checks Docker, Buildx, the image store, QEMU, disk space, the registry, proxy, certificates, NVIDIA's driver and
    runtime. --fix starts a stopped builder, switches emulation on, and has a CDI specification written.
    Exits with 3 if there is a problem, but not for warnings.

    Example: edgebake doctor --fix
    """
    with Waiting("checking this machine"):
        from edgebake.host.checks import Finding, surroundings_of
        from edgebake.host.doctor import examine
        from edgebake.load.workspace import open_if_sound

        workspace, wrong = open_if_sound(Path.cwd())
        surroundings = surroundings_of(workspace, os.environ, options.registry, options.ca_bundle)
    from edgebake.cli.console import print_json, print_text
    from edgebake.cli.format.doctor import data, text

    findings = []
    project = [Finding("project", "problem", wrong.summary, ("edgebake plan",))] if wrong else []
    for finding in chain(project, examine(surroundings, fix=options.fix)):
        findings.append(finding)
        if not options.json_output:
            print_text(text(finding))
    if options.json_output:
        print_json(data(findings))
    if any(finding.state == "problem" for finding in findings):
        raise typer.Exit(EXIT_CHECK)

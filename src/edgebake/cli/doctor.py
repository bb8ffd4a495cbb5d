"""`edgebake doctor`."""

from __future__ import annotations

import os
from itertools import chain
from pathlib import Path

import typer

from edgebake.cli.command import command, command_options, flag, option
from edgebake.cli.console import Waiting, print_json, print_text
from edgebake.cli.options import CA_BUNDLE, JSON, check_repository
from edgebake.errors import EXIT_CHECK


@command_options
class DoctorOptions:
    """What is checked, and whether it is fixed."""

    fix: bool = flag("Fix what can do no harm, and say what was done.")
    registry: str | None = option(
        "Check this registry, not the project's.", metavar="REPOSITORY", callback=check_repository
    )
    ca_bundle: str | None = CA_BUNDLE
    json_output: bool = JSON


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

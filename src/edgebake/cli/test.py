"""`edgebake test`."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import (
    CaBundle,
    Exclude,
    ImageName,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Select,
    Targets,
)
from edgebake.cli.waiting import Waiting


def run_tests(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    select: Select = None,
    exclude: Exclude = None,
    name: ImageName = None,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="REFERENCE", help="Test this image, instead of building one."),
    ] = None,
    junit: Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")] = None,
    gpus: Annotated[
        str | None,
        typer.Option("--gpus", metavar="GPUS", help="As of `docker run`; without it, tests on a GPU are skipped."),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option("--builder", metavar="NAME", help="Buildx builder.", autocompletion=complete.builders),
    ] = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the results as JSON.")] = False,
    locked: Locked = False,
) -> None:
    """Run the tests of an image's recipes in the built image.

    Builds what is missing, loads it into the local engine, and runs each recipe's test in a container of its own,
    without a network, under the test's timeout. Exits with 3 if a test fails.

    Example: edgebake test detector --target cpu --platform linux/arm64

    Example: edgebake test --select opencv+1 --exclude target:jetpack-*
    """
    with Waiting("planning what to build", shown=not quiet) as waiting:
        from edgebake.cli.options import pairs, request_of
        from edgebake.load.workspace import find_root
        from edgebake.pipeline import Pipeline
        from edgebake.plan.settings import Settings
        from edgebake.testing.images import check_images, check_reference
        from edgebake.testing.report import as_data, as_junit, as_text
        from edgebake.testing.runner import CaseResult

        def tell(result: CaseResult) -> None:
            if not quiet:
                waiting.tell(f"{result.outcome}: {result.case.title} ({result.seconds:.1f}s)")

        def note(text: str) -> None:
            waiting.tell(f"note: {text}")

        start = Path.cwd()
        junit = start / junit if junit else None
        request = request_of(names, target, platform, name, select, exclude)
        if image is not None:
            suites = [check_reference(Pipeline(start, request, locked=locked), image, gpus=gpus, tell=tell)]
        else:
            import os

            os.chdir(find_root(start) or start)  # paths in a bake file are relative to the working directory
            variables = {"CA_BUNDLE": ca_bundle} if ca_bundle else {}
            settings = Settings(builder, variables, (), pairs(mirror, "--mirror"))
            found = check_images(
                Pipeline(start, request, locked=locked),
                settings,
                gpus=gpus,
                quiet=quiet,
                tell=tell,
                note=note,
                begin=waiting.end,
            )
            suites = list(found)
    if junit:
        from edgebake.system.atomic import write_file

        write_file(junit, as_junit(suites))
    if json_output:
        import json

        typer.echo(json.dumps(as_data(suites), indent=2))
    else:
        typer.echo(as_text(suites) if suites else "no image is tested")
    if not all(suite.ok for suite in suites):
        from edgebake.errors import EXIT_CHECK

        raise typer.Exit(EXIT_CHECK)

"""`edgebake test`."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import (
    Builder,
    CaBundle,
    Exclude,
    ImageName,
    JsonOutput,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Quiet,
    Select,
    Targets,
)
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.model.output.build import Suite, TestResult
    from edgebake.testing.images import LocalBuild

Reference = Annotated[
    str | None, typer.Option("--image", metavar="REFERENCE", help="Test this image; build nothing.")
]
Junit = Annotated[Path | None, typer.Option("--junit", metavar="FILE", help="Also write JUnit XML.")]
Gpus = Annotated[
    str | None,
    typer.Option("--gpus", metavar="GPUS", help="As of `docker run`; without it, tests on a GPU are skipped."),
]


@dataclass(frozen=True)
class TestOptions:
    """What is tested: the images of `build`, or the one that the engine has as `reference`; with which GPUs."""

    build: LocalBuild
    reference: str | None
    gpus: str | None


def run_tests(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    select: Select = None,
    exclude: Exclude = None,
    name: ImageName = None,
    image: Reference = None,
    junit: Junit = None,
    gpus: Gpus = None,
    builder: Builder = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    quiet: Quiet = False,
    json_output: JsonOutput = False,
    locked: Locked = False,
) -> None:
    """Run the tests of an image's recipes in the built image.

    Builds what is missing, loads it into the local engine, and runs each recipe's test in a container of its own,
    without a network, under the test's timeout. Exits with 3 if a test fails.

    Example: edgebake test detector --target cpu --platform linux/arm64

    Example: edgebake test --select opencv+1 --exclude target:jetpack-*
    """
    with Waiting("planning what to build", shown=not quiet) as waiting:
        from edgebake.cli.options import build_settings, request_of
        from edgebake.pipeline import Pipeline
        from edgebake.testing.images import LocalBuild

        request = request_of(names, target, platform, name, select, exclude)
        settings = build_settings(builder, mirror, ca_bundle)
        junit = junit.absolute() if junit else None
        pipeline = Pipeline(Path.cwd(), request, locked=locked)
        suites = _suites(TestOptions(LocalBuild(pipeline, settings, quiet), image, gpus), waiting)
    _print(suites, junit, json_output=json_output)
    if not all(suite.ok for suite in suites):
        from edgebake.errors import EXIT_CHECK

        raise typer.Exit(EXIT_CHECK)


def _suites(options: TestOptions, waiting: Waiting) -> list[Suite]:
    """Run the tests, and show each as it ends."""
    from edgebake.load.workspace import find_root
    from edgebake.testing.images import get_image, load_images, run_suites

    def report(result: TestResult) -> None:
        if not options.build.quiet:
            waiting.tell(f"{result.outcome}: {result.title} ({result.seconds:.1f}s)")

    build = options.build
    if options.reference is not None:
        image = get_image(build.pipeline, options.reference)
        return run_suites([image], gpus=options.gpus, report=report)
    start = Path.cwd()
    os.chdir(find_root(start) or start)  # paths in a bake file are relative to the working directory
    images = load_images(build, note=lambda text: waiting.tell(f"note: {text}"), begin=waiting.end)
    return run_suites(images, gpus=options.gpus, report=report)


def _print(suites: list[Suite], junit: Path | None, *, json_output: bool) -> None:
    from edgebake.cli.console import print_json, print_text
    from edgebake.cli.format import test as form
    from edgebake.system.atomic import write_file

    if junit:
        write_file(junit, form.junit(suites))
    if json_output:
        print_json(form.data(suites))
    else:
        print_text(form.text(suites))

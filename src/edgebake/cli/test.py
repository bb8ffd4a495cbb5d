"""`edgebake test`."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli.command import command, command_options, option
from edgebake.cli.console import Waiting, print_result
from edgebake.cli.options import LocalBuildOptions, SelectOptions, absolute, checkout_lock
from edgebake.errors import EXIT_CHECK

if TYPE_CHECKING:
    from edgebake.model.output.build import Suite, TestResult


@command_options
class TestOptions(LocalBuildOptions, SelectOptions):
    """What is tested: the selected images, or the one that the engine has as `image`; and with which GPUs."""

    image: str | None = option("Test this image; build nothing.", metavar="REFERENCE")
    junit: Path | None = option("Also write JUnit XML.", metavar="FILE")
    gpus: str | None = option("As of `docker run`; without it, tests on a GPU are skipped.", metavar="GPUS")


@command(TestOptions)
def run_tests(options: TestOptions) -> None:
    """Run the tests of an image's recipes in the built image.

    Builds what is missing, loads it into the local engine, and runs each recipe's test in a container of its own,
    without a network, under the test's timeout. Exits with 3 if a test fails.

    Example: edgebake test detector --target cpu --platform linux/arm64

    Example: edgebake test --select opencv+1 --exclude target:jetpack-*
    """
    junit = absolute(options.junit)
    with Waiting("planning what to build", shown=not options.quiet) as waiting:
        suites = _suites(options, waiting)
    from edgebake.cli.format import test as form

    if junit:
        from edgebake.system.atomic import write_file

        write_file(junit, form.junit(suites))
    print_result(as_json=options.json_output, data=lambda: form.data(suites), text=lambda: form.text(suites))
    if not all(suite.ok for suite in suites):
        raise typer.Exit(EXIT_CHECK)


def _suites(options: TestOptions, waiting: Waiting) -> list[Suite]:
    """Run the tests, and show each as it ends."""
    from edgebake.load.workspace import find_root
    from edgebake.pipeline import Pipeline
    from edgebake.testing.images import LocalBuild, get_image, load_images, run_suites

    def report(result: TestResult) -> None:
        if not options.quiet:
            waiting.report(f"{result.outcome}: {result.title} ({result.seconds:.1f}s)")

    pipeline = Pipeline(Path.cwd(), options.request, locked=options.locked)
    build = LocalBuild(pipeline, options.settings, options.quiet, checkout_lock("test", options.lock_timeout))
    if options.image is not None:
        return run_suites([get_image(pipeline, options.image)], gpus=options.gpus, report=report)
    start = Path.cwd()
    os.chdir(find_root(start) or start)  # paths in a bake file are relative to the working directory
    images = load_images(build, note=lambda text: waiting.report(f"note: {text}"), begin=waiting.end)
    return run_suites(images, gpus=options.gpus, report=report)

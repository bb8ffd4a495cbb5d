"""`edgebake bench`."""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli.command import Words, command, command_options, option
from edgebake.cli.console import Waiting, print_error, print_json, print_text
from edgebake.cli.options import AdHocOptions, LocalBuildOptions, absolute, checkout_lock
from edgebake.errors import EXIT_CHECK, EdgebakeError, Position

if TYPE_CHECKING:
    from edgebake.model.bench import Result


@command_options
class BenchOptions(LocalBuildOptions, AdHocOptions):
    """What is measured, how often, and what is done with the result.

    Raises:
        EdgebakeError: a loss is allowed, and there is nothing to compare with; it is no percentage; the file cannot
            be written.
    """

    recipe: Words = option("Only this recipe's bench; repeatable.", metavar="RECIPE")
    image: str | None = option("Measure this image; build nothing.", metavar="REFERENCE")
    runs: int = option("Runs of each bench, each in a new container.", metavar="N", default=5, min=1, max=50)
    seconds: float = option("Time of each measurement.", metavar="S", default=1.0, min=0.05, max=600)
    compare: Path | None = option("Compare with the result that an earlier run wrote.", metavar="FILE")
    fail_above: str | None = option("Exit with 3 if a value is worse by more.", metavar="PERCENT")
    output: Path | None = option("Also write the result, as JSON.", "-o", metavar="FILE")

    def __post_init__(self) -> None:
        if self.fail_above is not None and self.compare is None:
            raise EdgebakeError("--fail-above needs an earlier run", hints=("name its file with --compare",))
        _ = self.limit
        if self.output is not None:
            _check_writable(self.output.absolute())

    @property
    def limit(self) -> float | None:
        """The loss that is allowed, as a share."""
        if self.fail_above is None:
            return None
        try:
            percent = float(self.fail_above.strip().removesuffix("%"))
        except ValueError:
            percent = math.nan
        if not (math.isfinite(percent) and percent >= 0):
            raise EdgebakeError(
                f"--fail-above {self.fail_above!r} is not a percentage", hints=("for example --fail-above 10%",)
            )
        return percent / 100


@command(BenchOptions)
def bench(options: BenchOptions) -> None:
    """Measure an image's recipes in the built image: throughput, latency (p50, p99), memory.

    Builds what is missing, loads it into the local engine, and runs each recipe's bench several times, each time
    in a new container, without a network, with the GPU if the image is for one. With --compare a difference counts
    only if it is greater than the noise from run to run. Exits with 3 if a bench fails.

    Example: edgebake bench detector --target cpu -o now.json --compare before.json --fail-above 10%
    """
    output = absolute(options.output)
    with Waiting("planning what to build", shown=not options.quiet) as waiting:
        from edgebake.model.bench import read_result

        before = read_result(options.compare) if options.compare else None
        result = _measured(options, waiting)
    if output:
        from edgebake.model.bench import render_result
        from edgebake.system.atomic import write_file

        write_file(output, render_result(result))
    _finish(result, before, options)


def _measured(options: BenchOptions, waiting: Waiting) -> Result:
    """Measure, and show each run as it ends."""
    from edgebake.bench.images import BenchRequest, measure_images
    from edgebake.load.workspace import find_root
    from edgebake.pipeline import Pipeline
    from edgebake.testing.images import LocalBuild

    def report(line: str) -> None:
        if not options.quiet:
            waiting.report(line)

    start = Path.cwd()
    pipeline = Pipeline(start, options.request, locked=options.locked)
    build = LocalBuild(pipeline, options.settings, options.quiet, checkout_lock("bench", options.lock_timeout))
    os.chdir(find_root(start) or start)  # paths in a bake file are relative to the working directory
    request = BenchRequest(build, options.runs, options.seconds, tuple(options.recipe or ()), options.image)
    return measure_images(request, report, waiting.end)


def _finish(result: Result, before: Result | None, options: BenchOptions) -> None:
    """Print the result, and exit with 3 if a bench failed, or is worse than is allowed."""
    from edgebake.bench.compare import compare
    from edgebake.cli.format.bench import comparison_text, data, failure_lines, text

    comparison = compare(before, result) if before else None
    if options.json_output:
        print_json(data(result, comparison))
    else:
        print_text(*text(result))
        if comparison and before:
            print_text("", *comparison_text(comparison, before))
    limit = options.limit
    failures = comparison.failures(limit) if comparison and limit is not None else []
    print_error(*failure_lines(failures, limit or 0))
    if failures or not result.ok:
        raise typer.Exit(EXIT_CHECK)


def _check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before minutes are spent on its contents."""
    folder = next(parent for parent in path.parents if parent.exists())
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise EdgebakeError("cannot write the file", at=Position(str(path)))

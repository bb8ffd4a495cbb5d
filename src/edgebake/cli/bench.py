"""`edgebake bench`."""

from __future__ import annotations

import math
import os
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import (
    Builder,
    CaBundle,
    ImageName,
    JsonOutput,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Quiet,
    Targets,
)
from edgebake.cli.waiting import Waiting
from edgebake.errors import EXIT_CHECK, EdgebakeError, Position

if TYPE_CHECKING:
    from edgebake.bench.images import BenchRequest
    from edgebake.model.bench import Result

Recipes = Annotated[
    list[str] | None, typer.Option("--recipe", metavar="RECIPE", help="Only this recipe's bench; repeatable.")
]
Reference = Annotated[
    str | None, typer.Option("--image", metavar="REFERENCE", help="Measure this image; build nothing.")
]
Runs = Annotated[
    int, typer.Option("--runs", min=1, max=50, metavar="N", help="Runs of each bench, each in a new container.")
]
Seconds = Annotated[
    float, typer.Option("--seconds", min=0.05, max=600, metavar="S", help="Time of each measurement.")
]
Compare = Annotated[
    Path | None,
    typer.Option("--compare", metavar="FILE", help="Compare with the result that an earlier run wrote."),
]
FailAbove = Annotated[
    str | None, typer.Option("--fail-above", metavar="PERCENT", help="Exit with 3 if a value is worse by more.")
]
OutputFile = Annotated[
    Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the result, as JSON.")
]


@dataclass(frozen=True)
class BenchOptions:
    """What is done with the result: the file to compare with, the loss that is allowed, the file to write.

    Raises:
        EdgebakeError: a loss is allowed, and there is nothing to compare with; it is no percentage; the file cannot
            be written.
    """

    compare: Path | None
    fail_above: str | None
    output: Path | None

    def __post_init__(self) -> None:
        if self.fail_above is not None and self.compare is None:
            raise EdgebakeError("--fail-above needs an earlier run", hints=("name its file with --compare",))
        _ = self.limit
        if self.output is not None:
            _check_writable(self.output)

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


def bench(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    name: ImageName = None,
    recipe: Recipes = None,
    image: Reference = None,
    runs: Runs = 5,
    seconds: Seconds = 1.0,
    compare: Compare = None,
    fail_above: FailAbove = None,
    output: OutputFile = None,
    builder: Builder = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    quiet: Quiet = False,
    json_output: JsonOutput = False,
    locked: Locked = False,
) -> None:
    """Measure an image's recipes in the built image: throughput, latency (p50, p99), memory.

    Builds what is missing, loads it into the local engine, and runs each recipe's bench several times, each time
    in a new container, without a network, with the GPU if the image is for one. With --compare a difference counts
    only if it is greater than the noise from run to run. Exits with 3 if a bench fails.

    Example: edgebake bench detector --target cpu -o now.json --compare before.json --fail-above 10%
    """
    with Waiting("planning what to build", shown=not quiet) as waiting:
        from edgebake.bench.images import BenchRequest
        from edgebake.cli.options import build_settings
        from edgebake.model.bench import read_result
        from edgebake.model.request import Request
        from edgebake.pipeline import Pipeline
        from edgebake.testing.images import LocalBuild

        options = BenchOptions(compare, fail_above, output.absolute() if output else None)
        before = read_result(compare) if compare else None
        request = Request(tuple(names or ()), tuple(target or ()), tuple(platform or ()), name)
        pipeline = Pipeline(Path.cwd(), request, locked=locked)
        build = LocalBuild(pipeline, build_settings(builder, mirror, ca_bundle), quiet)
        result = _measured(BenchRequest(build, runs, seconds, tuple(recipe or ()), image), waiting)
    _finish(result, before, options, json_output=json_output)


def _measured(request: BenchRequest, waiting: Waiting) -> Result:
    """Measure, and show each run as it ends."""
    from edgebake.bench.images import measure_images
    from edgebake.load.workspace import find_root

    def report(line: str) -> None:
        if not request.build.quiet:
            waiting.tell(line)

    start = Path.cwd()
    os.chdir(find_root(start) or start)  # paths in a bake file are relative to the working directory
    return measure_images(request, report, waiting.end)


def _finish(result: Result, before: Result | None, options: BenchOptions, *, json_output: bool) -> None:
    """Write and print the result, and exit with 3 if a bench failed, or is worse than is allowed."""
    from edgebake.bench.compare import compare
    from edgebake.cli.console import print_error, print_json, print_text
    from edgebake.cli.format.bench import comparison_text, data, failure_lines, text
    from edgebake.model.bench import render_result
    from edgebake.system.atomic import write_file

    if options.output:
        write_file(options.output, render_result(result))
    comparison = compare(before, result) if before else None
    if json_output:
        print_json(data(result, comparison))
    else:
        print_text(*text(result))
        if comparison and before:
            print_text("", *comparison_text(comparison, before))
    limit = options.limit
    failures = comparison.failures(limit) if comparison and limit is not None else []
    for line in failure_lines(failures, limit or 0):
        print_error(line)
    if failures or not result.ok:
        raise typer.Exit(EXIT_CHECK)


def _check_writable(path: Path) -> None:
    """Refuse a file that cannot be written, before minutes are spent on its contents."""
    folder = next(parent for parent in path.parents if parent.exists())
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise EdgebakeError("cannot write the file", at=Position(str(path)))

"""`edgebake bench`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import CaBundle, ImageName, Locked, Mirrors, Names, Platforms, Targets
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.model.bench import Result


def bench(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    name: ImageName = None,
    recipe: Annotated[
        list[str] | None, typer.Option("--recipe", metavar="RECIPE", help="Only this recipe's bench; repeatable.")
    ] = None,
    image: Annotated[
        str | None,
        typer.Option("--image", metavar="REFERENCE", help="Measure this image, instead of building one."),
    ] = None,
    runs: Annotated[
        int, typer.Option("--runs", min=1, max=50, metavar="N", help="Runs of each bench, each in a new container.")
    ] = 5,
    seconds: Annotated[
        float, typer.Option("--seconds", min=0.05, max=600, metavar="S", help="Time of each measurement.")
    ] = 1.0,
    compare: Annotated[
        Path | None, typer.Option("--compare", metavar="FILE", help="Compare with what an earlier run has written.")
    ] = None,
    fail_above: Annotated[
        str | None,
        typer.Option("--fail-above", metavar="PERCENT", help="Exit with 3 if a value is worse by more."),
    ] = None,
    output: Annotated[
        Path | None, typer.Option("--output", "-o", metavar="FILE", help="Also write the result, as JSON.")
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option("--builder", metavar="NAME", help="Buildx builder.", autocompletion=complete.builders),
    ] = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Show no progress.")] = False,
    json_output: Annotated[bool, typer.Option("--json", help="Print the result as JSON.")] = False,
    locked: Locked = False,
) -> None:
    """Measure an image's recipes in the built image: throughput, latency (p50, p99), memory.

    Builds what is missing, loads it into the local engine, and runs each recipe's bench several times, each time
    in a new container, without a network, with the GPU if the image is for one. With --compare a difference counts
    only if it is greater than the noise from run to run. Exits with 3 if a bench fails.

    Example: edgebake bench detector --target cpu -o now.json --compare before.json --fail-above 10%
    """
    with Waiting("planning what to build", shown=not quiet) as waiting:

        def tell(text: str) -> None:
            if not quiet:
                waiting.tell(text)

        import os

        from edgebake.bench.images import Wish, measure_images
        from edgebake.cli.options import pairs
        from edgebake.load.workspace import find_root
        from edgebake.model.bench import read_result
        from edgebake.model.request import Request
        from edgebake.pipeline import Pipeline
        from edgebake.plan.settings import Settings

        limit = _limit(fail_above, compare)
        before = read_result(compare) if compare else None
        start = Path.cwd()
        output = start / output if output else None
        if output:
            _refuse_unwritable(output)
        os.chdir(find_root(start) or start)  # paths in a bake file are relative to the working directory
        settings = Settings(builder, {"CA_BUNDLE": ca_bundle} if ca_bundle else {}, (), pairs(mirror, "--mirror"))
        request = Request(tuple(names or ()), tuple(target or ()), tuple(platform or ()), name)
        pipeline = Pipeline(start, request, locked=locked)
        wish = Wish(pipeline, settings, runs, seconds, tuple(recipe or ()), image, quiet)
        result = measure_images(wish, tell, waiting.end)
    if output:
        from edgebake.model.bench import render_result
        from edgebake.system.atomic import write_file

        write_file(output, render_result(result))
    _print(result, before, limit, json_output=json_output)


def _print(result: Result, before: Result | None, limit: float | None, *, json_output: bool) -> None:
    from edgebake.bench.compare import compare, comparison_data
    from edgebake.bench.report import as_text, comparison_text, failure_lines
    from edgebake.errors import EXIT_CHECK

    compared = compare(before, result) if before else None
    if json_output:
        import json

        data = result.model_dump(mode="json")
        typer.echo(json.dumps(data | ({"comparison": comparison_data(compared)} if compared else {}), indent=1))
    else:
        typer.echo(as_text(result))
        if compared and before:
            typer.echo(f"\n{comparison_text(compared, before)}")
    failures = compared.failures(limit) if compared and limit is not None else []
    for line in failure_lines(failures, limit or 0):
        typer.echo(line, err=True)
    if failures or not result.ok:
        raise typer.Exit(EXIT_CHECK)


def _limit(text: str | None, compare: Path | None) -> float | None:
    """Return a limit in percent as a share."""
    import math

    from edgebake.errors import EdgebakeError

    if text is None:
        return None
    if compare is None:
        raise EdgebakeError("--fail-above needs an earlier run", hints=("name its file with --compare",))
    try:
        percent = float(text.strip().removesuffix("%"))
    except ValueError:
        percent = math.nan
    if not (math.isfinite(percent) and percent >= 0):
        raise EdgebakeError(f"--fail-above {text!r} is not a percentage, as 10% is one")
    return percent / 100


def _refuse_unwritable(path: Path) -> None:
    """Refuse a file that cannot be written, before minutes are spent on what would go there."""
    import os

    from edgebake.errors import EdgebakeError, Position

    folder = next(one for one in path.absolute().parents if one.exists())
    if path.is_dir() or not os.access(path if path.exists() else folder, os.W_OK):
        raise EdgebakeError("cannot write the file", at=Position(str(path)))

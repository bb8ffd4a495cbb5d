"""`edgebake plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli import complete
from edgebake.cli.options import (
    CaBundle,
    ChangedSince,
    Exclude,
    ImageName,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Registry,
    Select,
    Tag,
    Targets,
    Unpublished,
    Variables,
)
from edgebake.cli.remembered import Remembered, remembered

if TYPE_CHECKING:
    from collections.abc import Sequence

    from edgebake.graph.compile import Compilation
    from edgebake.pipeline import Look
    from edgebake.plan.builder import Plan
    from edgebake.plan.reuse import Snapshot
    from edgebake.plan.settings import Settings
    from edgebake.plan.stacks import Keyed


@remembered(
    *("names", "target", "platform", "name", "json_output", "diff", "check", "locked", "offline"),
    *("variable", "registry", "tag", "mirror", "ca_bundle"),  # for looking elsewhere only
)
def plan(
    memory: Remembered,
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    select: Select = None,
    exclude: Exclude = None,
    name: ImageName = None,
    changed_since: ChangedSince = None,
    unpublished: Unpublished = False,
    shards: Annotated[
        int | None,
        typer.Option("--shards", metavar="N", min=1, help="Cut it for N machines, by platform and weight."),
    ] = None,
    timings: Annotated[
        list[str] | None,
        typer.Option("--timings", metavar="FILE", help="What `bake --json` printed, as weights; repeatable."),
    ] = None,
    builder: Annotated[
        str | None,
        typer.Option(
            "--builder",
            metavar="NAME",
            help="Also say what is native and emulated on this builder.",
            autocompletion=complete.builders,
        ),
    ] = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change in the committed files.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if the committed files are stale.")] = False,
    locked: Locked = False,
    push: Annotated[
        bool, typer.Option("--push", help="Ask the registry what of it is up to date, as `bake --push` does.")
    ] = False,
    load: Annotated[
        bool, typer.Option("--load", help="Ask the engine what of it is up to date, as `bake --load` does.")
    ] = False,
    variable: Variables = None,
    registry: Registry = None,
    tag: Tag = None,
    mirror: Mirrors = None,
    ca_bundle: CaBundle = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not look at what `stacks` has; without that key nobody looks.")
    ] = False,
) -> None:
    """Show what would be built, in order, and why. Builds and writes nothing.

    Without --changed-since, --unpublished and --builder nothing but the project is looked at. Then the answer is
    kept, and given again while nothing has changed; with EDGEBAKE_COMPILE_CACHE=off it is worked out each time.

    Example: edgebake plan pytorch transformers --target jetpack-6.2 --name ai-workstation

    Example: edgebake plan --select group:llm,target:jetpack-* --exclude state:unmodified

    Example: edgebake plan --changed-since origin/main --shards 4 --json
    """
    from dataclasses import replace
    from pathlib import Path

    from edgebake.cli.options import pairs, print_scope_notes, request_of, settings_of
    from edgebake.errors import EXIT_CHECK, EdgebakeError
    from edgebake.pipeline import Pipeline

    if changed_since is not None and unpublished:
        raise EdgebakeError("--changed-since and --unpublished exclude each other")
    request = request_of(names, target, platform, name, select, exclude)
    if push and load:
        raise EdgebakeError("--push and --load exclude each other")
    settings = replace(settings_of(variable, registry, tag, ca_bundle), mirrors=pairs(mirror, "--mirror"))
    look: Look | None = None if offline else _looker(settings)
    pipeline = Pipeline(Path.cwd(), request, locked=locked, opened=memory.opened)
    if push or load:
        from edgebake.state.current import Wish

        wish = Wish("push" if push else "load", test=push)
        result = pipeline.observed(settings, wish, look=look).plan
    else:
        result = pipeline.plan(look=look)
    memory.keeps = result.snapshot is None
    print_scope_notes(result.scope)
    if changed_since is not None or unpublished:
        result, lines = pipeline.changed(result, changed_since, settings)
        for line in lines:
            typer.echo(f"note: {line}", err=True)
    if shards is not None:
        _print_shards(result, shards, timings or [], json_output=json_output)
    elif diff:
        from edgebake.render.writer import unified_diff

        typer.echo("".join(unified_diff(change) for change in result.files), nl=False)
    else:
        _print_plan(result, builder, json_output=json_output)
    if check and result.files and result.compilation.workspace.document:
        typer.echo("\nerror: the committed files are stale\n\nhint: refresh them: edgebake compile", err=True)
        raise typer.Exit(EXIT_CHECK)


def _print_plan(result: Plan, builder: str | None, *, json_output: bool) -> None:
    from edgebake.plan.explain import explain, plan_as_data

    work = []
    if builder is not None:
        from edgebake.execute.builders import inspect, work_by_platform

        work = work_by_platform(result, inspect(builder))
    if json_output:
        import json

        data = plan_as_data(result)
        data |= {"platforms": [one.as_data() for one in work]} if builder is not None else {}
        typer.echo(json.dumps(data, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join([explain(result), *([""] if work else []), *map(str, work)]))


def _print_shards(result: Plan, number: int, timings: list[str], *, json_output: bool) -> None:
    from pathlib import Path

    from edgebake.plan.shards import cut, shards_as_data, shards_as_text, shared_by
    from edgebake.plan.weights import read_timings

    found = cut(result, number, read_timings(Path(path) for path in timings))
    shared = shared_by(result, found)
    if json_output:
        import json

        typer.echo(json.dumps(shards_as_data(found, shared), indent=2))
    else:
        typer.echo(shards_as_text(found, shared))


def _looker(settings: Settings) -> Look:
    """Return what looks at the repository of stacks. A project without one does not even load the client."""

    def look(compilation: Compilation, stages: Sequence[Keyed]) -> Snapshot:
        from edgebake.state.stacks import looker

        return looker(settings)(compilation, stages)

    return look

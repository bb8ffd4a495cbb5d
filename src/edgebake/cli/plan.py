"""`edgebake plan`."""

from __future__ import annotations

from typing import Annotated

import typer

from edgebake.cli.options import (
    CaBundle,
    ImageName,
    Locked,
    Mirrors,
    Names,
    Platforms,
    Registry,
    Tag,
    Targets,
    Variables,
)


def plan(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    name: ImageName = None,
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

    Example: edgebake plan pytorch transformers --target jetpack-6.2 --name ai-workstation
    """
    from dataclasses import replace
    from pathlib import Path

    from edgebake.api import make_plan, observed_plan
    from edgebake.cli.options import pairs, settings_of
    from edgebake.errors import EXIT_CHECK, EdgebakeError
    from edgebake.execute.current import Wish
    from edgebake.execute.stacks import looker
    from edgebake.plan.explain import explain, plan_as_data
    from edgebake.plan.selection import Selection

    selection = Selection(tuple(names or ()), tuple(target or ()), tuple(platform or ()), name)
    if push and load:
        raise EdgebakeError("--push and --load exclude each other")
    settings = replace(settings_of(variable, registry, tag, ca_bundle), mirrors=pairs(mirror, "--mirror"))
    look = None if offline else looker(settings)
    if push or load:
        wish = Wish("push" if push else "load", test=push)
        result, _, _ = observed_plan(Path.cwd(), selection, settings, wish, locked=locked, look=look)
    else:
        result, _ = make_plan(Path.cwd(), selection, locked=locked, look=look)
    if json_output:
        import json

        typer.echo(json.dumps(plan_as_data(result), indent=2, ensure_ascii=False))
    elif diff:
        from edgebake.render.writer import unified_diff

        typer.echo("".join(unified_diff(change) for change in result.files), nl=False)
    else:
        typer.echo(explain(result))
    if check and result.files and result.compilation.workspace.document:
        typer.echo("\nerror: the committed files are stale\n\nhint: refresh them: edgebake compile", err=True)
        raise typer.Exit(EXIT_CHECK)

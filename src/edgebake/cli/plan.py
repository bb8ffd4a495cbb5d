"""`edgebake plan`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from edgebake.cli.options import CaBundle, ImageName, Locked, Names, Platforms, Targets

if TYPE_CHECKING:
    from edgebake.api import Look


def plan(
    names: Names = None,
    target: Targets = None,
    platform: Platforms = None,
    name: ImageName = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the plan as JSON.")] = False,
    diff: Annotated[bool, typer.Option("--diff", help="Print what would change in the committed files.")] = False,
    check: Annotated[bool, typer.Option("--check", help="Exit with 3 if the committed files are stale.")] = False,
    locked: Locked = False,
    ca_bundle: CaBundle = None,
    offline: Annotated[
        bool, typer.Option("--offline", help="Do not look at what `stacks` has; without that key nobody looks.")
    ] = False,
) -> None:
    """Show what would be built, in order, and why. Builds and writes nothing.

    Example: edgebake plan pytorch transformers --target jetpack-6.2 --name ai-workstation
    """
    from pathlib import Path

    from edgebake.api import make_plan
    from edgebake.errors import EXIT_CHECK
    from edgebake.plan.explain import explain, plan_as_data
    from edgebake.plan.selection import Selection

    selection = Selection(tuple(names or ()), tuple(target or ()), tuple(platform or ()), name)
    look = None if offline else _looker(ca_bundle)
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


def _looker(ca_bundle: str | None) -> Look:
    """Return what looks at the repository of stacks. A project without one does not even load the client."""

    def look(compilation, stages):  # type: ignore[no-untyped-def]
        from edgebake.execute.settings import Settings
        from edgebake.execute.stacks import looker

        settings = Settings(variables={"CA_BUNDLE": ca_bundle} if ca_bundle else {})
        return looker(settings)(compilation, stages)

    return look

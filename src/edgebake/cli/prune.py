"""`edgebake prune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli.options import CaBundle, Images, Registry, Tag, Targets, Variables
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.publishing.prune import Prunable, Pruned


def prune(
    names: Images = None,
    target: Targets = None,
    keep: Annotated[
        int | None,
        typer.Option(
            "--keep", metavar="N", min=0, help="Of each declared form of tag keep the newest N beside today's."
        ),
    ] = None,
    older_than: Annotated[
        float, typer.Option("--older-than", metavar="DAYS", min=0, help="Only what is older than that.")
    ] = 1.0,
    stacks: Annotated[
        bool,
        typer.Option("--stacks", help="Keys of stacks too; their repository must be of this project alone."),
    ] = False,
    delete: Annotated[bool, typer.Option("--delete", help="Delete; without it, only list.")] = False,
    variable: Variables = None,
    registry: Registry = None,
    tag: Tag = None,
    ca_bundle: CaBundle = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print the tags as JSON.")] = False,
) -> None:
    """List tags that nobody needs, and with --delete delete them: staging tags, with --keep old versions too.

    Never touched are tags that are declared now, tags that are not of the project's forms, and manifests that
    another tag or index needs.

    Example: edgebake prune --keep 5 --older-than 30
    """
    with Waiting("asking the registry"):
        from datetime import datetime, timezone

        from edgebake.cli.options import settings_of
        from edgebake.interrupt import raise_interrupt
        from edgebake.model.request import Request
        from edgebake.pipeline import Pipeline
        from edgebake.plan.settings import registry_client
        from edgebake.publishing.prune import Rule, own_repositories, prunable, tag_states
        from edgebake.publishing.prune import delete as delete_tags
        from edgebake.state.inject import prepared

        plan = Pipeline(Path.cwd(), Request(tuple(names or ()), tuple(target or ()))).plan()
        settings = prepared(plan.compilation, settings_of(variable, registry, tag, ca_bundle))
        raise_interrupt()
        client = registry_client(plan.compilation, settings)
        now = datetime.now(timezone.utc)
        chosen: list[Prunable] = []
        done: list[Pruned] = []
        for own in own_repositories(plan, settings, stacks=stacks):
            states = tag_states(client, own.repository)
            found = prunable(own, states, Rule(keep, older_than), now)
            chosen += found
            if delete:
                done += delete_tags(client, states, found)
    if json_output:
        import json

        typer.echo(json.dumps(_as_data(chosen, done), indent=2))
    else:
        typer.echo("\n".join(_lines(chosen, done, deleted=delete)))


def _lines(chosen: list[Prunable], done: list[Pruned], *, deleted: bool) -> list[str]:
    results = {one.reference: one for one in done}
    lines = []
    for one in chosen:
        created = one.state.created.strftime("%Y-%m-%d %H:%M") if one.state.created else "?"
        result = results.get(one.state.reference)
        mark = "would delete" if result is None else "kept" if result.refused else "deleted"
        why = f"the registry does not delete it: {result.refused}" if result and result.refused else one.reason
        lines.append(f"{mark:<12} {one.state.reference}  {created}  {why}")
    count = len(chosen) if not deleted else sum(not one.refused for one in done)
    verb = "deleted" if deleted else "to delete; nothing was (--delete does it)"
    return [*lines, f"{count} tag{'' if count == 1 else 's'} {verb}."]


def _as_data(chosen: list[Prunable], done: list[Pruned]) -> dict[str, Any]:
    results = {one.reference: one for one in done}
    rows = []
    for one in chosen:
        result = results.get(one.state.reference)
        rows.append(
            {
                "reference": one.state.reference,
                "digest": one.state.manifest.digest,
                "created": one.state.created.isoformat() if one.state.created else None,
                "reason": one.reason,
                "deleted": result is not None and not result.refused,
                "refused": (result.refused or None) if result else None,
            }
        )
    return {"version": 1, "tags": rows}

"""`edgebake publish`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli.options import CaBundle, Images, Registry, Tag, Targets, Variables
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.publishing.merge import Outcome


def publish(
    names: Images = None,
    target: Targets = None,
    digests: Annotated[
        list[Path] | None,
        typer.Option("--digests", metavar="DIR|FILE", help="Digest files, or folders of them; repeatable."),
    ] = None,
    shards_file: Annotated[
        Path | None,
        typer.Option(
            "--shards", metavar="FILE", help="Only what these shards hold, as `plan --shards N --json` said."
        ),
    ] = None,
    keep_going: Annotated[
        bool, typer.Option("--keep-going", help="Publish what is complete, though something else is not.")
    ] = False,
    variable: Variables = None,
    registry: Registry = None,
    tag: Tag = None,
    ca_bundle: CaBundle = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print what was published as JSON.")] = False,
) -> None:
    """Merge what several machines have pushed into the declared tags. A tag is written whole, or not at all.

    Each machine runs: edgebake bake --push --platform linux/arm64 --digests digests. Publish where all their digest
    files are.

    Example: edgebake publish --digests digests
    """
    from edgebake.errors import EdgebakeError, ErrorGroup

    if not digests:
        raise EdgebakeError("no digest files are named", hints=("name them: edgebake publish --digests DIR",))
    with Waiting("asking the registry") as waiting:
        from edgebake.cli.options import settings_of
        from edgebake.interrupt import raise_interrupt
        from edgebake.model.request import Request
        from edgebake.pipeline import Pipeline, by_tags
        from edgebake.plan.settings import registry_client
        from edgebake.plan.shards import file_scope
        from edgebake.publishing.collect import collect
        from edgebake.publishing.merge import Publisher, joined
        from edgebake.state.digest_files import read_shards
        from edgebake.state.inject import prepared

        shards = read_shards(digests)
        plan = Pipeline(Path.cwd(), Request(tuple(names or ()), tuple(target or ()))).plan()
        if shards_file is not None:
            plan = plan.part(file_scope(plan, shards_file))
        settings = prepared(plan.compilation, settings_of(variable, registry, tag, ca_bundle))
        raise_interrupt()
        client = registry_client(plan.compilation, settings)
        outcomes, errors = [], list[EdgebakeError]()
        for part in by_tags(plan) if keep_going else [plan]:
            publisher = Publisher(part, settings, client, waiting.tell)
            try:
                outcomes.append(publisher.publish(collect(part, settings, shards)))
            except EdgebakeError as error:
                if not keep_going:
                    raise
                errors += error.errors if isinstance(error, ErrorGroup) else [error]
    _print(joined(outcomes), json_output=json_output)
    if errors:
        raise ErrorGroup(errors)


def _print(outcome: Outcome, *, json_output: bool) -> None:
    for staging, why in outcome.kept:
        typer.echo(f"note: {staging} stays: the registry does not delete it ({why})", err=True)
    if json_output:
        import json

        typer.echo(json.dumps(_as_data(outcome), indent=2))
    else:
        for one in outcome.published:
            typer.echo(f"{one.reference}@{one.digest}")


def _as_data(outcome: Outcome) -> dict[str, Any]:
    return {
        "version": 1,
        "published": [
            {
                "owner": one.owner,
                "reference": one.reference,
                "digest": one.digest,
                "platforms": dict(one.platforms),
                "state": one.state,
            }
            for one in outcome.published
        ],
        "removed": list(outcome.removed),
        "kept": [{"reference": reference, "reason": reason} for reference, reason in outcome.kept],
    }

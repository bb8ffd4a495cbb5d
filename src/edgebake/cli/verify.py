"""`edgebake verify`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from edgebake.cli import complete
from edgebake.cli.options import CaBundle, Registry, Tag, Targets, Variables
from edgebake.cli.waiting import Waiting

if TYPE_CHECKING:
    from edgebake.publishing.verify import Verified


def verify(
    names: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[IMAGE|REF]...",
            help="Images of the project (all, if none is named), or references: ghcr.io/acme/app:1.2-cpu.",
            show_default=False,
            autocompletion=complete.images,
        ),
    ] = None,
    target: Targets = None,
    digests: Annotated[
        list[Path] | None,
        typer.Option("--digests", metavar="DIR|FILE", help="Digest files whose digests must be there; repeatable."),
    ] = None,
    variable: Variables = None,
    registry: Registry = None,
    tag: Tag = None,
    ca_bundle: CaBundle = None,
    json_output: Annotated[bool, typer.Option("--json", help="Print what was found as JSON.")] = False,
) -> None:
    """Compare what the registry has with what the project declares; exit with 3 if something differs.

    Compared are platforms, digests, fingerprints, labels, and attestations if the project declares provenance.

    Example: edgebake verify detector --tag 1.4.2
    """
    with Waiting("asking the registry"):
        from edgebake.cli.options import settings_of
        from edgebake.model.request import Request
        from edgebake.pipeline import Pipeline
        from edgebake.plan.settings import registry_client
        from edgebake.publishing.verify import Verifier, declared, declared_as
        from edgebake.state.digest_files import read_shards
        from edgebake.state.inject import prepared

        references = [name for name in names or () if "/" in name or ":" in name or "@" in name]
        images = tuple(name for name in names or () if name not in references)
        plan = Pipeline(Path.cwd(), Request(images, tuple(target or ()))).plan()
        settings = prepared(plan.compilation, settings_of(variable, registry, tag, ca_bundle))
        client = registry_client(plan.compilation, settings)
        verifier = Verifier(plan, client, read_shards(digests) if digests else ())
        everything = declared(plan, settings)
        found = [verifier.best(declared_as(everything, reference)) for reference in references]
        if images or not references:
            found += verifier.tags(everything)
    if json_output:
        import json

        typer.echo(json.dumps(_as_data(found), indent=2))
    else:
        typer.echo("\n".join(line for one in found for line in _lines(one)))
    if any(one.differences for one in found):
        from edgebake.errors import EXIT_CHECK

        raise typer.Exit(EXIT_CHECK)


def _lines(one: Verified) -> list[str]:
    mark = "differs" if one.differences else "ok"
    lines = [f"{mark:<8} {one.reference}{'@' if one.digest else ''}{one.digest}"]
    if not one.differences:
        return [*lines, *(f"         {platform:<12} {digest}" for platform, digest in one.platforms)]
    for difference in one.differences:
        where = f"{difference.platform}: " if difference.platform else ""
        lines.append(f"         {where}{difference.kind}: {difference.text}")
    return lines


def _as_data(found: list[Verified]) -> dict[str, Any]:
    return {
        "version": 1,
        "ok": not any(one.differences for one in found),
        "references": [
            {
                "owner": one.owner,
                "reference": one.reference,
                "digest": one.digest or None,
                "platforms": dict(one.platforms),
                "differences": [
                    {"kind": d.kind, "platform": d.platform or None, "text": d.text} for d in one.differences
                ],
            }
            for one in found
        ],
    }

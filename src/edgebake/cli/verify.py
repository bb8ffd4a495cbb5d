"""`edgebake verify`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import typer

from edgebake.cli import complete
from edgebake.cli.command import Words, argument, command, command_options, option
from edgebake.cli.console import Waiting, print_result
from edgebake.cli.options import JSON, TARGETS, BakeFileOptions
from edgebake.errors import EXIT_CHECK
from edgebake.model.request import Request

if TYPE_CHECKING:
    from edgebake.model.output.publishing import VerifiedReference


@command_options
class VerifyOptions(BakeFileOptions):
    """What is compared: the selected images' tags, and references; with the recorded digests, if there are any."""

    names: Words = argument(
        "Images of the project (all, if none is named), or references: ghcr.io/acme/app:1.2-cpu.",
        metavar="[IMAGE|REF]...",
        complete=complete.images,
    )
    target: Words = TARGETS
    digests: list[Path] | None = option("Digest files whose digests must be there; repeatable.", metavar="DIR|FILE")
    json_output: bool = JSON

    @property
    def references(self) -> list[str]:
        """The names that are references, not images of the project."""
        return [name for name in self.names or () if any(mark in name for mark in "/:@")]

    @property
    def request(self) -> Request:
        """The images that are asked for."""
        references = self.references
        return Request(tuple(n for n in self.names or () if n not in references), tuple(self.target or ()))

    @property
    def wants_tags(self) -> bool:
        """Whether the declared tags are compared: not if only references are named."""
        return bool(self.request.names) or not self.references


@command(VerifyOptions)
def verify(options: VerifyOptions) -> None:
    """Compare what the registry has with what the project declares; exit with 3 if something differs.

    Compared are platforms, digests, fingerprints, labels, and attestations if the project declares provenance.

    Example: edgebake verify detector --tag 1.4.2
    """
    with Waiting("asking the registry"):
        verified = _verified(options)
    from edgebake.model.output.publishing import Verify

    result = Verify(version=1, ok=not any(one.differences for one in verified), references=verified)
    text = "\n".join(line for reference in verified for line in _lines(reference))
    print_result(as_json=options.json_output, data=lambda: result, text=lambda: text)
    if not result.ok:
        raise typer.Exit(EXIT_CHECK)


def _verified(options: VerifyOptions) -> list[VerifiedReference]:
    from edgebake.pipeline import Pipeline
    from edgebake.plan.settings import registry_client
    from edgebake.publishing.verify import Verifier, declared, declared_as
    from edgebake.state.digest_files import read_shards
    from edgebake.state.inject import prepared

    plan = Pipeline(Path.cwd(), options.request).plan()
    settings = prepared(plan.compilation, options.settings)
    client = registry_client(plan.compilation, settings)
    verifier = Verifier(plan, client, read_shards(options.digests) if options.digests else ())
    everything = declared(plan, settings)
    verified = [verifier.best(declared_as(everything, reference)) for reference in options.references]
    return [*verified, *(verifier.tags(everything) if options.wants_tags else ())]


def _lines(reference: VerifiedReference) -> Iterator[str]:
    """Yield whether a reference is as declared, and its platforms or what differs."""
    mark = "differs" if reference.differences else "ok"
    yield f"{mark:<8} {reference.reference}{f'@{reference.digest}' if reference.digest else ''}"
    if not reference.differences:
        yield from (f"         {platform:<12} {digest}" for platform, digest in reference.platforms.items())
    for difference in reference.differences:
        where = f"{difference.platform}: " if difference.platform else ""
        yield f"         {where}{difference.kind}: {difference.text}"

"""`edgebake publish`."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cli.command import command, command_options, flag, option
from edgebake.cli.console import Waiting, print_json, print_notes, print_text
from edgebake.cli.options import JSON, BakeFileOptions, ImagesOptions
from edgebake.errors import EdgebakeError, ErrorGroup

if TYPE_CHECKING:
    from edgebake.model.output.publishing import Publish


@command_options
class PublishOptions(BakeFileOptions, ImagesOptions):
    """What is published, and the digest files that say what was pushed.

    Raises:
        EdgebakeError: no digest files are named.
    """

    digests: list[Path] | None = option("Digest files, or folders of them; repeatable.", metavar="DIR|FILE")
    shards_file: Path | None = option(
        "Only these shards, as `plan --shards N --json` prints them.", "--shards", metavar="FILE"
    )
    keep_going: bool = flag("Publish what is complete, even if something else is not.")
    json_output: bool = JSON

    def __post_init__(self) -> None:
        if not self.digests:
            raise EdgebakeError("no digest files are named", hints=("name them: edgebake publish --digests DIR",))


@command(PublishOptions)
def publish(options: PublishOptions) -> None:
    """Merge what several machines have pushed into the declared tags. A tag is written whole, or not at all.

    Each machine runs: edgebake bake --push --platform linux/arm64 --digests digests. Publish where all their digest
    files are.

    Example: edgebake publish --digests digests
    """
    with Waiting("asking the registry") as waiting:
        result, errors = _published(options, waiting.report)
    print_notes(*(f"{tag.reference} is not deleted: the registry refuses ({tag.reason})" for tag in result.kept))
    if options.json_output:
        print_json(result)
    else:
        print_text(*(f"{tag.reference}@{tag.digest}" for tag in result.published))
    if errors:
        raise ErrorGroup(errors)


def _published(options: PublishOptions, report: Callable[[str], None]) -> tuple[Publish, list[EdgebakeError]]:
    """Publish, and return the result, and with `keep_going` the errors of what could not be published."""
    from edgebake.interrupt import raise_interrupt
    from edgebake.pipeline import Pipeline, by_tags
    from edgebake.plan.settings import registry_client
    from edgebake.plan.shards import file_scope
    from edgebake.publishing.collect import collect
    from edgebake.publishing.merge import Publisher, joined
    from edgebake.state.digest_files import read_shards
    from edgebake.state.inject import prepared

    shards = read_shards(options.digests or ())
    plan = Pipeline(Path.cwd(), options.request).plan()
    if options.shards_file is not None:
        plan = plan.part(file_scope(plan, options.shards_file))
    settings = prepared(plan.compilation, options.settings)
    raise_interrupt()
    client = registry_client(plan.compilation, settings)
    results, errors = [], list[EdgebakeError]()
    for part in by_tags(plan) if options.keep_going else [plan]:
        try:
            results.append(Publisher(part, settings, client, report).publish(collect(part, settings, shards)))
        except EdgebakeError as error:
            if not options.keep_going:
                raise
            errors += error.errors if isinstance(error, ErrorGroup) else [error]
    return joined(results), errors

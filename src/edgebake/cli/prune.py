"""`edgebake prune`."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from edgebake.cli.command import command, command_options, flag, option
from edgebake.cli.console import Waiting, print_result
from edgebake.cli.options import JSON, BakeFileOptions, ImagesOptions

if TYPE_CHECKING:
    from edgebake.model.output.publishing import PrunableTag


@command_options
class PruneOptions(BakeFileOptions, ImagesOptions):
    """Which repositories are looked at, what is kept there, and whether the rest is deleted."""

    keep: int | None = option(
        "Of each declared form of tag, keep the newest N besides those that are declared now.", metavar="N", min=0
    )
    older_than: float = option(
        "Only tags that are older than this.", metavar="DAYS", default=1.0, min=0, max=36_500
    )
    stacks: bool = flag("Also keys of `stacks`; no other project may use that repository.")
    delete: bool = flag("Delete the tags; without it, they are only listed.")
    json_output: bool = JSON


@command(PruneOptions)
def prune(options: PruneOptions) -> None:
    """List tags that nobody needs, and with --delete delete them: staging tags, with --keep old versions too.

    Tags that are declared now, tags that do not have a form that the project declares, and manifests that another
    tag or index needs are never deleted.

    Example: edgebake prune --keep 5 --older-than 30
    """
    with Waiting("asking the registry"):
        tags = _pruned(options)
    from edgebake.cli.format.prune import data, text

    print_result(
        as_json=options.json_output, data=lambda: data(tags), text=lambda: text(tags, deleted=options.delete)
    )


def _pruned(options: PruneOptions) -> list[PrunableTag]:
    from datetime import datetime, timezone

    from edgebake.interrupt import raise_interrupt
    from edgebake.pipeline import Pipeline
    from edgebake.plan.settings import registry_client
    from edgebake.publishing.prune import Rule, own_repositories, prune
    from edgebake.state.inject import prepared

    plan = Pipeline(Path.cwd(), options.request).plan()
    settings = prepared(plan.compilation, options.settings)
    raise_interrupt()
    client = registry_client(plan.compilation, settings)
    own = own_repositories(plan, settings, stacks=options.stacks)
    rule = Rule(options.keep, options.older_than)
    return prune(client, own, rule, datetime.now(timezone.utc), delete=options.delete)

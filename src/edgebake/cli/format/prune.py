"""`edgebake prune`: tags that nobody needs, for people and as JSON."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from edgebake.cli.console import Renderable, table
from edgebake.model.output.publishing import PrunableTag, Prune
from edgebake.text.words import counted


def text(tags: Sequence[PrunableTag], *, deleted: bool) -> Iterator[Renderable]:
    """Yield a table of the tags, and a line that counts them.

    Args:
        tags: what is not needed.
        deleted: whether they were to be deleted.
    """
    if tags:
        yield table(("TAG", "CREATED", "STATE", "REASON"), [_row(tag) for tag in tags], wrap=("REASON",))
    if not tags:
        yield "No tag is to be deleted."
    elif deleted:
        yield f"{counted(sum(tag.deleted for tag in tags), 'tag')} deleted."
    else:
        yield f"{counted(len(tags), 'tag')} to delete. Nothing was deleted; to delete them, add --delete."


def data(tags: Sequence[PrunableTag]) -> Prune:
    """Return what `--json` prints."""
    return Prune(version=1, tags=list(tags))


def _row(tag: PrunableTag) -> tuple[str, ...]:
    created = f"{datetime.fromisoformat(tag.created):%Y-%m-%d %H:%M}" if tag.created else "unknown"
    if tag.refused:
        return tag.reference, created, "kept", f"the registry refuses to delete it: {tag.refused}"
    return tag.reference, created, "deleted" if tag.deleted else "would delete", tag.reason

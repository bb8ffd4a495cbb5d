"""`edgebake publish`: what was published, for people."""

from __future__ import annotations

from edgebake.model.output.publishing import Publish


def text(result: Publish) -> str:
    """Return a line for each tag, with the digest that it names."""
    return "\n".join(f"{tag.reference}@{tag.digest}" for tag in result.published)


def notes(result: Publish) -> list[str]:
    """Return the staging tags that are still there, and why."""
    return [f"{tag.reference} is not deleted: the registry refuses ({tag.reason})" for tag in result.kept]

"""Outputs of the commands for registries."""

from __future__ import annotations

from typing import Literal

from edgebake.model.output.base import Digest, Output, Platform, Record

TagState = Literal["published", "same"]
"""`same`: the tag already named this image."""


class PublishedTag(Record):
    owner: str
    """Bake target or index that the tag belongs to."""
    reference: str
    digest: Digest
    platforms: dict[Platform, Digest]
    state: TagState


class KeptTag(Record):
    reference: str
    reason: str


class Publish(Output):
    """The published tags: `edgebake publish --json`."""

    published: list[PublishedTag]
    removed: list[str]
    """Staging tags that were deleted."""
    kept: list[KeptTag]
    """Staging tags that the registry did not delete."""


DifferenceKind = Literal["missing", "platforms", "content", "attestations", "digest", "fingerprint", "labels"]


class Difference(Record):
    kind: DifferenceKind
    platform: Platform | None
    """Platform; null for all platforms."""
    text: str


class VerifiedReference(Record):
    owner: str
    """Bake target or index that the tag belongs to."""
    reference: str
    digest: Digest | None
    """Digest; null if the registry does not have the tag."""
    platforms: dict[Platform, Digest]
    differences: list[Difference]


class Verify(Output):
    """Comparison of the registry with the declared tags: `edgebake verify --json`."""

    ok: bool
    references: list[VerifiedReference]


class PrunableTag(Record):
    reference: str
    digest: Digest
    created: str | None
    reason: str
    deleted: bool
    refused: str | None
    """Reason why the registry did not delete it; null if it did, or was not asked to."""


class Prune(Output):
    """Unneeded tags: `edgebake prune --json`."""

    tags: list[PrunableTag]

"""What the commands about registries print."""

from __future__ import annotations

from typing import Literal

from edgebake.model.base import Model
from edgebake.model.output.base import Digest, Output, Platform

TagState = Literal["published", "same"]
"""`same`: the tag named this image already."""


class PublishedTag(Model):
    owner: str
    """The bake target or index whose tag it is."""
    reference: str
    digest: Digest
    platforms: dict[Platform, Digest]
    state: TagState


class KeptTag(Model):
    reference: str
    reason: str


class Publish(Output):
    """What was published: `edgebake publish --json`."""

    published: list[PublishedTag]
    removed: list[str]
    """Staging tags."""
    kept: list[KeptTag]
    """Staging tags that the registry does not delete."""


class Difference(Model):
    kind: Literal["missing", "platforms", "content", "attestations", "digest", "fingerprint", "labels"]
    platform: Platform | None
    """Null: all of them."""
    text: str


class VerifiedReference(Model):
    owner: str
    """The bake target or index whose tag it is."""
    reference: str
    digest: Digest | None
    """Null if the registry does not have it."""
    platforms: dict[Platform, Digest]
    differences: list[Difference]


class Verify(Output):
    """What the registry has, against what is declared: `edgebake verify --json`."""

    ok: bool
    references: list[VerifiedReference]


class PrunableTag(Model):
    reference: str
    digest: Digest
    created: str | None
    reason: str
    deleted: bool
    refused: str | None
    """Why the registry did not delete it."""


class Prune(Output):
    """Tags that nobody needs: `edgebake prune --json`."""

    tags: list[PrunableTag]

"""Digests of base images, from their registries."""

from __future__ import annotations

from collections.abc import Mapping

from edgebake.model.lock import LockedBase
from edgebake.registry.client import RegistryClient
from edgebake.registry.errors import (
    NotAnImageError,
    NotFoundError,
    RateLimitedError,
    RefusedError,
    RegistryError,
)
from edgebake.registry.images import read_image
from edgebake.registry.mirrors import mirrored
from edgebake.registry.reference import parse_reference

PLATFORMS = ("linux/amd64", "linux/arm64")
_REASONS = {
    NotFoundError: "has no such image",
    NotAnImageError: "has something else than an image under this name",
    RefusedError: "refuses access",
    RateLimitedError: "allows no more requests for now (rate limit)",
}


def lock_base(client: RegistryClient, image: str, mirrors: Mapping[str, str]) -> LockedBase:
    """Return the digests of a base image, from its mirror if it has one; or the reason why there are none."""
    try:
        found = read_image(client, parse_reference(mirrored(image, mirrors)))
    except RegistryError as error:
        # Without what differs from machine to machine: the lock is committed.
        return LockedBase(reason=f"its registry {_REASONS.get(type(error), 'could not be reached')}")
    platforms = {one.platform: one.digest for one in found.images if one.platform in PLATFORMS}
    return LockedBase(digest=found.digest, platforms=dict(sorted(platforms.items())))

"""Errors of registries."""

from __future__ import annotations

from edgebake.errors import EdgebakeError


class RegistryError(EdgebakeError):
    """A registry did not do what it was asked to do."""


class NotFoundError(RegistryError):
    """The registry does not have this manifest, blob, tag or repository."""


class RefusedError(RegistryError):
    """The registry needs a login, or this login lacks the permission."""


class UnsupportedError(RegistryError):
    """The registry does not offer this, or has it switched off (usually deletion)."""


class UnreachableError(RegistryError):
    """The registry does not answer, or fails. It may be transient."""


class RateLimitedError(UnreachableError):
    """The registry allows no more requests for now."""


class NotAnImageError(RegistryError):
    """The reference names something else than an image."""

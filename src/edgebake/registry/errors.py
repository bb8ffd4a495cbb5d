"""What a registry can answer instead of what was asked for."""

from __future__ import annotations

from edgebake.errors import EdgebakeError


class RegistryError(EdgebakeError):
    """A registry did not do what it was asked. A user's error as it stands, if nobody handles it."""


class NotFoundError(RegistryError):
    """There is no such manifest, blob, tag or repository."""


class RefusedError(RegistryError):
    """The registry wants a login, or this login may not do it."""


class UnsupportedError(RegistryError):
    """The registry cannot do it at all, or has it switched off (deletion, mostly)."""


class UnreachableError(RegistryError):
    """No answer, or one that says that the registry itself has a fault. It may pass."""


class RateLimitedError(UnreachableError):
    """The registry allows no more requests for now."""


class NotAnImageError(RegistryError):
    """Something else than an image is there."""

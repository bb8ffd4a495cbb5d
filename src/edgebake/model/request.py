"""What the user asked a command for. Imports nothing, because shell completion uses it."""

from __future__ import annotations

from edgebake.dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """The selection that the user typed. Empty fields mean everything.

    Attributes:
        names: images of the project, or recipes for an ad-hoc image.
        targets: names or patterns of targets.
        platforms: platforms.
        name: the name of the ad-hoc image.
        select: selectors of what to build (docs/select.md).
        exclude: selectors of what to leave out.
    """

    names: tuple[str, ...] = ()
    targets: tuple[str, ...] = ()
    platforms: tuple[str, ...] = ()
    name: str | None = None
    select: tuple[str, ...] = ()
    exclude: tuple[str, ...] = ()

    @property
    def has_selectors(self) -> bool:
        """Whether selectors choose the images."""
        return bool(self.select or self.exclude)

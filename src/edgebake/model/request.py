"""What the user asked a command for. It needs no other module: completion reads it, too."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Request:
    """What the user typed. Empty fields mean everything.

    Attributes:
        names: images of the project, or recipes for an ad-hoc image.
        targets: names or patterns of targets.
        platforms: platforms.
        name: the name of the ad-hoc image.
        select: selectors (docs/select.md).
        exclude: selectors of what is left out.
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

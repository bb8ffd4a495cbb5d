"""What a recipe's install stage costs, and how often it changes."""

from __future__ import annotations

from dataclasses import dataclass

BYTES_PER_SECOND = 12_500_000
"""At which a stage is taken to travel, if nothing else is said: 100 Mbit/s."""


@dataclass(frozen=True)
class Load:
    """The weight of a recipe's install stage.

    Attributes:
        seconds: what it takes to be built.
        size: bytes that it adds to the image.
        changes: how often it changes in a month.
    """

    seconds: float
    size: float
    changes: float

    @property
    def once(self) -> float:
        """Seconds that it costs to be built and to travel, once."""
        return self.seconds + self.size / BYTES_PER_SECOND

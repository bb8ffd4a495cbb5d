"""What is asked for, and by whom."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Literal

from edgebake.errors import Position
from edgebake.load.document import Place, position_of
from edgebake.model.requirement import Requirement

Kind = Literal["run", "library", "provide", "forbid"]


@dataclass(frozen=True)
class Ask:
    """A requirement, and who has it.

    `kind`: needed at run time, needed to build against, the recipe that stands for a name, or not to be in the
    image. `origin` is prose; `parent` the name that asks, or None for the image itself. `place`: where it is
    written.
    """

    requirement: Requirement
    kind: Kind
    origin: str
    parent: str | None = None
    place: Place | None = field(default=None, compare=False)

    @property
    def name(self) -> str:
        return self.requirement.name

    @property
    def at(self) -> Position | None:
        """Where it is written."""
        return position_of(self.place)

    def __str__(self) -> str:
        verb = {
            "run": "needs",
            "library": "is compiled against",
            "provide": "is provided by",
            "forbid": "cannot be in one image with",
        }[self.kind]
        return f"{self.origin} {verb} {self.requirement}"

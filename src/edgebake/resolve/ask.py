"""Requirements with their origin."""

from __future__ import annotations

from dataclasses import field
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.errors import Position
from edgebake.load.document import Place, position_of
from edgebake.model.requirement import Requirement

Kind = Literal["run", "library", "provide", "forbid"]


@dataclass(frozen=True)
class Ask:
    """A requirement, and what requires it.

    Attributes:
        requirement: the requirement.
        kind: `run`: needed at run time. `library`: compiled against. `provide`: the recipe that provides a name.
            `forbid`: not allowed in the same image.
        origin: what requires it, as prose.
        parent: the name of the recipe that requires it; None for the image itself.
        place: where it is written.
        python: the requirement of a Python package that it follows from, if it does.
    """

    requirement: Requirement
    kind: Kind
    origin: str
    parent: str | None = None
    place: Place | None = field(default=None, compare=False)
    python: str = ""

    @property
    def name(self) -> str:
        return self.requirement.name

    @property
    def at(self) -> Position | None:
        """The position where it is written."""
        return position_of(self.place)

    def __str__(self) -> str:
        verb = {
            "run": "needs",
            "library": "is compiled against",
            "provide": "is provided by",
            "forbid": "cannot be in one image with",
        }[self.kind]
        why = f" (it asks pip for {self.python})" if self.python else ""
        return f"{self.origin} {verb} {self.requirement}{why}"

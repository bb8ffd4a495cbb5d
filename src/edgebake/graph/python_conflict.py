"""Python requirements of an image's recipes that cannot be met together, as an error."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position
from edgebake.graph.python_env import resolution_inputs
from edgebake.graph.view import RecipeView
from edgebake.model.conflicts import KnownConflict


@dataclass(frozen=True)
class Asked:
    """A requirement of a recipe.

    Attributes:
        recipe: the recipe's name.
        text: the requirement.
        index: the index that the package comes from; None for the default one.
        at: where it is written.
    """

    recipe: str
    text: str
    index: str | None
    at: Position

    @property
    def package(self) -> str:
        """The normalised name of the package."""
        return canonicalize_name(Requirement(self.text).name)

    @property
    def url(self) -> str | None:
        """The address that it names, if it names one."""
        return Requirement(self.text).url

    def __str__(self) -> str:
        source = f" from {self.index}" if self.index else ""
        return f"{self.recipe} asks for {self.text}{source} ({self.at})"


def conflict_error(asked: Sequence[Asked], explanation: str, where: Sequence[str] = ()) -> EdgebakeError:
    """Return the error for requirements that cannot be met together.

    Args:
        asked: the fewest of them that cannot be.
        explanation: why, in prose.
        where: the images that have them, if they are named.
    """
    recipes = list(dict.fromkeys(one.recipe for one in asked))
    places = [f"in {', '.join(dict.fromkeys(where))}"] if where else []
    if len(asked) == 1:
        message = f"what {recipes[0]} asks for cannot be had: {asked[0].text}"
        hints: tuple[str, ...] = ("ask for a release that its index has for this target",)
    elif len(recipes) == 1:
        message = f"the Python packages of {recipes[0]} cannot be installed together"
        hints = ("change one of these requirements",)
    else:
        names = f"{', '.join(recipes[:-1])} and {recipes[-1]}"
        message = f"the Python packages of {names} cannot be installed together"
        hints = ("change one of these requirements", "or put the recipes into images of their own")
    reason = "\n".join([*map(str, asked), *explanation.splitlines(), *places])
    return EdgebakeError(message, at=asked[0].at, reason=reason, hints=hints)


def refuse_known_conflict(views: Sequence[RecipeView], known: Mapping[str, KnownConflict]) -> None:
    """Refuse an image of which `edgebake lock` has found that its requirements cannot be met together.

    Args:
        views: its recipes in order.
        known: such conflicts, by the digest of the resolution's inputs.

    Raises:
        EdgebakeError: it is one of them.
    """
    conflict = known.get(resolution_inputs(views)) if known else None
    if conflict is None:
        return
    positions = {(view.pin.name, text): view.at(where) for view in views for text, where in view.pip_places.items()}
    asked = [
        Asked(one.recipe, one.requirement, one.index, positions[one.recipe, one.requirement])
        for one in conflict.asked
        if (one.recipe, one.requirement) in positions
    ]
    if len(asked) == len(conflict.asked):
        raise conflict_error(asked, conflict.explanation)

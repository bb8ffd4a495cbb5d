"""Layers of an image, and how a long line is kept below an engine's limit."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import chain

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Copied, copies_of
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import Workdir
from edgebake.graph.stages import StageFactory
from edgebake.resolve.resolution import Pin

ENGINE_LIMIT = 127
"""Layers of an image (moby `layer/layer_store.go`, maxLayerDepth is 125; overlayfs allows 128 lower folders)."""

MAX_LAYERS = 95
"""Of an install line: the rest is for the base image and for an image's last stage."""

_GROUP = 8  # recipes whose copies become one layer: a change in one of them copies those of the others again


@dataclass(frozen=True)
class LineRecipe:
    """A recipe in an image's line: its pins by platform, and the stages that it copies from.

    `gathered` and `elsewhere` are as in :class:`Copied`.
    """

    name: str
    pins: Mapping[str, Pin]
    artifact: Node | None
    wheels: Node | None
    gathered: Node | None = None
    elsewhere: bool = False

    def copied(self, platform: str) -> Copied:
        """Return what its stage copies on a platform."""
        wheels = self.wheels if self.wheels is not None and not self.wheels.bodies[platform].empty else None
        return Copied(self.artifact, wheels, self.gathered, self.elsewhere)


def layer_count(bodies: Iterable[Mapping[str, Stage]]) -> int:
    """Return the layers of a line of stages, on the platform that has the most."""
    count: dict[str, int] = {}
    for stage in bodies:
        for platform, body in stage.items():
            count[platform] = count.get(platform, 0) + body.layers
    return max(count.values(), default=0)


def gather_copies(stages: StageFactory, plan: ImagePlan, recipes: Sequence[LineRecipe]) -> list[LineRecipe]:
    """Return a line in which neighbours copy what they bring in one layer, in the first one's stage.

    A recipe with a template of its own keeps its stage as it is.
    """
    result: list[LineRecipe] = []
    for group in _groups(recipes):
        if len(group) == 1:
            result += group
            continue
        node = _gather_stage(stages, plan, group)
        result.append(replace(group[0], gathered=node))
        result += [replace(recipe, elsewhere=True) for recipe in group[1:]]
    return result


def _groups(recipes: Sequence[LineRecipe]) -> Iterator[list[LineRecipe]]:
    group: list[LineRecipe] = []
    for recipe in recipes:
        own = any(pin.recipe.install.dockerfile for pin in recipe.pins.values())
        if group and (own or len(group) == _GROUP):
            yield group
            group = []
        if own:
            yield [recipe]
        else:
            group.append(recipe)
    if group:
        yield group


def _gather_stage(stages: StageFactory, plan: ImagePlan, group: Sequence[LineRecipe]) -> Node:
    bodies = {}
    for platform in plan.platforms:
        here = [recipe for recipe in group if platform in recipe.pins]
        copies = chain.from_iterable(
            copies_of(stages.context, plan.views[platform, recipe.name], recipe.copied(platform)) for recipe in here
        )
        ops = Operations(copies)
        bodies[platform] = Stage(ops=ops or Operations([Workdir("/")]))  # a stage of nothing cannot be copied from
    names = ", ".join(recipe.name for recipe in group)
    return stages.add("artifact", f"{group[0].name}-gathered", f"files of {names}", bodies, native=True)


def refuse_too_many_layers(plan: ImagePlan, count: int) -> None:
    """Refuse an image that no engine would take.

    Raises:
        EdgebakeError: naming the number of layers.
    """
    if count > MAX_LAYERS:
        raise EdgebakeError(
            f"image {plan.name!r} would have {count} layers on {plan.target.name}, beside those of its base image",
            reason=f"an engine takes {ENGINE_LIMIT} in all",
            hints=("let recipes install in one script what several of them do", "split the image"),
        )

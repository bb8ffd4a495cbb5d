"""The tests of an image's recipes."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.view import RecipeView


@dataclass(frozen=True)
class Case:
    """The test of one recipe.

    Attributes:
        recipe: the recipe's name.
        title: its name, flavours and version.
        folder: where its files are.
        script: the test's script, relative to that.
        files: what lies beside the script while it runs.
        timeout: seconds.
        gpu: whether it runs only where a GPU is.
    """

    recipe: str
    title: str
    folder: Path
    script: str
    files: tuple[str, ...]
    timeout: int
    gpu: bool

    @property
    def runner(self) -> tuple[str, ...]:
        """The program that runs the script."""
        return ("python3",) if self.script.endswith(".py") else ("bash", "-euo", "pipefail")

    @property
    def mounts(self) -> list[tuple[Path, str]]:
        """Files and folders of the recipe, and what they are called beside the script."""
        names = [(self.script, Path(self.script).name), *((file, file) for file in self.files)]
        return [((self.folder / path).resolve(), name) for path, name in names]


def cases_of(plan: ImagePlan, platform: str) -> list[Case]:
    """Return the tests of the recipes in an image, in the order of its line.

    Args:
        plan: the image on a target.
        platform: one of its platforms.
    """
    return [case for view in plan.views_on(platform) if (case := _case(view)) is not None]


def _case(view: RecipeView) -> Case | None:
    test = view.recipe.test
    if test is None:
        return None
    title, folder = view.pin.title, view.pin.loaded.folder
    return Case(view.pin.name, title, folder, test.script, tuple(test.files), test.timeout, test.gpu)

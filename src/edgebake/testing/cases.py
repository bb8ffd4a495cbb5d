"""The tests and benches of an image's recipes."""

from __future__ import annotations

from pathlib import Path

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.view import RecipeView
from edgebake.model.recipe import Bench, Test


@dataclass(frozen=True)
class Case:
    """The test or the bench of one recipe.

    `title` is the recipe with flavours and version. `script` and `files`, which lie beside it while it runs, are
    relative to `folder`. `timeout` is in seconds. `gpu`: whether it runs only where a GPU is.
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
    """Return the tests of the recipes in an image on a platform, in the order of its line."""
    return [_case(view, view.recipe.test) for view in plan.views_on(platform) if view.recipe.test is not None]


def benches_of(plan: ImagePlan, platform: str) -> list[Case]:
    """Return the benches of the recipes in an image on a platform, in the order of its line.

    Raises:
        EdgebakeError: a script or file is missing. Compiling reads none of them, so nobody has looked.
    """
    found = []
    for view in plan.views_on(platform):
        if view.recipe.bench is not None:
            case = _case(view, view.recipe.bench)
            for path, key in [(case.script, "script"), *((file, "files") for file in case.files)]:
                if not (case.folder / path).exists():
                    raise EdgebakeError(f"there is no {path!r} in the recipe's folder", at=view.at(("bench", key)))
            found.append(case)
    return found


def _case(view: RecipeView, what: Test | Bench) -> Case:
    title, folder = view.pin.title, view.pin.loaded.folder
    return Case(view.pin.name, title, folder, what.script, tuple(what.files), what.timeout, what.gpu)

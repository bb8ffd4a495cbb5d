"""The check that an image's Python packages fit together, which runs on the build platform."""

from __future__ import annotations

import re

from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Installer
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import Arg, Command, From, Run
from edgebake.graph.stages import StageFactory, same
from edgebake.graph.steps import RUN_FOLDER
from edgebake.graph.view import RecipeView

CHECKED = "/checked"
"""The empty folder that the check leaves."""

_INSTALLS = re.compile(r"\b(?:pip3?|uv)\b[^\n]*\b(?:install|sync|add)\b|\beasy_install\b|\bsetup\.py\b")
_PACKAGES = ("/opt/venv", "site-packages", "dist-packages")


def package_check(stages: StageFactory, installer: Installer, plan: ImagePlan, line: Node) -> Node | None:
    """Return the stage that checks an image's Python packages; None where `edgebake lock` has done it.

    That is where the locked wheels are all that there is: nothing is installed by pip itself, by a script or by a
    template, and no build stage leaves packages.

    Args:
        stages: adds the stage.
        installer: gives Python and pip on the build platform.
        plan: the image.
        line: the end of its install chain.
    """
    if not any(_needs_check(plan, platform) for platform in plan.platforms):
        return None
    helper = stages.steps.helper("check-packages.py")
    run = Run(
        (Command(("python3", helper.target)), Command(("mkdir", CHECKED))),
        (helper, From(line.ref, f"{RUN_FOLDER}/image")),
        (("PYTHON_VERSION", str(plan.target.python)),),
    )
    body = Stage(installer.fetch_tools(plan.platforms).ref, Operations([Arg(("TARGETARCH",)), run]))
    title = f"{plan.name}: its Python packages"
    return stages.add("check", plan.name, title, same(plan.platforms, body), native=True)


def _needs_check(plan: ImagePlan, platform: str) -> bool:
    env, views = plan.python[platform], plan.views_on(platform)
    if not env.locked:
        return True
    return bool(env.requirements) and any(map(_brings_packages, views))


def _brings_packages(view: RecipeView) -> bool:
    """Tell whether a recipe can bring Python packages that are not in the lock."""
    install = view.recipe.install
    scripts = [name for name in (install.script, install.dockerfile) if name]
    by_hand = any(_INSTALLS.search(view.pin.loaded.text_of(script)) for script in scripts)
    return by_hand or any(part in dest for _, dest in view.artifacts for part in _PACKAGES)

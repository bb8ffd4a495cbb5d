"""From resolutions to the build graph: build and install stages, and lines merged into a trie."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from edgebake.errors import EdgebakeError
from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.build_half import BuildHalves, tools_of
from edgebake.graph.context import BuildContext, constraints
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.image_stage import TestSteps, image_stage, image_user, test_stage
from edgebake.graph.inputs import Input
from edgebake.graph.install import Installer, Pip, PipProgram
from edgebake.graph.layers import MAX_LAYERS, LineRecipe, gather_copies, layer_count, refuse_too_many_layers
from edgebake.graph.node import Node, Stage
from edgebake.graph.order import install_order
from edgebake.graph.package_check import package_check
from edgebake.graph.python_env import PythonEnv
from edgebake.graph.stages import StageFactory, title_of
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.graph.wheels import Wheels
from edgebake.model.recipe import Build
from edgebake.model.requirement import Requirement
from edgebake.resolve.python_choice import PYTHON, RUNTIME
from edgebake.resolve.resolution import Pin, Resolution, Root, resolve


class TargetLowering:
    """Adds the stages of one target's images to the graph.

    Equal stages are added once: so the lines of images that begin alike become a trie, and a recipe is built once
    for all of them.

    Args:
        graph: what the stages are added to.
        recipes: the target's recipes.
        context: where in the build context things lie, and what steps carry.
        tests: makes the recipes' tests, for all targets.
    """

    def __init__(
        self,
        graph: BuildGraph,
        recipes: TargetRecipes,
        context: BuildContext,
        tests: TestSteps,
    ) -> None:
        self.recipes = recipes
        self._stages = StageFactory(graph, recipes.target, context)
        self._installer = Installer(self._stages, recipes)
        self._wheels = Wheels(self._stages, self._installer, self._python_line)
        self._build_halves = BuildHalves(self._stages, self._installer, self._target_tools)
        self._target_tool_lines: dict[tuple[str, ...], Node] = {}
        self._tests = tests

    def image(self, plan: ImagePlan) -> tuple[Node, Node | None]:
        """Add an image's stages. Return the one that is shipped, and the one of its tests if it has any."""
        end = self._line(plan, self._stages.base(plan.platforms, user=image_user(plan) != "root"))
        image = image_stage(self._stages, plan, end, package_check(self._stages, self._installer, plan, end))
        return image, test_stage(self._stages, plan, image, self._tests)

    def _line(self, plan: ImagePlan, start: Node) -> Node:
        """Add an image's recipes one after the other, and return the last one's stage."""
        recipes = [self._recipe(plan, name) for name in plan.line]
        shared = self._constraints(plan)
        bodies = [self._bodies(plan, recipe, shared) for recipe in recipes]
        if layer_count(bodies) > MAX_LAYERS:
            recipes = gather_copies(self._stages, plan, recipes)
            bodies = [self._bodies(plan, recipe, shared) for recipe in recipes]
            refuse_too_many_layers(plan, layer_count(bodies))
        node = start
        for recipe, own in zip(recipes, bodies, strict=True):
            continuing = {platform: replace(body, base=node.ref) for platform, body in own.items()}
            node = self._stages.add("install", recipe.name, title_of(recipe.pins), continuing, pins=recipe.pins)
        return node

    def _recipe(self, plan: ImagePlan, name: str) -> LineRecipe:
        """Return a recipe of the line, with the stages of its build half and its wheels added."""
        pins = {p: pin for p in plan.platforms if (pin := plan.installed(p, name)) is not None}
        built = any(pin.recipe.build for pin in pins.values())
        artifact = self._build_halves.artifact(plan, name) if built else None
        return LineRecipe(name, pins, artifact, self._wheels.artifact(plan, name))

    def _constraints(self, plan: ImagePlan) -> dict[str, Input | None]:
        """Return, by platform, the file that holds an unlocked image's requirements; None where it has none."""
        return {
            platform: constraints(env.constraints) if env.constraints else None
            for platform, env in plan.python.items()
        }

    def _bodies(
        self, plan: ImagePlan, recipe: LineRecipe, constrained: Mapping[str, Input | None]
    ) -> dict[str, Stage]:
        """Return a recipe's install stage. Where it is not on a platform, the stage is empty."""
        bodies = {}
        for platform in plan.platforms:
            if platform not in recipe.pins:
                bodies[platform] = Stage(empty=True)
                continue
            view = plan.views[platform, recipe.name]
            unlocked = not plan.python[platform].locked and view.pip
            pip = Pip(tuple(view.pip), constrained[platform], self._pip_program(plan)) if unlocked else Pip()
            bodies[platform] = self._installer.body(view, plan.platforms, copied=recipe.copied(platform), pip=pip)
        return bodies

    def _target_tools(self, plan: ImagePlan, pin: Pin, build: Build) -> Node:
        """Return the end of the line that has a build half's tools on the target platform."""
        return self._tool_line(plan, tools_of(pin, build), f"the build half of {pin.name!r}")

    def _python_line(self, plan: ImagePlan) -> Node:
        """Return the end of the line that has nothing but the image's Python."""
        return self._tool_line(plan, [Root(Requirement(PYTHON))], "Python's bytecode")

    def _tool_line(self, plan: ImagePlan, roots: list[Root], what: str) -> Node:
        python = plan.other_python
        same = [f"{python.name}=={python.version}"] if python else []
        key = (*sorted(str(root.requirement) for root in roots), *same, *plan.platforms)
        if key not in self._target_tool_lines:
            self._target_tool_lines[key] = self._new_tool_line(plan, roots, what)
        return self._target_tool_lines[key]

    def _new_tool_line(self, plan: ImagePlan, roots: list[Root], what: str) -> Node:
        start = self._stages.base(plan.platforms, user=True)
        if not roots:
            return start
        resolutions = {p: self._tools_on(plan, p, roots, what) for p in plan.platforms}
        line, views = tuple(install_order(resolutions)), self.recipes.views(resolutions)
        # Tools are not part of an image, and so of no lock: pip installs what they say.
        python = dict.fromkeys(plan.platforms, PythonEnv({}, (), "tools are not locked"))
        tools = ImagePlan(what, plan.image, plan.target, resolutions, python, line, views)
        return self._line(tools, start)

    def _tools_on(self, plan: ImagePlan, platform: str, roots: list[Root], what: str) -> Resolution:
        """Resolve tools on a platform, with the image's own Python where they need one."""
        pool, python = self.recipes.pool(platform), plan.other_python
        found = resolve(pool, roots, what=what)
        if python is None or PYTHON not in found.installed or python.name in found.installed:
            return found
        exact = Root(Requirement(python.name, (), f"=={python.version}"))
        return resolve(pool, [*roots, exact], what=what)

    # ── pip

    def _pip_program(self, plan: ImagePlan) -> PipProgram:
        """Return the pip that runs in an image: it fits one Python only."""
        python = plan.other_python
        if python is None:
            return self._installer.pip(plan.platforms)
        if python.recipe.build is None:
            raise EdgebakeError(
                f"the recipe {python.name!r} provides {RUNTIME}, and has no build half that leaves pip in $OUT/pip",
                at=python.loaded.document.at(("provides",)),
            )
        return PipProgram(self._build_halves.artifact(plan, python.name).ref, "/pip/pip")

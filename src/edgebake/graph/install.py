"""Install stages: a recipe's light half, in an image's line or, for tools, on the build platform."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from edgebake.errors import EdgebakeError
from edgebake.graph.context import Reads
from edgebake.graph.node import Body, Input, Node, reference
from edgebake.graph.order import install_order
from edgebake.graph.stages import StageFactory, same, script_path, told_parts
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.graph.view import RecipeView
from edgebake.model.requirement import Requirement
from edgebake.resolve.resolution import Root, resolve

# In a body that images share: each of them has a constraints file of its own, and nothing else differs.
_CONSTRAINTS = Input("\ue000constraints\ue001")

FETCH_TOOLS = (Root(Requirement("python")), Root(Requirement("pip-fetch")))
"""What fetching wheels on the build platform needs."""

PIP_FILES = "pip-files"
"""Label of the stage with pip's files."""


@dataclass(frozen=True)
class Pip:
    """Requirements that a stage installs with pip itself, because they are not locked.

    `constraints` is the file that keeps recipes from swapping each other's packages; `program` is the stage and the
    path in it of the pip that does it, if that is not the distribution's.
    """

    requirements: tuple[str, ...] = ()
    constraints: Input | None = None
    program: tuple[str, str] | None = None


@dataclass(frozen=True)
class Copied:
    """What an install stage copies into the image.

    Attributes:
        artifact: the stage with what the build half left.
        wheels: the stage with the recipe's Python packages.
        gathered: a stage that has everything that this recipe and its followers copy, in one layer.
        elsewhere: an earlier stage of the line has copied this recipe's files already.
    """

    artifact: Node | None = None
    wheels: Node | None = None
    gathered: Node | None = None
    elsewhere: bool = False


class Installer:
    """Makes the bodies of install stages, and the lines of tools.

    Args:
        stages: adds stages to the graph.
        recipes: the target's recipes, of which tools are made.
    """

    def __init__(self, stages: StageFactory, recipes: TargetRecipes) -> None:
        self._stages = stages
        self._recipes = recipes
        self._tool_lines: dict[tuple[str, ...], Node] = {}
        self._bodies: dict[object, Body] = {}
        self._pip_files: dict[tuple[str, ...], Node] = {}

    def body(
        self,
        view: RecipeView,
        platforms: Sequence[str],
        *,
        native: bool = False,
        copied: Copied = Copied(),
        pip: Pip = Pip(),
    ) -> Body:
        """Return an install stage's body, without the stage that it continues.

        Args:
            view: the recipe's values.
            platforms: those of the stage.
            native: it is a tool's, on the build platform.
            copied: what is copied into the image.
            pip: what pip installs in the stage itself.
        """
        shared = replace(pip, constraints=_CONSTRAINTS) if pip.constraints else pip
        key = (view, tuple(platforms), native, copied, shared)
        if key not in self._bodies:
            self._bodies[key] = self._body(view, platforms, native, copied, shared)
        body = self._bodies[key]
        return _constrained(body, pip.constraints) if pip.constraints else body

    def _body(
        self,
        view: RecipeView,
        platforms: Sequence[str],
        native: bool,
        copied: Copied,
        pip: Pip,
    ) -> Body:
        stages, install = self._stages, view.recipe.install
        reads = stages.context.reads()
        arch = "BUILDARCH" if native else "TARGETARCH"
        values = {
            "apt": view.apt,
            "arch": arch,
            "os": stages.os,
            "refresh": stages.refresh,
            "build_args": _build_args(view, arch),
            "gathered": reference(copied.gathered.id) if copied.gathered else "",
            "copies": None if copied.elsewhere or copied.gathered else copies_of(view, copied, reads),
            "path": view.path,
            "env": view.env,
            "pip": pip.requirements,
            "pip_index": view.pip_index if pip.requirements else [],
            "pip_program": (pip.program or self.pip(platforms)) if pip.requirements else None,
            "pip_stage": reference(self.pip_files(platforms).id) if pip.requirements else "",
            "wheelhouse": reference(stages.wheelhouse(platforms).id) if pip.requirements else "",
            "constraints": reads.take(pip.constraints) if pip.constraints else "",
            "script": script_path(reads, view, install.script, ("install", "script")),
            "variables": view.script_variables(install.script) if install.script else {},
        }
        text = stages.text("install", view, install.dockerfile, ("install", "dockerfile"), values, reads)
        return Body("", text, reads.inputs, told_parts(view, values))

    # ── tools

    def fetch_tools(self, platforms: Sequence[str]) -> Node:
        """Return the stage that fetches wheels, with pip."""
        return self.tools(FETCH_TOOLS, platforms, what="fetching wheels")

    def pip(self, platforms: Sequence[str]) -> tuple[str, str]:
        """Return the stage and the path in it of the distribution's pip, which is for its Python only."""
        return reference(self.pip_files(platforms).id), "/usr/lib/python3/dist-packages/pip"

    def pip_files(self, platforms: Sequence[str]) -> Node:
        """Return the stage with pip and certificates at the places where the tools have them, and nothing else.

        Files that fit every platform, so that it can be published, as the tools themselves cannot.
        """
        key = tuple(platforms)
        if key not in self._pip_files:
            stages, tools = self._stages, reference(self.fetch_tools(platforms).id)
            bodies = same(platforms, Body("", stages.templates.render("stages/pip.Dockerfile.j2", stage=tools)))
            self._pip_files[key] = stages.add("artifact", PIP_FILES, "pip: its files", bodies, native=True)
        return self._pip_files[key]

    def tools(self, tools: Sequence[Root], platforms: Sequence[str], *, what: str) -> Node:
        """Return the end of the line that has `tools` on the build platform.

        Raises:
            EdgebakeError: they conflict (told as `what`'s), or one of them cannot be had there.
        """
        key = (*sorted(str(tool.requirement) for tool in tools), *platforms)
        if key not in self._tool_lines:
            self._tool_lines[key] = self._tool_line(tools, platforms, what)
        return self._tool_lines[key]

    def _tool_line(self, tools: Sequence[Root], platforms: Sequence[str], what: str) -> Node:
        resolution = resolve(self._recipes.pool(None), tools, what=what)
        parent = self._stages.native(platforms)
        for name in install_order({"": resolution}):
            pin = resolution.pins[name]
            if pin.recipe.build is not None:
                raise EdgebakeError(
                    f"{what}: {name!r} compiles itself, and cannot be a tool on the build platform",
                    at=pin.loaded.document.at(("build",)),
                    hints=("let the build half that needs it say runs_on: target-platform",),
                )
            view = self._recipes.view(pin, None)
            body = self.body(view, platforms, native=True, pip=Pip(tuple(view.pip)))
            bodies = same(platforms, continued(body, parent))
            pins = dict.fromkeys(platforms, pin)
            parent = self._stages.add("tool", name, pin.title, bodies, native=True, pins=pins)
        return parent


def copies_of(view: RecipeView, copied: Copied, reads: Reads) -> dict[str, object]:
    """Return what a recipe copies into the image, as templates take it."""
    return {
        "wheels": reference(copied.wheels.id) if copied.wheels else "",
        "artifact": reference(copied.artifact.id) if copied.artifact else "",
        "artifacts": view.artifacts if copied.artifact else [],
        "files": [
            (reads.file(view.pin.loaded, source, view.position_getter(("install", "files", source))), dest)
            for source, dest in view.files
        ],
    }


def _build_args(view: RecipeView, arch: str) -> list[str]:
    """Return the build arguments that an install stage uses: one that it does not use would only split it."""
    script = view.recipe.install.script
    named = view.named_in(script, ("BUILDARCH", "TARGETARCH")) if script else frozenset()
    return sorted(named | ({arch} if view.apt else set()))


def _constrained(body: Body, constraints: Input) -> Body:
    """Return a body that images share as one image's."""
    text = body.text.replace(_CONSTRAINTS.path, constraints.path)
    inputs = tuple(constraints if one is _CONSTRAINTS else one for one in body.inputs)
    return Body(body.parent, text, inputs, body.parts, body.empty)


def continued(body: Body, parent: Node) -> Body:
    """Return `body` as a stage that continues `parent`."""
    return Body(parent.id, body.text, body.inputs, body.parts, body.empty)

"""Install stages: a recipe's light half, in an image's line or, for tools, on the build platform."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.graph.context import BuildContext
from edgebake.graph.inputs import Input
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import Arg, Bind, Command, Env, From, Mount, Op, Run, SearchPath, StageRef
from edgebake.graph.order import install_order
from edgebake.graph.stages import Sections, StageFactory, parts_of, same, script_of
from edgebake.graph.steps import PIP_CACHE, RUN_FOLDER, copy, quiet_apt
from edgebake.graph.target_recipes import TargetRecipes
from edgebake.graph.view import RecipeView
from edgebake.model.requirement import Requirement
from edgebake.resolve.resolution import Root, resolve

FETCH_TOOLS = (Root(Requirement("python")), Root(Requirement("pip-fetch")))
"""What fetching wheels on the build platform needs."""

PIP_FILES = "pip-files"
"""Label of the stage with pip's files."""

_PIP = "/usr/lib/python3/dist-packages/pip"
_CERTIFICATES = "/etc/ssl/certs/ca-certificates.crt"
_LENT_CERTIFICATES = f"{RUN_FOLDER}/ca-certificates.crt"
_CONSTRAINTS = f"{RUN_FOLDER}/constraints.txt"
WHEELHOUSE_FOLDER = f"{RUN_FOLDER}/wheelhouse"
"""Where pip finds the project's own wheels."""


@dataclass(frozen=True)
class PipProgram:
    """Where the pip is that runs in an image: it fits one Python only."""

    stage: StageRef
    path: str

    @property
    def mount(self) -> From:
        """The mount that puts it into /run/eb/pip, which PYTHONPATH then names."""
        return From(self.stage, f"{RUN_FOLDER}/pip/pip", self.path)


@dataclass(frozen=True)
class Pip:
    """Requirements that a stage installs with pip itself, because they are not locked.

    `constraints` is the file that keeps recipes from swapping each other's packages; `program` is the pip that does
    it, if that is not the distribution's.
    """

    requirements: tuple[str, ...] = ()
    constraints: Input | None = None
    program: PipProgram | None = None


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
        self._bodies: dict[object, Stage] = {}
        self._known_sections: dict[object, Sections] = {}
        self._pip_files: dict[tuple[str, ...], Node] = {}

    def body(
        self,
        view: RecipeView,
        platforms: Sequence[str],
        *,
        native: bool = False,
        copied: Copied = Copied(),
        pip: Pip = Pip(),
    ) -> Stage:
        """Return an install stage's body, without the stage that it continues.

        Args:
            view: the recipe's values.
            platforms: those of the stage.
            native: it is a tool's, on the build platform.
            copied: what is copied into the image.
            pip: what pip installs in the stage itself.
        """
        key = (view, tuple(platforms), native, copied, pip)
        if key not in self._bodies:
            self._bodies[key] = self._body(view, platforms, "BUILDARCH" if native else "TARGETARCH", copied, pip)
        return self._bodies[key]

    def _body(self, view: RecipeView, platforms: Sequence[str], arch: str, copied: Copied, pip: Pip) -> Stage:
        install = view.recipe.install
        sections = {**self._sections(view, arch, copied), "pip": self._pip(view, platforms, pip)}
        named = {"artifact": copied.artifact, "wheels": copied.wheels}
        ops = self._stages.operations(view, install.dockerfile, ("install", "dockerfile"), sections, named)
        parts = parts_of(
            view,
            apt=view.apt,
            pip=pip.requirements,
            pip_index=pip.requirements and view.pip_index,
            env=view.env,
            path=view.path,
            copies=not copied.elsewhere and [*(view.artifacts if copied.artifact else ()), *view.files],
            variables=install.script and view.script_variables(install.script),
        )
        return Stage(ops=ops, parts=parts)

    def _sections(self, view: RecipeView, arch: str, copied: Copied) -> Sections:
        """Return the steps of a recipe by name, in order; what pip does has its place among them."""
        key = (view, arch, copied)
        if key not in self._known_sections:
            self._known_sections[key] = {
                "apt": (*_arguments(view, arch), *self._stages.steps.apt(view.apt, arch)),
                "copies": self._copies(view, copied),
                "env": tuple(_environment(view)),
                "pip": (),
                "script": self._script(view),
            }
        return self._known_sections[key]

    def _copies(self, view: RecipeView, copied: Copied) -> tuple[Op, ...]:
        if copied.gathered:
            return (copy("/", "/", copied.gathered.ref),)
        return () if copied.elsewhere else tuple(copies_of(self._stages.context, view, copied))

    def _pip(self, view: RecipeView, platforms: Sequence[str], pip: Pip) -> tuple[Op, ...]:
        """Return what installs a recipe's Python packages, those of its indexes first."""
        if not pip.requirements:
            return ()
        install = ("python3", "-m", "pip", "--disable-pip-version-check", "install")
        program = pip.program or self.pip(platforms)
        certificates = From(self.pip_files(platforms).ref, _LENT_CERTIFICATES, _CERTIFICATES)
        mounts: list[Mount] = [program.mount, certificates]
        env = [("PYTHONPATH", f"{RUN_FOLDER}/pip"), ("PIP_CERT", _LENT_CERTIFICATES)]
        wheelhouse = self._stages.wheelhouse(platforms)
        if wheelhouse:
            mounts.append(From(wheelhouse, WHEELHOUSE_FOLDER))
            env.append(("PIP_FIND_LINKS", WHEELHOUSE_FOLDER))
        if logins := self._stages.steps.logins():
            mounts.extend(logins)
            env.append(("NETRC", f"/run/secrets/{logins[0].id}"))
        constrained = ("--constraint", _CONSTRAINTS) if pip.constraints else ()
        if pip.constraints:
            mounts.append(Bind(pip.constraints, _CONSTRAINTS))
        commands = [Command((*install, *constrained), pip.requirements)]
        if view.pip_index:
            first, *others = view.pip_index
            more = (word for index in others for word in ("--extra-index-url", index))
            commands.insert(0, Command((*install, "--no-deps", "--index-url", first, *more), pip.requirements))
        return (self._stages.steps.online(Run(tuple(commands), (*mounts, PIP_CACHE), tuple(env))),)

    def _script(self, view: RecipeView) -> tuple[Op, ...]:
        script = view.recipe.install.script
        if not script:
            return ()
        source = script_of(self._stages.context, view, script, ("install", "script"))
        variables = {**view.script_variables(script), **quiet_apt(view, script)}
        target = f"{RUN_FOLDER}/install.sh"
        command = Command(("bash", "-euo", "pipefail", target))
        return (self._stages.steps.online(Run((command,), (Bind(source, target),), tuple(variables.items()))),)

    # ── tools

    def fetch_tools(self, platforms: Sequence[str]) -> Node:
        """Return the stage that fetches wheels, with pip."""
        return self.tools(FETCH_TOOLS, platforms, what="fetching wheels")

    def pip(self, platforms: Sequence[str]) -> PipProgram:
        """Return the distribution's pip, which is for its Python only."""
        return PipProgram(self.pip_files(platforms).ref, _PIP)

    def pip_files(self, platforms: Sequence[str]) -> Node:
        """Return the stage with pip and certificates at the places where the tools have them, and nothing else.

        Files that fit every platform, so that it can be published, as the tools themselves cannot.
        """
        key = tuple(platforms)
        if key not in self._pip_files:
            tools = self.fetch_tools(platforms).ref
            ops = Operations(copy(path, path, tools) for path in (_PIP, _CERTIFICATES))
            bodies = same(platforms, Stage(ops=ops))
            self._pip_files[key] = self._stages.add("artifact", PIP_FILES, "pip: its files", bodies, native=True)
        return self._pip_files[key]

    def tools(self, tools: Sequence[Root], platforms: Sequence[str], *, what: str) -> Node:
        """Return the end of the line that has `tools` on the build platform.

        Raises:
            EdgebakeError: they conflict (reported as `what`'s), or one of them cannot be had there.
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
            bodies = same(platforms, replace(body, base=parent.ref))
            pins = dict.fromkeys(platforms, pin)
            parent = self._stages.add("tool", name, pin.title, bodies, native=True, pins=pins)
        return parent


def copies_of(context: BuildContext, view: RecipeView, copied: Copied) -> Iterator[Op]:
    """Yield what a recipe copies into the image: Python packages, what was built, and files of its own."""
    if copied.wheels:
        yield copy("/", "/", copied.wheels.ref)
    if copied.artifact:
        yield from (copy(source, dest, copied.artifact.ref) for source, dest in view.artifacts)
    for source, dest in view.files:
        yield copy(context.file(view.pin.loaded, source, view.position_getter(("install", "files", source))), dest)


def _arguments(view: RecipeView, arch: str) -> tuple[Op, ...]:
    """Return the build arguments that an install stage uses: one that it does not use would only split it."""
    script = view.recipe.install.script
    named = view.named_in(script, ("BUILDARCH", "TARGETARCH")) if script else frozenset()
    names = sorted(named | ({arch} if view.apt else set()))
    return (Arg(tuple(names)),) if names else ()


def _environment(view: RecipeView) -> Iterator[Op]:
    if view.path:
        yield SearchPath(tuple(view.path))
    if view.env:
        yield Env(tuple(view.env.items()))

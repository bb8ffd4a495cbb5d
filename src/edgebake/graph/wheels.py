"""Wheels of a locked recipe: fetched on the build platform, for whatever platform the target has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgebake.graph.context import requirements
from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.inputs import OwnRequirements
from edgebake.graph.install import WHEELHOUSE_FOLDER, Installer
from edgebake.graph.names import arch
from edgebake.graph.node import Node, Stage
from edgebake.graph.operations import Operations
from edgebake.graph.ops import Arg, Command, Copy, From, Run
from edgebake.graph.stages import StageFactory, title_of
from edgebake.graph.steps import PIP_CACHE, RUN_FOLDER, copy


class Wheels:
    """Makes the fetch and artifact stages of recipes' Python packages.

    Args:
        stages: adds stages to the graph.
        installer: gives the tools that fetch.
        python_line: gives the stage with an image's own Python, on the target platform.
    """

    def __init__(
        self, stages: StageFactory, installer: Installer, python_line: Callable[[ImagePlan], Node]
    ) -> None:
        self._stages = stages
        self._installer = installer
        self._python_line = python_line
        self._artifacts: dict[tuple[object, ...], Node] = {}
        self._fetches: dict[tuple[str, ...], Operations] = {}

    def artifact(self, plan: ImagePlan, name: str) -> Node | None:
        """Return the artifact stage with a recipe's Python packages; None if it owns none.

        Its body is empty on platforms where the recipe owns none.
        """
        lines = {p: env.requirements[name] for p, env in plan.python.items() if name in env.requirements}
        if not lines:
            return None
        python = plan.other_python
        key = (name, plan.platforms, python.title if python else "", *lines.items())
        if key not in self._artifacts:
            self._artifacts[key] = self._artifact(plan, name, lines)
        return self._artifacts[key]

    def _artifact(self, plan: ImagePlan, name: str, lines: Mapping[str, tuple[str, ...]]) -> Node:
        stages, tools = self._stages, self._installer.fetch_tools(plan.platforms)
        pins = {platform: plan.resolutions[platform].pins[name] for platform in lines}
        title = f"{title_of(pins)}: wheels"
        ops = self._fetch(plan.platforms)
        fetched = {
            platform: Stage(
                tools.ref,
                ops,
                own=(requirements(lines[platform], arch(platform)),),
                parts=(("pip", "\n".join(lines[platform])),),
            )
            if platform in lines
            else Stage(tools.ref, empty=True)
            for platform in plan.platforms
        }
        fetch = stages.add("fetch", name, title, fetched, native=True, pins=pins)
        if plan.other_python:
            fetch = self._with_bytecode(plan, name, fetch)
        out = Operations([copy("/out", "/", fetch.ref)])
        bodies = {p: Stage(ops=out) if p in lines else Stage(empty=True) for p in plan.platforms}
        return stages.add("artifact", f"{name}-wheels", title, bodies, native=True, pins=pins)

    def _fetch(self, platforms: tuple[str, ...]) -> Operations:
        """Return what fetches the wheels of the stage's requirements."""
        if platforms not in self._fetches:
            self._fetches[platforms] = self._new_fetch(platforms)
        return self._fetches[platforms]

    def _new_fetch(self, platforms: tuple[str, ...]) -> Operations:
        target, steps = self._stages.target, self._stages.steps
        helper, wheelhouse = steps.helper("fetch-wheels.sh"), self._stages.wheelhouse(platforms)
        own = (From(wheelhouse, WHEELHOUSE_FOLDER),) if wheelhouse else ()
        env = {"PYTHON_VERSION": str(target.python), "GLIBC": str(target.glibc)}
        if target.python_origin == "recipe":  # pip itself runs with the distribution's
            env = {"PIP_PYTHON_VERSION": str(target.python), **env}
        mounts = (helper, *own, *steps.logins(), PIP_CACHE)
        run = Run((Command(("bash", helper.target)),), mounts, tuple(env.items()))
        return Operations(
            [
                Arg(("BUILDARCH", "TARGETARCH")),
                Copy((OwnRequirements(),), f"{RUN_FOLDER}/requirements.txt", link=False),
                steps.online(run),
            ]
        )

    def _with_bytecode(self, plan: ImagePlan, name: str, fetch: Node) -> Node:
        """Return the stage with the packages and the bytecode of another Python than fetched them.

        Each Python has a bytecode of its own, and the build platform has the distribution's.
        """
        stages, line = self._stages, self._python_line(plan)
        site = f"/opt/venv/lib/python{stages.target.python}/site-packages"
        commands = (
            "find /out -name __pycache__ -prune -exec rm -rf {} +",
            f"{{ python3 -m compileall -q -j 0 --invalidation-mode unchecked-hash -d {site} /out{site} || true; }}",
        )
        comment = "The build platform's Python has made bytecode that this one does not take."
        ops = Operations([copy("/out", "/out", fetch.ref), Run(commands, comment=comment)])
        bodies = {
            platform: Stage(line.ref, empty=True) if body.empty else Stage(line.ref, ops)
            for platform, body in fetch.bodies.items()
        }
        return stages.add("fetch", f"{name}-bytecode", fetch.title, bodies, pins=fetch.pins)

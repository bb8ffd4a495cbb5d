"""Wheels of a locked recipe: fetched on the build platform, for whatever platform the target has."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Installer
from edgebake.graph.names import arch
from edgebake.graph.node import SELF, Body, Node, reference
from edgebake.graph.stages import StageFactory, title_of


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

    def artifact(self, plan: ImagePlan, name: str) -> Node | None:
        """Return the artifact stage with a recipe's Python packages; None if it owns none.

        Its body is empty on platforms where the recipe owns none.
        """
        lines = {p: env.requirements[name] for p, env in plan.python.items() if name in env.requirements}
        if not lines:
            return None
        python = plan.other_python()
        key = (name, plan.platforms, python.title if python else "", *lines.items())
        if key not in self._artifacts:
            self._artifacts[key] = self._artifact(plan, name, lines)
        return self._artifacts[key]

    def _artifact(self, plan: ImagePlan, name: str, lines: Mapping[str, tuple[str, ...]]) -> Node:
        stages, tools = self._stages, self._installer.fetch_tools(plan.platforms)
        pins = {platform: plan.resolutions[platform].pins[name] for platform in lines}
        title = f"{title_of(pins)}: wheels"
        fetched = {
            platform: self._fetch_body(tools, platform, lines[platform], plan)
            if platform in lines
            else Body(tools.id, "", empty=True)
            for platform in plan.platforms
        }
        fetch = stages.add("fetch", name, title, fetched, native=True, pins=pins)
        if plan.other_python():
            fetch = self._with_bytecode(plan, name, fetch)
        text = stages.templates.render("stages/artifact.Dockerfile.j2", stage=reference(fetch.id), path="/out")
        bodies = {p: Body("", text) if p in lines else Body("", "", empty=True) for p in plan.platforms}
        return stages.add("artifact", f"{name}-wheels", title, bodies, native=True, pins=pins)

    def _with_bytecode(self, plan: ImagePlan, name: str, fetch: Node) -> Node:
        """Return the stage with the packages and the bytecode of another Python than fetched them.

        Each Python has a bytecode of its own, and the build platform has the distribution's.
        """
        stages, line = self._stages, self._python_line(plan)
        site = f"/opt/venv/lib/python{stages.target.python}/site-packages"
        text = stages.templates.render("stages/bytecode.Dockerfile.j2", fetched=reference(fetch.id), site=site)
        bodies = {
            platform: Body(line.id, "", empty=True) if body.empty else Body(line.id, text)
            for platform, body in fetch.bodies.items()
        }
        return stages.add("fetch", f"{name}-bytecode", fetch.title, bodies, pins=fetch.pins)

    def _fetch_body(self, tools: Node, platform: str, lines: tuple[str, ...], plan: ImagePlan) -> Body:
        stages = self._stages
        reads = stages.context.reads()
        content = "\n".join(lines) + "\n"
        stem = f"{stages.target.name}/requirements/{SELF}"
        reads.take(stages.context.generated(f"{stem}.{arch(platform)}.txt", content))
        text = stages.templates.render(
            "stages/fetch.Dockerfile.j2",
            requirements=f"{stages.context.output}/{stem}",
            wheelhouse=reference(stages.wheelhouse(plan.platforms).id),
            python=stages.target.python,
            another_python=stages.target.python_origin == "recipe",
            glibc=stages.target.glibc,
            helper=stages.helper(reads),
        )
        return Body(tools.id, text, reads.inputs, (("pip", content),))

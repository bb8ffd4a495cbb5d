"""Wheels of a locked recipe: fetched on the build platform, for whatever platform the target has."""

from __future__ import annotations

from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.install import Installer
from edgebake.graph.names import arch
from edgebake.graph.node import SELF, Body, Node, reference
from edgebake.graph.stages import StageFactory, title_of


def wheels_artifact(stages: StageFactory, installer: Installer, plan: ImagePlan, name: str) -> Node | None:
    """Return the artifact stage with a recipe's Python packages; None if it owns none.

    Its body is empty on platforms where the recipe owns none.
    """
    lines = {p: env.requirements[name] for p, env in plan.python.items() if name in env.requirements}
    if not lines:
        return None
    pins = {platform: plan.resolutions[platform].pins[name] for platform in lines}
    title = f"{title_of(pins)}: wheels"
    tools = installer.fetch_tools(plan.platforms)
    fetched = {
        platform: _fetch_body(stages, tools, platform, lines[platform], plan)
        if platform in lines
        else Body(tools.id, "", empty=True)
        for platform in plan.platforms
    }
    fetch = stages.add("fetch", name, title, fetched, native=True, pins=pins)
    text = stages.templates.render("stages/artifact.Dockerfile.j2", stage=reference(fetch.id), path="/out")
    bodies = {p: Body("", text) if p in lines else Body("", "", empty=True) for p in plan.platforms}
    return stages.add("artifact", f"{name}-wheels", title, bodies, native=True, pins=pins)


def _fetch_body(stages: StageFactory, tools: Node, platform: str, lines: tuple[str, ...], plan: ImagePlan) -> Body:
    reads = stages.context.reads()
    content = "\n".join(lines) + "\n"
    stem = f"{stages.target.name}/requirements/{SELF}"
    reads.generated(f"{stem}.{arch(platform)}.txt", content)
    text = stages.templates.render(
        "stages/fetch.Dockerfile.j2",
        requirements=f"{stages.context.output}/{stem}",
        wheelhouse=reference(stages.wheelhouse(plan.platforms).id),
        python=stages.target.python,
        glibc=stages.target.glibc,
        helper=stages.helper(reads),
    )
    return Body(tools.id, text, reads.inputs, (("pip", content),))

"""One Dockerfile for each target: every node of its graph is a stage."""

from __future__ import annotations

from typing import NamedTuple

from edgebake.graph.compile import Compilation
from edgebake.graph.names import arch, refuse_collisions
from edgebake.graph.node import Body, Node, substitute
from edgebake.templating.stages import StageTemplates


class Stage(NamedTuple):
    """One stage as the template prints it. `source` is what follows FROM."""

    name: str
    source: str
    text: str = ""
    comment: str = ""


def render_dockerfile(compilation: Compilation, target: str, templates: StageTemplates) -> str:
    """Return the text of a target's Dockerfile."""
    nodes = compilation.graph.of_target(target)
    names = compilation.names[target]
    stages = [stage for node in nodes for stage in _stages(node, names)]
    refuse_collisions(((stage.name, f"stage {i}") for i, stage in enumerate(stages)), kind="stage name")
    profile = compilation.targets[target]
    native = profile.base.native
    return (
        templates.render(
            "dockerfile/Dockerfile.j2",
            target=profile,
            images=sum(node.kind == "image" for node in nodes),
            stages=stages,
            base=base_reference(compilation, profile.base.image),
            native_base=base_reference(compilation, native) if native else "",
        )
        + "\n"
    )


def base_reference(compilation: Compilation, image: str) -> str:
    """Return a base image with the digest that the lock pins."""
    lock = compilation.workspace.lock
    digest = lock.digest(image) if lock else None
    return f"{image}@{digest}" if digest and "@" not in image else image


def _stages(node: Node, names: dict[str, str]) -> list[Stage]:
    name = names[node.id]
    comment = _comment(node)
    if node.uniform:
        body = next(iter(node.bodies.values()))
        return [_stage(node, body, name, names, name, comment)]
    stages = [
        _stage(node, body, f"{name}-{arch(platform)}", names, name, f"{comment} ({platform})")
        for platform, body in node.bodies.items()
    ]
    return [*stages, Stage(name, f"{name}-${{TARGETARCH}}")]


def _stage(node: Node, body: Body, name: str, names: dict[str, str], own: str, comment: str) -> Stage:
    return Stage(name, _source(node, body, names), substitute(body.text, names, own), comment)


def _source(node: Node, body: Body, names: dict[str, str]) -> str:
    if body.parent:
        return names[body.parent]
    if node.kind == "base":
        return "${BASE}"
    if node.kind == "native":
        return "--platform=$BUILDPLATFORM ${NATIVE_BASE}"
    return "scratch"


_WORDS = {
    "base": "what every image starts from",
    "native": "downloads and cross-compiles for any target",
    "tool": "on the build platform",
    "fetch": "wheels for the target, fetched on the build platform",
    "build": "built on the target platform",
    "image": "what is shipped",
}


def _comment(node: Node) -> str:
    words = _WORDS.get(node.kind, "")
    if node.kind == "build" and node.native:
        words = "built on the build platform"
    if node.kind == "fetch" and not node.native:
        words = "bytecode of its wheels, made by the image's own Python"
    title = node.title.split(":")[0] if node.kind in ("fetch", "build") else node.title
    return f"{title}: {words}" if words else title

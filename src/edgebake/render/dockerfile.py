"""One Dockerfile for each target: every node of its graph is a stage. The templates only print operations."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import ModuleType
from typing import NamedTuple

from edgebake.graph.compile import Compilation
from edgebake.graph.inputs import Input, OwnRequirements, requirements_path
from edgebake.graph.names import platform_name, refuse_collisions
from edgebake.graph.node import Node, Stage
from edgebake.graph.ops import BASE, NATIVE, Cache, Copy, From, ImageRef, Mount, Op, Run, StageRef
from edgebake.templating.quote import copy_words
from edgebake.templating.templates import Templates
from edgebake.templating.visible import Shown

_TEMPLATE = "dockerfile/Dockerfile.j2"
_SOURCES = {BASE: "${BASE}", NATIVE: "--platform=$BUILDPLATFORM ${NATIVE_BASE}"}


class PrintedStage(NamedTuple):
    """One stage as the template prints it. `source` is what follows FROM."""

    name: str
    source: str
    text: str = ""
    comment: str = ""


def render_dockerfile(compilation: Compilation, target: str, templates: Templates) -> str:
    """Return the text of a target's Dockerfile."""
    nodes = compilation.graph.of_target(target)
    macros = templates.macros(_TEMPLATE)
    printer = Printer(macros, target, compilation.workspace.project.output, compilation.names[target])
    with templates.running(_TEMPLATE):
        stages = [stage for node in nodes for stage in printer.stages(node)]
    refuse_collisions(((stage.name, f"stage {i}") for i, stage in enumerate(stages)), kind="stage name")
    profile = compilation.targets[target]
    native = profile.base.native
    with templates.running(_TEMPLATE):
        text: str = macros.Dockerfile(
            {"name": profile.name, "platforms": profile.platforms},
            images=sum(node.kind == "image" for node in nodes),
            base=base_reference(compilation, profile.base.image),
            native_base=base_reference(compilation, native) if native else "",
            stages=stages,
        )
    return text


def base_reference(compilation: Compilation, image: str) -> str:
    """Return a base image with the digest that the lock pins."""
    lock = compilation.workspace.lock
    digest = lock.digest(image) if lock else None
    return f"{image}@{digest}" if digest and "@" not in image else image


class Printer(Shown):
    """Prints the stages of one target.

    Args:
        macros: print one operation or mount each.
        target: the target's name.
        output: the folder of generated files.
        names: the stages' names, by id.
    """

    shown = frozenset({"commands", "path", "paths", "stage", "text"})

    def __init__(self, macros: ModuleType, target: str, output: str, names: Mapping[str, str]) -> None:
        self._macros = macros
        self._target = target
        self._output = output
        self._names = names
        self._own = ""
        # Stages in other lines have the same operations, which live as long as the graph.
        self._texts: dict[object, str] = {}

    def stages(self, node: Node) -> list[PrintedStage]:
        """Return what a node is in the Dockerfile: one stage, or one for each platform and one that chooses."""
        name, comment = self._names[node.id], _comment(node)
        if node.uniform:
            return [self._stage(name, next(iter(node.bodies.values())), name, comment)]
        stages = [
            self._stage(name, body, platform_name(name, platform), f"{comment} ({platform})")
            for platform, body in node.bodies.items()
        ]
        return [*stages, PrintedStage(name, f"{name}-${{TARGETARCH}}")]

    def _stage(self, own: str, body: Stage, name: str, comment: str) -> PrintedStage:
        text = self._once(None if body.own else id(body.ops), lambda: self.lines(own, body))
        return PrintedStage(name, self._source(body.base), text, comment)

    def lines(self, own: str, body: Stage) -> str:
        """Return what follows FROM in a stage of the node called `own`."""
        self._own = own
        return "\n".join(map(self.text, body.ops)).strip("\n")

    def _once(self, key: object, text: Callable[[], str]) -> str:
        """Return a text that is made once for all stages; each time with the key None."""
        if key is None:
            return text()
        if key not in self._texts:
            self._texts[key] = text()
        return self._texts[key]

    def _source(self, base: StageRef | ImageRef) -> str:
        return self.stage(base) if isinstance(base, StageRef) else _SOURCES.get(base, "scratch")

    # ── what templates ask

    def text(self, part: Op | Mount | StageRef | Input) -> str:
        """Return an operation, a mount or a reference as it reads in the Dockerfile."""
        if isinstance(part, StageRef):
            return self.stage(part)
        if isinstance(part, Input):
            return self.path(part)
        macro = getattr(self._macros, type(part).__name__)
        return self._once(_key(part), lambda: macro(part, self))

    def commands(self, op: Run) -> list[str]:
        """Return the commands of a step, each as the shell takes it."""
        return [one if isinstance(one, str) else self._macros.Command(one, op.timeout) for one in op.commands]

    def stage(self, reference: StageRef) -> str:
        """Return a stage's name."""
        return self._names[reference.id]

    def path(self, source: Input) -> str:
        """Return where a file lies in the build context."""
        return source.path(self._output)

    def paths(self, op: Copy) -> str:
        """Return the words for what is copied, and for where it goes."""
        if op.sources == (OwnRequirements(),):
            return f"{self._output}/{requirements_path(self._target, self._own, '${TARGETARCH}')} {op.dest}"
        sources = [self.path(one) if isinstance(one, Input) else str(one) for one in op.sources]
        return copy_words(sources, op.dest)


def _key(part: Op | Mount) -> object:
    """Return what a part's text is known by; None if it has the stage's own name."""
    if isinstance(part, Cache | From):  # small, and equal to many others
        return part
    return None if isinstance(part, Copy) and part.sources == (OwnRequirements(),) else id(part)


_WORDS = {
    "base": "what every image starts from",
    "native": "downloads and cross-compiles for any target",
    "tool": "on the build platform",
    "fetch": "wheels for the target, fetched on the build platform",
    "build": "built on the target platform",
    "check": "its Python packages, checked on the build platform",
    "image": "what is shipped",
}


def _comment(node: Node) -> str:
    words = _WORDS.get(node.kind, "")
    if node.kind == "build" and node.native:
        words = "built on the build platform"
    if node.kind == "fetch" and not node.native:
        words = "bytecode of its wheels, made by the image's own Python"
    title = node.title.split(":")[0] if node.kind in ("fetch", "build", "check") else node.title
    return f"{title}: {words}" if words else title

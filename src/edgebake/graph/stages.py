"""What all stages of one target are made with, and the stages that everything else starts from."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

from edgebake.errors import EdgebakeError, Position
from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.context import BuildContext
from edgebake.graph.inputs import Input
from edgebake.graph.node import Kind, Node, Stage, node_id
from edgebake.graph.operations import Operations
from edgebake.graph.ops import BASE, NATIVE, SCRATCH, ImageRef, Op, Raw, Run, Shell, StageRef, Workdir
from edgebake.graph.steps import Steps
from edgebake.graph.view import RecipeView
from edgebake.load.document import Location, read_text
from edgebake.model.target import Target
from edgebake.resolve.resolution import Pin
from edgebake.templating.visible import Function, Kept, KeptText

USER = "app"
"""The user that images run as unless they say otherwise."""

_WHEELHOUSE = "wheelhouse"
_SHELL = Shell(("/bin/bash", "-o", "pipefail", "-c"))
_KEEP_DOWNLOADS = "rm -f /etc/apt/apt.conf.d/docker-clean"
_ADD_USER = (
    f"groupadd --gid 10001 {USER}",
    f"useradd --uid 10001 --gid 10001 --create-home --shell /bin/bash {USER}",
)

Sections = Mapping[str, tuple[Op, ...]]
"""The steps of a recipe's half by name, in order."""


class StageFactory:
    """Makes stages of one target and adds them to the graph.

    Args:
        graph: what the stages are added to.
        target: the target.
        context: where in the build context things lie, and what steps carry.
    """

    def __init__(self, graph: BuildGraph, target: Target, context: BuildContext) -> None:
        self.graph = graph
        self.target = target
        self.context = context
        self.steps = Steps(context, target.os)
        self._roots: dict[tuple[str, ...], Node] = {}

    def add(
        self,
        kind: Kind,
        label: str,
        title: str,
        bodies: dict[str, Stage],
        *,
        native: bool = False,
        pins: Mapping[str, Pin] | None = None,
    ) -> Node:
        """Add a stage, or return the equal one that is there."""
        identity = node_id(kind, label, bodies)
        node = Node(identity, kind, self.target.name, label, title, bodies, native, dict(pins or {}))
        return self.graph.add(node)

    # ── the roots

    def base(self, platforms: Sequence[str], *, user: bool) -> Node:
        """Return the stage that images start from, with the user that they run as unless that is root."""
        commands = (_KEEP_DOWNLOADS, *(_ADD_USER if user else ()))
        keep = Run(commands, comment="Downloaded packages stay in the cache mounts, never in a layer.")
        label = "base" if user else "base-root"
        return self._root("base", label, self.target.base.image, platforms, BASE, (_SHELL, keep))

    def native(self, platforms: Sequence[str]) -> Node:
        """Return the stage that all that runs on the build platform starts from."""
        title = f"{self.target.base.native or self.target.base.image} on the build platform"
        return self._root("native", "native", title, platforms, NATIVE, (_SHELL, Run((_KEEP_DOWNLOADS,))))

    def wheelhouse(self, platforms: Sequence[str]) -> StageRef | None:
        """Return the empty stage that the project's `wheelhouse` takes the place of; None if it has none."""
        if not self.context.wheelhouse:
            return None
        title = "the project's own wheels"
        return self._root("artifact", _WHEELHOUSE, title, platforms, SCRATCH, (Workdir("/"),)).ref

    def _root(
        self, kind: Kind, label: str, title: str, platforms: Sequence[str], image: ImageRef, ops: Iterable[Op]
    ) -> Node:
        """Return a stage that needs no other; made once, as each image asks for it."""
        key = (label, *platforms)
        if key not in self._roots:
            bodies = same(platforms, Stage(image, Operations(ops)))
            self._roots[key] = self.add(kind, label, title, bodies, native=kind != "base")
        return self._roots[key]

    # ── the halves of recipes

    def operations(
        self,
        view: RecipeView,
        own: str | None,
        location: Location,
        sections: Sections,
        stages: Mapping[str, Node | None],
    ) -> Operations:
        """Return what a recipe's half does: the steps that follow from its fields, or what its own template says.

        Args:
            view: the recipe's values.
            own: the recipe's own template, if it brings one.
            location: where that is written.
            sections: the steps by name; the template sees them as `steps`.
            stages: those that the half is made with, by name; the template sees them as `stages`.

        Raises:
            EdgebakeError: the recipe's template is missing or wrong.
        """
        if own is None:
            return Operations(chain.from_iterable(sections.values()))
        path = view.pin.loaded.folder / own
        at = view.at(location)
        if not path.is_file():
            raise EdgebakeError(f"the recipe {view.pin.name!r} has no file {own!r}", at=at)
        files = _TemplateFiles(self.context, view, at)
        scope = {
            **view.scope,
            "steps": {name: Kept(ops) for name, ops in sections.items()},
            "stages": {name: Kept(node.ref) for name, node in stages.items() if node is not None},
            "file": Function(files.file),
            "helper": Function(files.helper),
        }
        text = read_text(path, str(path))
        pieces = self.context.templates.pieces(text, scope, Position(str(path)))
        return Operations([Raw(tuple(_flat(pieces)), tuple(dict.fromkeys(files.named)))])


class _TemplateFiles:
    """The files that a recipe's own template asks for."""

    def __init__(self, context: BuildContext, view: RecipeView, at: Position) -> None:
        self._context = context
        self._view = view
        self._at = at
        self.named: list[Input] = []

    def file(self, name: str) -> KeptText:
        """Return the context path of a file of the recipe's."""
        return self._named(self._context.file(self._view.pin.loaded, name, lambda: self._at, mounted=True))

    def helper(self, name: str) -> KeptText:
        """Return the context path of a script of edgebake's own."""
        return self._named(self._context.helper(name))

    def _named(self, found: Input) -> KeptText:
        self.named.append(found)
        return KeptText(found.path(self._context.output), found)


def _flat(pieces: Iterable[Any]) -> Iterator[Any]:
    """Yield text and references as they are, and several steps each on lines of its own."""
    for piece in pieces:
        steps = piece if isinstance(piece, tuple) else (piece,)
        for number, step in enumerate(steps):
            yield from ("\n", step) if number else (step,)


def is_wheelhouse(node: Node) -> bool:
    """Tell whether a stage is the one that the project's own wheels take the place of."""
    return node.kind == "artifact" and node.label == _WHEELHOUSE


def script_of(context: BuildContext, view: RecipeView, script: str, location: Location) -> Input:
    """Return a recipe's script, which is mounted."""
    return context.file(view.pin.loaded, script, view.position_getter(location), mounted=True)


def same(platforms: Sequence[str], body: Stage) -> dict[str, Stage]:
    """Return one body for all platforms."""
    return dict.fromkeys(platforms, body)


def title_of(pins: Mapping[str, Pin]) -> str:
    """Return what a recipe's stage is, for people; all releases, where platforms differ."""
    return " / ".join(dict.fromkeys(pin.title for pin in pins.values()))


def parts_of(view: RecipeView, **fields: object) -> tuple[tuple[str, str], ...]:
    """Return what the recipe gives to a stage, by field, so that a plan can say which field changed.

    The digest covers all operations in any case.
    """
    return (("release", view.pin.title), *((name, repr(value)) for name, value in fields.items() if value))

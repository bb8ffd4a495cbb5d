"""What all stages of one target are made with, and the stages that everything else starts from."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial

from edgebake.errors import EdgebakeError
from edgebake.graph.build_graph import BuildGraph
from edgebake.graph.context import BuildContext, Reads
from edgebake.graph.node import Body, Kind, Node, node_id
from edgebake.graph.view import RecipeView
from edgebake.load.document import Location
from edgebake.model.lock import Lock
from edgebake.model.target import Target
from edgebake.resolve.resolution import Pin
from edgebake.templating.stages import StageTemplates

USER = "app"
"""The user that images run as unless they say otherwise."""

WHEELHOUSE = "wheelhouse"
"""Label of the stage that the user's own wheels take the place of."""

# What a recipe gives to a stage, for telling which of it changed. The digest covers the whole text in any case.
_TOLD = ("apt", "pip", "pip_index", "env", "path", "copies", "sources", "variables", "timeout")


class StageFactory:
    """Makes stages of one target and adds them to the graph.

    Args:
        graph: what the stages are added to.
        target: the target.
        templates: renders them.
        context: where in the build context things lie.
        lock: the project's lock, if it has one.
    """

    def __init__(
        self,
        graph: BuildGraph,
        target: Target,
        templates: StageTemplates,
        context: BuildContext,
        lock: Lock | None,
    ) -> None:
        self.graph = graph
        self.target = target
        self.templates = templates
        self.context = context
        self.lock = lock
        self.os = target.os.replace(":", "-")
        self.refresh = lock.refresh if lock else 0
        self._roots: dict[tuple[str, ...], Node] = {}

    def add(
        self,
        kind: Kind,
        label: str,
        title: str,
        bodies: dict[str, Body],
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
        label = "base" if user else "base-root"
        text = partial(self.templates.render, "stages/base.Dockerfile.j2", user=USER if user else "")
        return self._root("base", label, self.target.base.image, platforms, text)

    def native(self, platforms: Sequence[str]) -> Node:
        """Return the stage that all that runs on the build platform starts from."""
        text = partial(self.templates.render, "stages/native.Dockerfile.j2")
        title = f"{self.target.base.native or self.target.base.image} on the build platform"
        return self._root("native", "native", title, platforms, text)

    def wheelhouse(self, platforms: Sequence[str]) -> Node:
        """Return the empty stage that the `wheelhouse` setting puts a folder in place of."""
        title = "wheels of your own, if there are any"
        return self._root("artifact", WHEELHOUSE, title, platforms, lambda: "WORKDIR /")

    def _root(self, kind: Kind, label: str, title: str, platforms: Sequence[str], text: Callable[[], str]) -> Node:
        """Return a stage that needs no other; made once, as each image asks for it."""
        key = (label, *platforms)
        if key not in self._roots:
            bodies = same(platforms, Body("", text()))
            self._roots[key] = self.add(kind, label, title, bodies, native=kind != "base")
        return self._roots[key]

    # ── texts

    def text(
        self,
        kind: str,
        view: RecipeView,
        own: str | None,
        location: Location,
        values: Mapping[str, object],
        reads: Reads,
    ) -> str:
        """Return the text of a recipe's half: from the shared template, or the one that the recipe brings.

        Args:
            kind: `install` or `build`.
            view: the recipe's values.
            own: the recipe's own template, if it brings one.
            location: where that is written.
            values: what the template sees.
            reads: collects what the template's `file()` and `helper()` name.

        Raises:
            EdgebakeError: the recipe's template is missing or wrong.
        """
        values = {**values, "helper": self.helper(reads)}
        if own is None:
            return self.templates.render(f"stages/{kind}.Dockerfile.j2", **values)
        path = view.pin.loaded.folder / own
        at = view.at(location)
        if not path.is_file():
            raise EdgebakeError(f"the recipe {view.pin.name!r} has no file {own!r}", at=at)

        def file(name: str) -> str:
            return reads.file(view.pin.loaded, name, lambda: at, plain=True)

        text = path.read_text(encoding="utf-8")
        return self.templates.render_own(text, {**view.scope, **values, "file": file}, type(at)(str(path)))

    def helper(self, reads: Reads) -> object:
        """Return the templates' `helper(name)`: the context path of a script of edgebake's own."""
        return lambda name: reads.helper(self.templates.helper(name))


def script_path(reads: Reads, view: RecipeView, script: str | None, location: Location) -> str:
    """Return the context path of a recipe's script; "" if there is none."""
    return reads.file(view.pin.loaded, script, view.position_getter(location), plain=True) if script else ""


def same(platforms: Sequence[str], body: Body) -> dict[str, Body]:
    """Return one body for all platforms."""
    return dict.fromkeys(platforms, body)


def title_of(pins: Mapping[str, Pin]) -> str:
    """Return what a recipe's stage is, for people; all releases, where platforms differ."""
    return " / ".join(dict.fromkeys(pin.title for pin in pins.values()))


def told_parts(view: RecipeView, values: Mapping[str, object]) -> tuple[tuple[str, str], ...]:
    """Return what the recipe gives to a stage, by field, so that a plan can say which field changed."""
    parts = [("release", view.pin.title)]
    parts += [(name, repr(values[name])) for name in _TOLD if values.get(name)]
    return tuple(parts)

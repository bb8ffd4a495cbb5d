"""The nodes of the build graph: stages, and what they are on each platform."""

from __future__ import annotations

import hashlib
from dataclasses import field
from functools import cached_property
from typing import Literal, NamedTuple

from edgebake.dataclasses import dataclass
from edgebake.graph.inputs import Input
from edgebake.graph.operations import Operations
from edgebake.graph.ops import SCRATCH, ImageRef, StageRef
from edgebake.resolve.resolution import Pin

Kind = Literal[
    "base",  # the target's base image
    "native",  # the same on the build platform
    "tool",  # a recipe installed on the build platform
    "fetch",  # wheels for the target, fetched on the build platform
    "source",  # a git repository, fetched on the build platform
    "sysroot",  # files of the target that a build half compiles against
    "build",  # a build half
    "artifact",  # what a fetch or build leaves, on scratch
    "install",  # a recipe in an image's line
    "check",  # an image's Python packages, checked on the build platform
    "image",  # what is shipped
    "test",  # an image's tests
]

_NOTHING = Operations()


@dataclass(frozen=True)
class Stage:
    """What a node is on one platform.

    Attributes:
        base: what it continues, or begins with.
        ops: what it does.
        own: files that are generated for it, and carry its name.
        parts: the recipe's own inputs by name, for telling which one changed.
        empty: the recipe is not on this platform; the stage only passes its base on.
    """

    base: StageRef | ImageRef = SCRATCH
    ops: Operations = _NOTHING
    own: tuple[Input, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    empty: bool = False

    @property
    def parent(self) -> str:
        """Id of the node that it continues; "" if it continues none."""
        return self.base.id if isinstance(self.base, StageRef) else ""

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """Ids of the nodes that it is made from: the one that it continues, then those that it names, each once."""
        first = [self.base] if isinstance(self.base, StageRef) else []
        return tuple(dict.fromkeys([reference.id for reference in (*first, *self.ops.references)]))

    @property
    def inputs(self) -> tuple[Input, ...]:
        """What it reads from the build context."""
        return (*self.own, *self.ops.inputs)

    @property
    def layers(self) -> int:
        """How many layers it adds."""
        return self.ops.layers

    @property
    def runs(self) -> bool:
        """Whether a command runs in it."""
        return self.ops.runs

    @property
    def structure(self) -> tuple[str, ...]:
        """All that it is but the bytes of files."""
        references = [reference.id for reference in self.ops.references]
        begins = self.base.id if isinstance(self.base, StageRef) else self.base.role
        inputs = [part for one in self.inputs for part in (one.kind, one.name, one.digest)]
        return (begins, self.ops.digest, str(len(references)), *references, *inputs)


class StageKey(NamedTuple):
    """A stage in the graph: its target's name, and its id."""

    target: str
    id: str


class StageAt(NamedTuple):
    """A stage on a platform: its target's name, its id, and the platform."""

    target: str
    stage: str
    platform: str


@dataclass(frozen=True)
class Node:
    """A stage of one target's Dockerfile, on all platforms for which an image has it.

    Attributes:
        id: digest of all that it is by structure (not of files' contents).
        kind: what it is for.
        target: the target's name.
        label: what its generated name is made of.
        title: what it is, for people.
        bodies: what it is on each platform.
        native: whether it runs on the build platform.
        pins: the recipe's release by platform, if it is a recipe's.
    """

    id: str
    kind: Kind
    target: str
    label: str
    title: str
    bodies: dict[str, Stage]
    native: bool = False
    pins: dict[str, Pin] = field(default_factory=dict, compare=False)

    @property
    def key(self) -> StageKey:
        """What the graph knows it by."""
        return StageKey(self.target, self.id)

    def __hash__(self) -> int:
        return hash((self.target, self.id))

    @property
    def ref(self) -> StageRef:
        """What other stages refer to it by."""
        return StageRef(self.id)

    def extend(self, other: Node) -> None:
        """Take over the platforms of an equal stage, which another image is for. Only while the graph is made."""
        for platform, body in other.bodies.items():
            self.bodies.setdefault(platform, body)
        for platform, pin in other.pins.items():
            self.pins.setdefault(platform, pin)

    @cached_property
    def recipe(self) -> str:
        """The recipe's name, or ""."""
        return next((pin.name for pin in self.pins.values()), "")

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that it is on."""
        return tuple(self.bodies)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """What it reads from the build context on any platform, each once."""
        return tuple(dict.fromkeys(one for body in self.bodies.values() for one in body.inputs))

    @cached_property
    def uniform(self) -> bool:
        """Whether it reads the same in a Dockerfile for all its platforms, so that one stage serves them."""
        first, *others = self.bodies.values()
        return all(one is first or (one.base == first.base and one.ops == first.ops) for one in others)

    @property
    def continues(self) -> bool:
        """Whether it continues another stage, which is then the first of its parents."""
        return any(body.parent for body in self.bodies.values())

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """Ids of the stages that it needs on any platform, each once."""
        return tuple(dict.fromkeys(stage for body in self.bodies.values() for stage in body.parents))

    def runs_on_target(self, platform: str) -> bool:
        """Tell whether it runs commands of the target platform (natively there, emulated elsewhere)."""
        return not self.native and self.bodies[platform].runs


def node_id(kind: Kind, label: str, bodies: dict[str, Stage]) -> str:
    """Return the id of a stage: equal for stages that are the same by structure.

    A stage that is the same on all its platforms has one id whatever these are: an image for fewer platforms
    shares it.
    """
    first, *others = bodies.values()
    parts = [kind, label, *first.structure]
    if any(other is not first and other.structure != first.structure for other in others):
        parts = [kind, label]
        for platform, body in bodies.items():
            parts += [platform, *body.structure]
    # Each part with its length: none can run into the next.
    data = "".join([f"{len(part)}:{part}" for part in parts])
    return hashlib.sha256(data.encode()).hexdigest()[:20]

"""The nodes of the build graph: stages, and what they are on each platform."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from edgebake.resolve.resolution import Pin

Kind = Literal[
    "base",  # the target's base image
    "native",  # the same on the build platform
    "tool",  # a recipe installed on the build platform
    "fetch",  # wheels for the target, fetched on the build platform
    "sysroot",  # files of the target that a build half compiles against
    "build",  # a build half
    "artifact",  # what a fetch or build leaves, on scratch
    "install",  # a recipe in an image's line
    "image",  # what is shipped
    "test",  # an image's tests
]

# A stage's final name is not known while its users are rendered, and must not enter a fingerprint.
_REFERENCE = re.compile("\ue000([0-9a-f]+|self)\ue001")
SELF = "\ue000self\ue001"
"""The mark for a stage's own name, in its text and in the paths of files generated for it."""


def reference(node_id: str) -> str:
    """Return the mark that stands for a stage's name in another stage's text."""
    return f"\ue000{node_id}\ue001"


def substitute(text: str, names: Mapping[str, str], own: str) -> str:
    """Return `text` with the marks replaced by stages' `names`, and by the stage's `own`."""
    if "\ue000" not in text:
        return text
    return _REFERENCE.sub(lambda match: own if match[0] == SELF else names[match[1]], text)


def references(text: str) -> list[str]:
    """Return the ids of the stages that `text` names, in order."""
    return [found for found in _REFERENCE.findall(text) if found != "self"]


@dataclass(frozen=True)
class Input:
    """A file or folder that a stage reads from the build context.

    `path` is where it lies in the context, relative to the project's folder; `source` where it comes from.
    `vendored`: it is copied into the generated files. `content`: it is generated, and stands here.
    """

    path: str
    source: Path | None = None
    vendored: bool = False
    content: bytes | None = None

    @cached_property
    def digest(self) -> str:
        """SHA-256 of what is generated, in hex; "" for a file that lies somewhere."""
        return hashlib.sha256(self.content).hexdigest() if self.content is not None else ""


@dataclass(frozen=True)
class Body:
    """What a stage is on one platform.

    Attributes:
        parent: id of the stage that it continues, or "" for `scratch`.
        text: Dockerfile instructions after FROM, with marks for other stages.
        inputs: what it reads from the build context.
        parts: the recipe's own inputs by name, for telling which one changed.
        empty: the recipe is not on this platform; the stage only passes its parent on.
    """

    parent: str
    text: str
    inputs: tuple[Input, ...] = ()
    parts: tuple[tuple[str, str], ...] = ()
    empty: bool = False

    @cached_property
    def stages(self) -> tuple[str, ...]:
        """Ids of the stages that it is made from: the one it continues, then those it names, each once."""
        first = [self.parent] if self.parent else []
        return tuple(dict.fromkeys(first + references(self.text)))

    @cached_property
    def layers(self) -> int:
        """How many layers its instructions make."""
        return sum(line.startswith(("RUN ", "COPY ", "ADD ", "WORKDIR ")) for line in self.text.splitlines())

    @cached_property
    def runs(self) -> bool:
        """Whether a command runs in it."""
        return any(line.startswith("RUN ") for line in self.text.splitlines())


@dataclass(frozen=True)
class Node:
    """A stage of one target's Dockerfile.

    Attributes:
        id: digest of all that the stage is by structure (not of files' contents).
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
    bodies: dict[str, Body]
    native: bool = False
    pins: dict[str, Pin] = field(default_factory=dict, compare=False)

    def __hash__(self) -> int:
        return hash((self.target, self.id))

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
        return tuple(self.bodies)

    @cached_property
    def inputs(self) -> tuple[Input, ...]:
        """What it reads from the build context on any platform, each once."""
        return tuple(dict.fromkeys(one for body in self.bodies.values() for one in body.inputs))

    @cached_property
    def uniform(self) -> bool:
        """Whether it is the same on all its platforms, so that one stage serves them."""
        return len({(body.parent, body.text) for body in self.bodies.values()}) == 1

    @property
    def continues(self) -> bool:
        """Whether it continues another stage, which is then the first of its parents."""
        return any(body.parent for body in self.bodies.values())

    @cached_property
    def parents(self) -> tuple[str, ...]:
        """Ids of the stages that it needs on any platform, each once."""
        return tuple(dict.fromkeys(stage for body in self.bodies.values() for stage in body.stages))


def node_id(kind: Kind, label: str, bodies: dict[str, Body]) -> str:
    """Return the id of a stage: equal for stages that are the same by structure.

    A stage that is the same on all its platforms has one id whatever these are: an image for fewer platforms
    shares it.
    """
    first, *others = (_structure(body) for body in bodies.values())
    fields = [kind, label, *first]
    if any(other != first for other in others):
        fields = [kind, label]
        for platform, body in bodies.items():
            fields += [platform, *_structure(body)]
    # Each field with its length: none can run into the next.
    data = "".join([f"{len(field)}:{field}" for field in fields])
    return hashlib.sha256(data.encode()).hexdigest()[:20]


def _structure(body: Body) -> list[str]:
    fields = [body.parent, body.text, str(len(body.inputs))]
    for one in body.inputs:
        fields += (one.path, one.digest)
    return fields

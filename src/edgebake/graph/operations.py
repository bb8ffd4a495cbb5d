"""A stage's operations, and what follows from them: edges, inputs, layers, what runs, which secrets it needs."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from functools import cached_property, lru_cache
from typing import NamedTuple

from edgebake.graph.canonical import canonical
from edgebake.graph.inputs import Input
from edgebake.graph.ops import Add, Arg, Bind, Copy, From, Mount, Op, Raw, Run, Secret, Ssh, StageRef, Workdir

_LAYERS: dict[type[Op], str] = {Run: "RUN", Copy: "COPY", Add: "ADD", Workdir: "WORKDIR"}
_PLATFORM_ARGS = ("TARGETARCH", "TARGETPLATFORM", "TARGETOS", "TARGETVARIANT")


class Operations(tuple[Op, ...]):
    """Operations in order, and what follows from them.

    Attributes:
        references: the other stages that they name, each once.
        inputs: what they read from the build context, each once; without requirements of the stage's own.
        digest: of their canonical form, in which the other stages are known by their places in `references`.
        layers: how many layers they make.
        runs: whether a command runs.
    """

    references: tuple[StageRef, ...]
    inputs: tuple[Input, ...]
    digest: str
    layers: int
    runs: bool

    def __new__(cls, ops: Iterable[Op] = ()) -> Operations:
        """Return the operations."""
        self = super().__new__(cls, ops)
        facts = [_facts(op) for op in self]
        self.references = tuple(dict.fromkeys([one for fact in facts for one in fact.references]))
        self.inputs = tuple(dict.fromkeys([one for fact in facts for one in fact.inputs]))
        places = {reference: place for place, reference in enumerate(self.references)}
        parts = [f"{fact.canonical}{[places[one] for one in fact.references]}" for fact in facts]
        self.digest = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        self.layers = sum([len(fact.words) for fact in facts])
        self.runs = any("RUN" in fact.words for fact in facts)
        return self

    @cached_property
    def flat(self) -> tuple[Op, ...]:
        """All of them, with those that templates name after the template that does."""
        return tuple(_flat(self))

    @cached_property
    def knows_platform(self) -> bool:
        """Whether they know the target platform, and so can differ by it."""
        args = [name for op in self.flat if isinstance(op, Arg) for name in op.names]
        texts = [text for op in self.flat if isinstance(op, Raw) for text in op.texts]
        return any(name in args or any(name in text for text in texts) for name in _PLATFORM_ARGS)

    @cached_property
    def secrets(self) -> frozenset[str]:
        """The ids of secrets that the build must be given."""
        declared = (name for op in self if isinstance(op, Raw) for name in op.secrets)
        return frozenset([*declared, *(mount.id for mount in self._mounts if isinstance(mount, Secret))])

    @cached_property
    def ssh(self) -> frozenset[str]:
        """The ids of SSH agents that the build must be given."""
        declared = (name for op in self if isinstance(op, Raw) for name in op.ssh)
        return frozenset([*declared, *(mount.id for mount in self._mounts if isinstance(mount, Ssh))])

    @cached_property
    def fetched(self) -> tuple[Add, ...]:
        """What BuildKit fetches itself."""
        return tuple(op for op in self.flat if isinstance(op, Add))

    @property
    def _mounts(self) -> Iterator[Mount]:
        return (mount for op in self.flat if isinstance(op, Run) for mount in op.mounts)


class _Facts(NamedTuple):
    """What follows from one operation. `words` are the instructions that make layers."""

    canonical: str
    references: tuple[StageRef, ...]
    inputs: tuple[Input, ...]
    words: tuple[str, ...]


@lru_cache(maxsize=1 << 16)  # most operations are those of several stages
def _facts(op: Op) -> _Facts:
    flat = tuple(_flat([op]))
    references = tuple(dict.fromkeys(_references(op)))
    inputs = tuple(one for each in flat for one in _inputs(each))
    return _Facts(canonical(op), references, inputs, tuple(word for each in flat for word in _words(each)))


def _references(op: Op) -> Iterator[StageRef]:
    """Yield the stages that an operation names, in the order of its canonical form."""
    if isinstance(op, Run):
        yield from (mount.stage for mount in op.mounts if isinstance(mount, From))
    elif isinstance(op, Copy) and op.stage is not None:
        yield op.stage
    elif isinstance(op, Raw):
        for piece in op.pieces:
            if isinstance(piece, StageRef):
                yield piece
            elif not isinstance(piece, str | Input):
                yield from _references(piece)


def _inputs(op: Op) -> Iterator[Input]:
    if isinstance(op, Run):
        yield from (mount.source for mount in op.mounts if isinstance(mount, Bind))
    elif isinstance(op, Copy):
        yield from (source for source in op.sources if isinstance(source, Input))
    elif isinstance(op, Raw):
        yield from op.inputs


def _flat(ops: Iterable[Op]) -> Iterator[Op]:
    for op in ops:
        yield op
        if isinstance(op, Raw):
            yield from _flat(piece for piece in op.pieces if not isinstance(piece, str | StageRef | Input))


def _words(op: Op) -> Iterator[str]:
    if isinstance(op, Raw):
        lines = (line.partition(" ")[0] for text in op.texts for line in text.splitlines())
        yield from (word for word in lines if word in _LAYERS.values())
    elif type(op) in _LAYERS:
        yield _LAYERS[type(op)]

"""What is taken from the registry instead of being built: the walk from an image down to what is published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import field

from edgebake.dataclasses import dataclass
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.node import Node, StageAt
from edgebake.plan.fingerprint import Fingerprints
from edgebake.plan.stacks import Keyed, by_stage, keyed, published_stages, stage_key, walk


@dataclass(frozen=True)
class Snapshot:
    """What the repository of stacks was seen to hold, all at one moment."""

    repository: str  # where
    # digests by key, of what has just the platforms that its key names
    found: Mapping[str, str] = field(default_factory=dict)
    refused: Mapping[str, str] = field(default_factory=dict)  # keys that are there and are not used, and why
    failure: str = ""  # why nothing could be seen; "" if it could. What is not seen is built.
    off: str = ""  # why nobody looked: what is built is not what the keys name. Then nothing is published either.

    def reference(self, key: str) -> str | None:
        """Return the published stage of a key, by digest; None if there is none."""
        digest = self.found.get(key)
        return f"{self.repository}@{digest}" if digest is not None else None


@dataclass(frozen=True)
class Given:
    """A published stage that takes the place of one in the Dockerfile."""

    stage: Keyed
    reference: str  # `repository@sha256:…`

    @property
    def context(self) -> str:
        """What a bake takes in place of the stage."""
        return f"docker-image://{self.reference}"


@dataclass(frozen=True)
class Reuse:
    """What one bake target takes from the registry, and what it builds."""

    # the published stages that it is built on: the nearest ones, none that another one has in it
    given: tuple[Given, ...] = ()
    taken: Mapping[StageAt, Given] = field(default_factory=dict)  # the stages that they are
    covered: frozenset[StageAt] = frozenset()  # stages that only these need
    built: frozenset[StageAt] = frozenset()  # stages that are built, or in the build cache

    def spares(self, at: StageAt) -> bool:
        """Tell whether a stage is not built, because it is taken or what needs it is."""
        return at in self.taken or at in self.covered


@dataclass(frozen=True)
class PublishedStage:
    """A stage to publish."""

    bake_target: str  # the image that it is a stage of
    stage: Keyed  # what is pushed, and under which key
    given: tuple[Given, ...]  # the published stages that it is built on
    # the key of each platform that its image is declared for, if the stage is the same on several
    parts: tuple[tuple[str, str], ...] = ()
    joined: str = ""  # the key of all these together; "" if there is only one


@dataclass
class Reuser:
    """Finds what is reused."""

    fingerprints: Fingerprints  # give the keys
    snapshot: Snapshot  # what the registry holds

    def __post_init__(self) -> None:
        self._graph = self.fingerprints.compilation.graph
        self._chosen = published_stages(self._graph)

    def reuse(self, target: str, stage: str, platforms: Sequence[str]) -> Reuse:
        """Return what is reused for a stage, which is never taken itself."""
        start = self._graph.node(target, stage)
        every, _ = walk(self._graph, start, platforms)
        available = dict(self._available(start, every))
        built, taken = walk(self._graph, start, platforms, available)
        used = {at: available[at] for at in sorted(taken)}
        given = sorted({one.stage.name: one for one in used.values()}.items())
        return Reuse(tuple(one for _, one in given), used, frozenset(every - built - taken), frozenset(built))

    def to_publish(self, bake_target: BakeTarget, reuse: Reuse) -> list[PublishedStage]:
        """Return the stages worth publishing that a bake target builds."""
        start = self._graph.node(bake_target.target, bake_target.stage)
        every, _ = walk(self._graph, start, bake_target.platforms)
        found = []
        for node, here in by_stage(self._graph, bake_target.target, reuse.built):
            if node.key in self._chosen:
                given = self.reuse(node.target, node.id, here).given
                declared = [p for p in bake_target.platforms if StageAt(*node.key, p) in every]
                joined = self._joined(node, declared)
                stages = keyed(node, here, self.fingerprints)
                found += [PublishedStage(bake_target.name, one, given, *joined) for one in stages]
        return found

    def _joined(self, node: Node, platforms: Sequence[str]) -> tuple[tuple[tuple[str, str], ...], str]:
        """Return the keys of a stage's platforms, and that of all of them, if the stage is the same on several."""
        if not node.uniform or len(platforms) == 1:
            return (), ""
        digests = {platform: self.fingerprints.of(node, platform).digest for platform in sorted(platforms)}
        parts = ((platform, stage_key(node.target, {platform: digest})) for platform, digest in digests.items())
        return tuple(parts), stage_key(node.target, digests)

    def _available(self, start: Node, every: Iterable[StageAt]) -> Iterator[tuple[StageAt, Given]]:
        for node, platforms in by_stage(self._graph, start.target, every):
            if node is start or node.key not in self._chosen:
                continue
            for one in keyed(node, platforms, self.fingerprints):
                reference = self.snapshot.reference(one.key)
                if reference is not None:
                    given = Given(one, reference)
                    yield from ((StageAt(*node.key, platform), given) for platform in one.platforms)

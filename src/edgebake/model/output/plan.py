"""Output of `plan`."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from edgebake.model.output.base import Digest, Fingerprint, Output, Platform, Record


class Observed(Record):
    current: bool
    """Whether the registry or the engine has the image in its present form."""
    proof: str | None = None
    reason: str | None = None
    """Reason why it is not current."""


class PlannedStage(Record):
    name: str
    kind: str
    recipe: str | None
    title: str
    platform: Platform
    native: bool
    """Whether it runs on the build platform."""
    state: Literal["new", "direct", "indirect", "moved", "same"]
    """`direct`: its own inputs changed. `indirect`: only inputs of a stage that it is made from changed. `moved`:
    it comes after a changed stage in the install chain."""
    causes: list[str]
    fingerprint: Fingerprint
    own: Fingerprint
    """Digest of its own inputs, without those of other stages."""
    reused: bool
    """Whether a shared stage is used in its place."""


class PlannedImage(Record):
    bake_target: str
    observed: Observed | None = None
    """Only with `--push` and `--load`: the published or loaded image."""
    image: str
    target: str
    platforms: list[Platform]
    complete: bool
    """Whether all platforms of the target are selected."""
    fingerprints: dict[Platform, Fingerprint]
    given: dict[str, str]
    """Shared stages that are used, and their references."""
    stages: list[PlannedStage]


class LeftOut(Record):
    what: str
    reason: str


class ChangedFile(Record):
    path: str
    change: Literal["added", "modified", "removed", "hand-edited"]


class Stacks(Record):
    repository: str
    failure: str | None
    """Reason why the repository could not be read."""
    refused: dict[str, str]
    unpublished: list[str]


class PlannedStep(Record):
    step: str
    """`write-files`, `check-builder`, `publish-stages`, `bake`, `verify-indexes`, `merge-index`."""
    files: list[str] | None = None
    platforms: list[Platform] | None = None
    emulated: list[Platform] | None = None
    repository: str | None = None
    keys: list[str] | None = None
    bake_targets: list[str] | None = None
    tests: list[str] | None = None
    """The bake targets with tests. No image is handed over before they have passed."""
    output: Literal["cache", "load", "push"] | None = None
    tags: dict[str, str] | None = None
    tag: str | None = None
    parts: dict[Platform, str] | None = None


WorkMode = Literal["native", "cross", "emulated", "missing"]
"""`native`: a node of that platform does the work. `cross`: another node does, and no command runs on the platform
(files are fetched, code is cross-compiled). `emulated`: another node does, with QEMU. `missing`: none can."""


class PlatformWork(Record):
    """How a builder does the work for a platform."""

    platform: Platform
    mode: WorkMode
    node: str | None
    """The node of the builder; null if none can do it."""
    stages_run: int
    """Stages that run commands on that platform."""


class TimedStage(Record):
    target: str
    stage: str
    platform: Platform


class PathStage(TimedStage):
    recipe: str | None
    seconds: float | None
    native: bool
    emulated: bool


class WorthIt(Record):
    recipe: str
    saves_seconds: float


class Forecast(Output):
    expected_seconds: float
    critical_path_seconds: float
    work_seconds: float
    parallelism: float
    useful_parallelism: float
    critical_path: list[PathStage]
    worth_making_faster: list[WorthIt]
    measured_elsewhere: list[TimedStage]
    never_measured: list[TimedStage]


class Plan(Output):
    """The steps of a bake: `edgebake plan --json`."""

    images: list[PlannedImage]
    left_out: list[LeftOut]
    notes: list[str]
    files: list[ChangedFile]
    """Files that would be written."""
    stacks: Stacks | None
    """Shared stages in the registry; null if the registry was not read."""
    steps: list[PlannedStep]
    """Steps of the bake, in order."""
    time: Forecast | None = None
    """Expected duration, from the times of earlier bakes; null if there are none."""
    platforms: list[PlatformWork] | None = None
    """Only with `--builder`."""


class ShardPart(Record):
    bake_target: str
    image: str
    target: str
    platform: Platform
    fingerprint: Digest


class Shard(Record):
    shard: Annotated[str, Field(pattern=r"^\d+/\d+$")]
    platforms: list[Platform]
    seconds: float
    """Estimated time."""
    parts: list[ShardPart]


class SharedStage(Record):
    target: str
    stage: str
    platform: Platform
    shards: list[str]


class Shared(Record):
    shard: str
    platforms: list[Platform]
    stages: list[SharedStage]


class Shards(Output):
    """The shards of a bake: `edgebake plan --shards N --json`."""

    shared: Shared | None = None
    """Shard 0, which publishes the shared stages; only in a project with `stacks`."""
    shards: list[Shard]

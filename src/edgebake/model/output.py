"""What commands print with `--json`: the models of the JSON Schemas in docs/schema/output.

Keys are only ever added while `version` is 1: whoever reads the output passes over those that they do not know.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from edgebake.bench.result import Result
from edgebake.model.base import Model

Platform = Annotated[str, Field(pattern=r"^[a-z0-9]+/[a-z0-9/]+$", examples=["linux/arm64"])]
Fingerprint = Annotated[str, Field(pattern=r"^[0-9a-f]{64}$")]
Digest = Annotated[str, Field(pattern=r"^sha256:[0-9a-f]{64}$")]


class Output(Model):
    """What every output has."""

    version: Literal[1]
    """Of the format; another number if a key changes its meaning or goes."""


# ── plan


class Observed(Model):
    current: bool
    """The registry, or the engine, has it as it would be built now."""
    proof: str | None = None
    reason: str | None = None
    """Why it is not current."""


class PlannedStage(Model):
    name: str
    kind: str
    recipe: str | None
    title: str
    platform: Platform
    native: bool
    """It runs on the machine that builds, for whatever platform."""
    state: Literal["new", "direct", "indirect", "moved", "same"]
    """`direct`: its own inputs changed; `indirect`: only those of a stage that it is made from."""
    causes: list[str]
    fingerprint: Fingerprint
    own: Fingerprint
    """The part of the fingerprint that does not come from other stages."""
    reused: bool
    """A published stage spares it."""


class PlannedImage(Model):
    bake_target: str
    observed: Observed | None = None
    """With `--push` and `--load`: what is there."""
    image: str
    target: str
    platforms: list[Platform]
    complete: bool
    """All platforms of the target are selected."""
    fingerprints: dict[Platform, Fingerprint]
    given: dict[str, str]
    """Stages that are taken from the repository of stacks, and their references."""
    stages: list[PlannedStage]


class LeftOut(Model):
    what: str
    reason: str


class ChangedFile(Model):
    path: str
    change: Literal["added", "modified", "removed", "hand-edited"]


class Stacks(Model):
    repository: str
    failure: str | None
    """Why nothing is known of it."""
    refused: dict[str, str]
    unpublished: list[str]


class PlannedStep(Model):
    step: str
    """`write-files`, `check-builder`, `publish-stages`, `bake`, `verify-indexes`, `merge-index`."""
    files: list[str] | None = None
    platforms: list[Platform] | None = None
    emulated: list[Platform] | None = None
    repository: str | None = None
    keys: list[str] | None = None
    bake_targets: list[str] | None = None
    output: Literal["cache", "load", "push"] | None = None
    tags: dict[str, Any] | None = None
    tag: str | None = None
    parts: dict[Platform, str] | None = None


class PlatformWork(Model):
    platform: Platform
    mode: Literal["native", "cross", "emulated", "missing"]
    node: str | None
    stages_run: int


class TimedStage(Model):
    target: str
    stage: str
    platform: Platform


class PathStage(TimedStage):
    recipe: str | None
    seconds: float | None
    native: bool
    emulated: bool


class WorthIt(Model):
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
    """What would be built: `edgebake plan --json`."""

    images: list[PlannedImage]
    left_out: list[LeftOut]
    notes: list[str]
    files: list[ChangedFile]
    """What would be written."""
    stacks: Stacks | None
    """What the repository of stacks was seen to hold; null if nobody looked."""
    steps: list[PlannedStep]
    """What a bake would do, in order."""
    time: Forecast | None = None
    """How long it will take, by what earlier bakes took; null if nothing was measured."""
    platforms: list[PlatformWork] | None = None
    """With `--builder`."""


class ShardPart(Model):
    bake_target: str
    image: str
    target: str
    platform: Platform
    fingerprint: Digest


class Shard(Model):
    shard: Annotated[str, Field(pattern=r"^\d+/\d+$")]
    platforms: list[Platform]
    seconds: float
    """Estimated."""
    parts: list[ShardPart]


class SharedStage(Model):
    target: str
    stage: str
    platform: Platform
    shards: list[str]


class Shared(Model):
    shard: str
    platforms: list[Platform]
    stages: list[SharedStage]


class Shards(Output):
    """The work cut for several machines: `edgebake plan --shards N --json`."""

    shared: Shared | None = None
    """Shard 0; only of a project with `stacks`."""
    shards: list[Shard]


# ── compile, bake, test


class Compile(Output):
    """What was written, or with `--check` is stale: `edgebake compile --json`."""

    files: list[ChangedFile]
    left_out: list[LeftOut]
    notes: list[str]


class BakeResult(Model):
    bake_target: str
    platform: Platform
    result: Literal["built", "tested", "up to date", "failed", "not attempted"]
    reason: str
    """Why it was not built; "" if it was."""
    seconds: float
    steps_built: int
    steps_cached: int
    reference: str
    """"" if it has none."""
    digest: str
    """"" if it is in the build cache only."""


class Bake(Output):
    """What became of a bake: `edgebake bake --json`."""

    results: list[BakeResult]


class TestResult(Model):
    recipe: str
    title: str
    outcome: Literal["passed", "failed", "timed out", "skipped"]
    seconds: float
    output: str


class Suite(Model):
    image: str
    target: str
    platform: str
    reference: str
    tests: list[TestResult]


class Test(Output):
    """What came of the tests: `edgebake test --json`."""

    suites: list[Suite]


# ── publish, verify, prune


class PublishedTag(Model):
    owner: str
    """The bake target or index whose tag it is."""
    reference: str
    digest: Digest
    platforms: dict[Platform, Digest]
    state: Literal["published", "same"]


class KeptTag(Model):
    reference: str
    reason: str


class Publish(Output):
    """What was published: `edgebake publish --json`."""

    published: list[PublishedTag]
    removed: list[str]
    """Staging tags."""
    kept: list[KeptTag]
    """Staging tags that the registry does not delete."""


class Difference(Model):
    kind: str
    platform: Platform | None
    text: str


class VerifiedReference(Model):
    owner: str
    reference: str
    digest: Digest | None
    platforms: dict[Platform, Digest]
    differences: list[Difference]


class Verify(Output):
    """What the registry has, against what is declared: `edgebake verify --json`."""

    ok: bool
    references: list[VerifiedReference]


class PrunableTag(Model):
    reference: str
    digest: Digest
    created: str | None
    reason: str
    deleted: bool
    refused: str | None
    """Why the registry did not delete it."""


class Prune(Output):
    """Tags that nobody needs: `edgebake prune --json`."""

    tags: list[PrunableTag]


# ── list, show, why, graph


class BuiltOn(Model):
    target: str
    platform: Platform
    state: str


class ListedRecipe(Model):
    name: str
    group: str
    summary: str
    releases: list[str]
    state: str
    """Whether it was really built and tested, and whether that holds."""
    built: list[BuiltOn]


class ListedTarget(Model):
    name: str
    summary: str
    platforms: list[Platform]
    cuda: str | None
    python: str | None


class ListedImage(Model):
    name: str
    recipes: list[str]
    targets: list[str]


class Uncited(Model):
    recipe: str
    kind: Literal["version", "commit", "url"]
    at: str
    fact: str


class List(Output):
    """What there is: `edgebake list --json`. It has one of these keys, by what is listed."""

    recipes: list[ListedRecipe] | None = None
    targets: list[ListedTarget] | None = None
    images: list[ListedImage] | None = None
    uncited: list[Uncited] | None = None


class InstalledRecipe(Model):
    name: str
    version: str | None
    flavours: list[str]
    platforms: list[Platform]


class ShownOnTarget(Model):
    target: str
    platforms: list[Platform]
    tags: list[str]
    recipes: list[InstalledRecipe]


class ShownImage(Model):
    name: str
    summary: str | None
    file: str | None
    repository: str
    recipes: list[str]
    board: str | None
    targets: list[ShownOnTarget]
    indexes: dict[str, dict[Platform, str]]


class ShownBase(Model):
    image: str
    native: str | None
    provides: list[str]


class ShownTarget(Model):
    name: str
    summary: str
    family: str
    file: str
    platforms: list[Platform]
    base: ShownBase
    os: str
    glibc: str | None
    l4t: str | None
    jetpack: str | None
    cuda: str | None
    cudnn: str | None
    tensorrt: str | None
    python: str | None
    cuda_flavour: str | None
    memory: str | None
    board: str | None
    driver: str | None
    sm: list[str]
    host_libraries: bool
    groups: list[str]
    tag_suffix: str
    boards: list[str]
    sources: list[str]
    images: list[str]


class ShownVariant(Model):
    when: dict[str, Any]
    when_text: str
    requires: list[str]
    conflicts: list[str]
    args: dict[str, str]


class ShownRelease(ShownVariant):
    version: str
    default: bool
    flavours: list[str]
    variants: list[ShownVariant]
    platforms: list[Platform] | None = None
    """With `--target`: where it exists."""
    needs: dict[Platform, str] | None = None
    """With `--target`: what it needs that is not there."""


class ShownBuild(Model):
    runs_on: Literal["build-platform", "target-platform"]
    tools: list[str]
    libraries: list[str]
    sources: list[str]
    script: str | None


class ShownInstall(Model):
    apt: list[str]
    pip: list[str]
    files: dict[str, str]
    artifacts: dict[str, str]
    script: str | None


class ShownTest(Model):
    script: str
    files: list[str]
    timeout: int
    gpu: bool


class Needs(Model):
    recipe: str
    kind: Literal["run", "library", "tool"]
    requirement: str


class Proof(Model):
    state: str
    built: list[BuiltOn]


class ShownRecipe(Model):
    name: str
    summary: str
    group: str
    layer: str
    homepage: str | None
    license: str | None
    aliases: list[str]
    provides: list[str]
    file: str
    builtin: bool
    flavours: list[str]
    requires: list[str]
    conflicts: list[str]
    args: dict[str, str]
    releases: list[ShownRelease] | None
    """Null if a function of the target says."""
    build: ShownBuild | None
    install: ShownInstall
    test: ShownTest | None
    bench: ShownTest | None = None
    files: list[str]
    sources: list[str]
    images: list[str]
    """Of the project, that name it."""
    needed_by: list[Needs]
    proof: Proof | None
    """Null for a recipe of the project."""


class Show(Output):
    """What a recipe, a target or an image is: `edgebake show --json`. It has a key for each that has the name."""

    image: ShownImage | None = None
    target: ShownTarget | None = None
    recipe: ShownRecipe | None = None


class Place(Model):
    file: str
    line: int | None
    column: int | None


class Ask(Model):
    kind: Literal["run", "library"]
    requirement: str
    at: Place | None
    """Null on the command line."""


class PathStep(Model):
    from_: Annotated[str | None, Field(alias="from")]
    """Null: the image."""
    to: str
    asks: list[Ask]


class OtherRelease(Model):
    version: str
    kind: Literal["target", "requirement", "needs", "order"]
    why: str


class ChosenRelease(Model):
    version: str | None
    reason: Literal["unversioned", "target", "only", "locked", "narrowed", "default", "newest", "first", "fitting"]
    why: str
    variant: str | None
    others: list[OtherRelease]


class Answer(Model):
    image: str
    target: str
    platforms: list[Platform]
    recipe: str
    status: Literal["installed", "library", "provided", "absent"]
    brought: str | None
    """By the base image, or by the host."""
    release: ChosenRelease | None
    path_count: int
    paths: list[list[PathStep]]
    notes: list[str]
    available: bool
    bringers: list[str]


class Why(Output):
    """Every path that brings a recipe into an image: `edgebake why --json`."""

    recipe: str
    answers: list[Answer]


class GraphNode(Model):
    id: str
    label: str
    kind: str
    target: str
    stage: str | None = None
    recipe: str | None = None
    platforms: list[Platform]
    native: bool | None = None
    bake_targets: list[str] | None = None
    version: str | None = None


class GraphEdge(Model):
    from_: Annotated[str, Field(alias="from")]
    to: str
    kind: str
    label: str


class Graph(Output):
    """The build graph, or with `--recipes` who needs whom: `edgebake graph --json`."""

    graph: Literal["stages", "recipes"]
    nodes: list[GraphNode]
    edges: list[GraphEdge]


# ── diff


class PlainChange(Model):
    name: str
    """Empty if there is one such thing only."""
    before: str | None
    """Null if it was not there."""
    after: str | None
    """Null if it is not there."""


class ImageChange(PlainChange):
    platforms: list[Platform]


class ChangedStage(Model):
    name: str
    kind: str
    recipe: str
    platform: Platform
    state: Literal["new", "direct", "indirect", "moved"]
    """`direct`: its own inputs changed; `indirect`: only those of a stage that it is made from."""
    causes: list[str]
    before: Fingerprint | None
    """Null if there was no such stage."""
    after: Fingerprint


class ImageDiff(Model):
    image: str
    target: str
    other_target: str | None = None
    """Of two targets that are compared, the second."""
    platforms: list[Platform] | None = None
    old_platforms: list[Platform] | None = None
    """What `platforms` are compared with."""
    change: Literal["added", "removed", "changed"]
    base: list[ImageChange]
    recipes: list[ImageChange]
    python: list[ImageChange]
    settings: list[ImageChange]
    tags: list[ImageChange]
    stages: list[ChangedStage] | None = None
    """What is built again, or built otherwise on the second target; not of locks."""


class SameImage(Model):
    image: str
    target: str


class Diff(Output):
    """What differs between commits, targets or locks: `edgebake diff --json`."""

    before: str
    after: str
    images: list[ImageDiff]
    """Those that differ."""
    same: list[SameImage] | None = None
    """Those that do not; not of locks."""
    files: dict[str, str] | None = None
    """Lines that were added and removed, by path of a text file of the project."""
    bases: list[PlainChange] | None = None
    """Of locks: base images' digests."""
    git: list[PlainChange] | None = None
    """Of locks: what git refs are pinned to."""
    refresh: PlainChange | None = None
    """Of locks: how often unversioned system packages were installed anew."""


# ── bench


class ChangedMetric(Model):
    image: str
    target: str
    platform: Platform
    recipe: str
    measurement: str
    metric: str
    unit: str
    before: float | None
    now: float | None
    ratio: float | None
    verdict: str
    chance: float | None


class Comparison(Model):
    notes: list[str]
    changes: list[ChangedMetric]


class Bench(Result):
    """What benches measured: `edgebake bench --json`."""

    comparison: Comparison | None = None
    """With `--compare`."""


# ── artifacts


class Artifact(Model):
    key: str
    digest: Digest
    recipe: str
    release: str
    platform: Platform
    target: str
    fingerprint: str
    python: str
    """As pip's tag has it (cp310); "" for none."""
    cuda: str
    """With its flavour (cu126-tegra); "cpu" without one."""
    sm: str
    wheels: dict[str, str]
    """SHA-256 by file name."""


class Artifacts(Output):
    """What a folder of artifacts has: `edgebake artifacts list --json`."""

    artifacts: list[Artifact]


# ── detect, autotag, doctor, builder check


class Fact(Model):
    value: str | int
    source: str
    """The file or library that says it."""


class DetectedGpu(Model):
    name: str | None
    sm: str | None
    memory: int | None
    """Bytes."""
    brand: str | None
    sources: list[str]


class DetectedRuntime(Model):
    docker: bool
    nvidia_runtime: str | None
    configured: bool
    default: bool
    cdi: list[str]
    host_files: list[str]


class FittingTarget(Model):
    name: str
    grade: Literal["exact", "compatible", "minor", "forward", "unproven"]


class Detect(Output):
    """What this machine is: `edgebake detect --json`. What is not known is null."""

    board: str | None
    parts: list[str]
    model: Fact | None
    kind: Fact | None
    architecture: Fact | None
    soc: Fact | None
    memory: Fact | None
    """Bytes."""
    l4t: Fact | None
    jetpack: Fact | None
    os: Fact | None
    glibc: Fact | None
    python: Fact | None
    driver: Fact | None
    cuda: Fact | None
    toolkit: Fact | None
    cuda_flavour: Fact | None
    gpus: list[DetectedGpu]
    runtime: DetectedRuntime
    targets: list[FittingTarget]
    notes: list[str]


class FitReason(Model):
    rule: str
    ok: bool
    text: str
    source: str | None


class Candidate(Model):
    reference: str
    local: bool
    fits: bool
    grade: str | None
    uses_gpu: bool
    created: str | None
    known_by: str | None
    target: str | None
    platforms: list[Platform]
    reasons: list[FitReason]


class Autotag(Output):
    """All candidates for this machine, and the best: `edgebake autotag --json`."""

    reference: str | None
    """Null if no image fits."""
    candidates: list[Candidate]
    notes: list[str]


class DoctorFinding(Model):
    check: str
    state: Literal["ok", "warning", "problem", "unknown"]
    text: str
    mend: list[str]
    """Commands, some with a remark behind them."""
    can_fix: bool
    """`--fix` can mend it."""
    fixed: str
    """What `--fix` did; "" for nothing."""


class Doctor(Output):
    """What is amiss on this machine: `edgebake doctor --json`."""

    ok: bool
    findings: list[DoctorFinding]


class BuilderCheck(Output):
    """What the project's builder can do: `edgebake builder check --json`."""

    builder: str
    platforms: list[PlatformWork]
    problems: list[str]


# ── lint, compat


class LintFinding(Model):
    rule: str
    severity: Literal["error", "warning", "info"]
    message: str
    file: str
    line: int
    """0 if only the file is known, as `column`."""
    column: int
    recipe: str | None
    image: str | None
    targets: list[str]
    mend: str


class AcceptedFinding(LintFinding):
    reason: str


class NotLinted(Model):
    recipe: str
    targets: list[str]


class LintCounts(Model):
    error: int
    warning: int
    info: int
    accepted: int


class Lint(Output):
    """What the lint found: `edgebake lint --json`."""

    counts: LintCounts
    findings: list[LintFinding]
    accepted: list[AcceptedFinding]
    left_out: list[NotLinted]


class CompatRow(Model):
    framework: str
    target: str
    platforms: list[Platform]
    releases: list[str]
    absent: str | None
    """Why there is none."""
    cuda: str | None
    cudnn: str | None
    python: str | None
    jetpack: str | None
    sm: list[str]
    origin: str | None
    no_recipe: str | None
    sources: list[str]


class Compat(Output):
    """Which releases of the frameworks run where: `edgebake compat --json`."""

    rows: list[CompatRow]


OUTPUTS: dict[str, type[Model]] = {
    "artifacts-list": Artifacts,
    "autotag": Autotag,
    "bake": Bake,
    "bench": Bench,
    "builder-check": BuilderCheck,
    "compat": Compat,
    "compile": Compile,
    "detect": Detect,
    "diff": Diff,
    "doctor": Doctor,
    "graph": Graph,
    "lint": Lint,
    "list": List,
    "plan": Plan,
    "plan-shards": Shards,
    "prune": Prune,
    "publish": Publish,
    "show": Show,
    "test": Test,
    "verify": Verify,
    "why": Why,
}
"""By the command's words, joined by "-"."""

"""Outputs of the commands that list, show and explain."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from edgebake.model.output.base import Output, Platform, Record


class BuiltOn(Record):
    target: str
    platform: Platform
    state: Literal["verified", "stale", "failed", "checked only"]
    """`verified`: it was built and tested in its present form. `checked only`: it was not built yet."""
    given: list[str] = []
    """Requirements that were installed together with it."""


class ListedRecipe(Record):
    name: str
    group: str
    summary: str
    releases: list[str]
    state: str
    """The worst of the states in `built`; `checked only` if there is none."""
    built: list[BuiltOn]


class ListedTarget(Record):
    name: str
    summary: str
    platforms: list[Platform]
    cuda: str | None
    python: str | None


class ListedImage(Record):
    name: str
    summary: str | None = None
    recipes: list[str]
    targets: list[str]


class Uncited(Record):
    recipe: str
    kind: Literal["version", "commit", "url"]
    at: str
    fact: str


class List(Output):
    """Recipes, targets or images: `edgebake list --json`. The keys of what is not listed are null."""

    recipes: list[ListedRecipe] | None = None
    targets: list[ListedTarget] | None = None
    images: list[ListedImage] | None = None
    uncited: list[Uncited] | None = None


class InstalledRecipe(Record):
    name: str
    version: str | None
    flavours: list[str]
    platforms: list[Platform]


class ShownOnTarget(Record):
    target: str
    platforms: list[Platform]
    tags: list[str]
    recipes: list[InstalledRecipe]


class ShownImage(Record):
    name: str
    summary: str | None
    file: str | None
    repository: str
    recipes: list[str]
    board: str | None
    targets: list[ShownOnTarget]
    indexes: dict[str, dict[Platform, str]]


class ShownBase(Record):
    image: str
    native: str | None
    provides: list[str]


class ShownTarget(Record):
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


class ShownVariant(Record):
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
    """Only with `--target`: platforms on which it exists."""
    needs: dict[Platform, str] | None = None
    """Only with `--target`: what it needs and the target does not have."""


class ShownBuild(Record):
    runs_on: Literal["build-platform", "target-platform"]
    tools: list[str]
    libraries: list[str]
    sources: list[str]
    script: str | None


class ShownInstall(Record):
    apt: list[str]
    pip: list[str]
    files: dict[str, str]
    artifacts: dict[str, str]
    script: str | None


class ShownTest(Record):
    script: str
    files: list[str]
    timeout: int
    gpu: bool


class Needs(Record):
    recipe: str
    kind: Literal["run", "library", "tool"]
    requirement: str


class Proof(Record):
    state: str
    """The worst of the states in `built`; `checked only` if there is none."""
    built: list[BuiltOn]


class ShownRecipe(Record):
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
    """Null if a function of the target computes them, and no target is named."""
    build: ShownBuild | None
    install: ShownInstall
    test: ShownTest | None
    bench: ShownTest | None = None
    files: list[str]
    sources: list[str]
    images: list[str]
    """Images of the project that name it."""
    needed_by: list[Needs]
    proof: Proof | None
    """Null for a recipe of the project."""


class Show(Output):
    """The recipe, target and image with a name: `edgebake show --json`. Null if there is none."""

    image: ShownImage | None = None
    target: ShownTarget | None = None
    recipe: ShownRecipe | None = None


class FilePosition(Record):
    file: str
    line: int | None
    column: int | None


class Ask(Record):
    kind: Literal["run", "library"]
    requirement: str
    at: FilePosition | None
    """Null for a requirement on the command line."""


class PathStep(Record):
    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[str | None, Field(alias="from")]
    """Name of the recipe; null for the image itself."""
    to: str
    asks: list[Ask]


class OtherRelease(Record):
    version: str
    kind: Literal["target", "requirement", "needs", "order"]
    why: str


class ChosenRelease(Record):
    version: str | None
    reason: Literal["unversioned", "target", "only", "locked", "narrowed", "default", "newest", "first", "fitting"]
    why: str
    variant: str | None
    others: list[OtherRelease]


class Answer(Record):
    image: str
    target: str
    platforms: list[Platform]
    recipe: str
    status: Literal["installed", "library", "provided", "absent"]
    brought: str | None
    """How the base image or the host provides it."""
    release: ChosenRelease | None
    path_count: int
    paths: list[list[PathStep]]
    notes: list[str]
    available: bool
    bringers: list[str]


class Why(Output):
    """All paths that bring a recipe into an image: `edgebake why --json`."""

    recipe: str
    answers: list[Answer]


class GraphNode(Record):
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


class GraphEdge(Record):
    model_config = ConfigDict(populate_by_name=True)

    from_: Annotated[str, Field(alias="from")]
    to: str
    kind: str
    label: str


class Graph(Output):
    """The graph of stages, or with `--recipes` of recipes: `edgebake graph --json`."""

    graph: Literal["stages", "recipes"]
    nodes: list[GraphNode]
    edges: list[GraphEdge]

"""Recipes: how one piece of software gets into an image."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import Annotated, Any, Literal

from packaging.version import Version
from pydantic import AfterValidator, BeforeValidator, Field, WrapValidator, field_validator, model_validator

from edgebake.model.base import (
    AptPackage,
    BadValue,
    CopyDestination,
    EnvName,
    Flag,
    FolderDestination,
    ImagePath,
    Line,
    Model,
    Name,
    OneOrMany,
    OrText,
    RelativePath,
    Url,
    VersionText,
    check_url,
    matching,
    templated,
)
from edgebake.model.condition import Condition, ConditionField
from edgebake.model.lint import Lint
from edgebake.model.requirement import Requirement, RequirementField
from edgebake.model.versions import Versioning, parse_version

Layer = Literal["system", "toolkit", "language", "framework", "library", "application"]
LAYERS: tuple[Layer, ...] = ("system", "toolkit", "language", "framework", "library", "application")

Port = Annotated[str, AfterValidator(matching(r"[0-9]{1,5}(?:/(?:tcp|udp))?", "is not a port (8000 or 8000/udp)"))]
check_commit = matching(r"[0-9a-f]{40}", "is not a commit: 40 hexadecimal digits")
check_sha256 = matching(r"[0-9a-f]{64}", "is not a SHA-256: 64 hexadecimal digits")
Commit = Annotated[str, AfterValidator(check_commit)]


def check_git_url(text: str) -> str:
    return text if re.fullmatch(r"[A-Za-z0-9_.-]+@[A-Za-z0-9.-]+:[A-Za-z0-9._/~-]+", text) else check_url(text)


CommitText = Annotated[str, AfterValidator(templated(check_commit))]
Sha256Text = Annotated[str, AfterValidator(templated(check_sha256))]
UrlText = Annotated[str, AfterValidator(templated(check_url))]
GitUrlText = Annotated[str, AfterValidator(templated(check_git_url))]


class Additions(Model):
    """What a release or a variant adds to its recipe."""

    requires: OneOrMany[RequirementField] = ()
    """Recipes that it needs at run time."""
    conflicts: OneOrMany[RequirementField] = ()
    """Recipes that cannot be in the same image."""
    args: dict[EnvName, Line] = {}
    """Values that templates and scripts see."""
    env: dict[EnvName, Line] = {}
    """Environment of the image."""
    apt: OneOrMany[AptPackage] = ()
    """System packages."""
    pip: OneOrMany[Line] = ()
    """Python requirements (PEP 508)."""
    pip_index: OneOrMany[Line] = ()
    """Package indexes to look at before PyPI."""


class Variant(Additions):
    """One way to get a release: a candidate where its `when` holds."""

    when: ConditionField = Condition()
    """Facts of the target that must hold."""


class Release(Additions):
    """One version of a recipe."""

    version: VersionText
    """The version, as `name:version` asks for it."""
    when: ConditionField = Condition()
    """Facts of the target that must hold."""
    default: Flag = False
    """Take this release, not the newest, if nobody asks for one."""
    flavours: OneOrMany[Name] = ()
    """Flavours of this release; the first is the default."""
    variants: tuple[Variant, ...] = ()
    """Candidates; the first whose `when` holds and that fits with the rest is taken."""


class Source(Model):
    """Where a build half gets its sources: exactly one of git, url and path."""

    git: GitUrlText | None = None
    """URL of a git repository."""
    ref: Line | None = None
    """Tag or branch; `edgebake lock` pins it to a commit."""
    commit: CommitText | None = None
    """The 40 hexadecimal digits that the ref names."""
    url: UrlText | None = None
    """A file to download."""
    sha256: Sha256Text | None = None
    """Digest of the file behind `url`."""
    path: RelativePath | None = None
    """A file or folder of the recipe's own."""
    to: RelativePath = "."
    """Where in $SRC it goes."""

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if sum(kind is not None for kind in (self.git, self.url, self.path)) != 1:
            raise ValueError("a source has exactly one of git, url and path")
        if self.git is None and (self.ref or self.commit):
            raise ValueError("ref and commit belong to a git source")
        if self.git is not None and not (self.ref or self.commit):
            raise ValueError("a git source needs a ref or a commit")
        if self.url is None and self.sha256:
            raise ValueError("sha256 belongs to a url source")
        return self


class Build(Model):
    """The heavy half: compiles, and leaves an artifact in $OUT."""

    runs_on: Literal["build-platform", "target-platform"]
    """Whether it cross-compiles on the machine that builds, or runs on (or emulates) the target's."""
    tools: OneOrMany[RequirementField] = ()
    """Recipes that the build needs on the machine where it runs."""
    libraries: OneOrMany[RequirementField] = ()
    """Recipes whose files for the target it compiles against ($SYSROOT)."""
    apt: OneOrMany[AptPackage] = ()
    """Development packages that it compiles against: in the sysroot if it cross-compiles, else installed."""
    sources: tuple[Source, ...] = ()
    """What is put into $SRC."""
    script: RelativePath | None = None
    """Script of the recipe's folder, run with bash."""
    dockerfile: RelativePath | None = None
    """Template of the recipe's folder that takes the place of the shared one; it leaves its artifact in /out."""
    caches: OneOrMany[Literal["ccache", "cargo", "go", "npm", "pip"]] = ()
    """Caches kept between builds."""
    env: dict[EnvName, Line] = {}
    """Environment of the script."""
    timeout: Annotated[int, Field(gt=0, le=86400)] | None = None
    """Seconds after which the script is stopped."""

    @model_validator(mode="after")
    def _one_way(self) -> Build:
        if (self.script is None) == (self.dockerfile is None):
            raise ValueError("a build half has exactly one of script and dockerfile")
        return self


class Sysroot(Model):
    """What software that compiles against this recipe needs of it."""

    apt: OneOrMany[AptPackage] = ()
    """Development packages."""


class Install(Model):
    """The light half: what goes into the image."""

    apt: OneOrMany[AptPackage] = ()
    """System packages."""
    pip: OneOrMany[Line] = ()
    """Python requirements (PEP 508)."""
    pip_index: OneOrMany[Line] = ()
    """Package indexes to look at before PyPI."""
    files: dict[RelativePath, CopyDestination] = {}
    """Files and folders of the recipe, and where they go in the image."""
    artifacts: dict[ImagePath, FolderDestination] = {}
    """Paths in the build half's $OUT, and where they go in the image."""
    script: RelativePath | None = None
    """Script of the recipe's folder, run with bash as root."""
    env: dict[EnvName, Line] = {}
    """Environment of the image."""
    path: OneOrMany[ImagePath] = ()
    """Folders put in front of PATH."""
    dockerfile: RelativePath | None = None
    """Template of the recipe's folder that takes the place of the shared one."""


class HealthCheck(Model):
    """How Docker asks a container whether it is well. Times in seconds."""

    cmd: tuple[Line, ...]
    interval: Annotated[int, Field(gt=0)] = 30
    timeout: Annotated[int, Field(gt=0)] = 10
    start_period: Annotated[int, Field(ge=0)] = 30
    retries: Annotated[int, Field(gt=0)] = 3


class Config(Model):
    """The configuration that the program starts with, so that `edgebake run --config FILE` can give another one."""

    path: ImagePath | None = None
    """The default one. Without `env` another one is mounted in its place."""
    env: EnvName | None = None
    """Variable that names the configuration. Another one is mounted beside the default one, and named by it."""
    check: tuple[Line, ...] = ()
    """Command that checks a configuration before it is used; {config} is its path."""

    @model_validator(mode="after")
    def _somewhere(self) -> Config:
        if self.path is None and self.env is None:
            raise ValueError("a configuration has a path, or an env that names it")
        return self


class Runtime(Model):
    """How a container of the image starts."""

    entrypoint: tuple[Line, ...] | None = None
    """Program and arguments, as a list."""
    cmd: tuple[Line, ...] | None = None
    """Default arguments, as a list."""
    expose: OneOrMany[Port] = ()
    """Ports that the service listens on."""
    user: Annotated[str, AfterValidator(matching(r"[a-z_][a-z0-9_-]*", "is not a user name"))] | None = None
    """User that the container runs as: `app` (the default, uid 10001) or `root`."""
    workdir: ImagePath | None = None
    """Working directory."""
    volumes: OneOrMany[ImagePath] = ()
    """Paths that outlive the container."""
    healthcheck: HealthCheck | None = None
    """How to ask whether the service is well."""
    gpu: Flag = False
    """Whether it needs a GPU at run time."""
    config: Config | None = None
    """The configuration that the program starts with."""
    stop_signal: Annotated[str, AfterValidator(matching(r"SIG[A-Z0-9+-]+", "is not a signal"))] | None = None
    """Signal that asks the service to end."""


class Bench(Model):
    """What is measured in the image, and compared with an earlier run: it changes nothing that is built."""

    script: RelativePath
    """A .py file (run with the image's Python) or .sh file (run with bash) of the recipe's folder."""
    files: OneOrMany[RelativePath] = ()
    """Files and folders of the recipe that lie beside the script while it runs."""
    timeout: Annotated[int, Field(gt=0, le=3600)] = 300
    """Seconds for one run."""
    gpu: Flag = False
    """Whether it can only run where a GPU is."""


class Test(Model):
    """A small real computation in the image, with a checked value."""

    script: RelativePath
    """A .py file (run with the image's Python) or .sh file (run with bash) of the recipe's folder."""
    files: OneOrMany[RelativePath] = ()
    """Files and folders of the recipe that lie beside the script while it runs."""
    timeout: Annotated[int, Field(gt=0, le=3600)] = 120
    """Seconds."""
    gpu: Flag = False
    """Whether it can only run where a GPU is."""


def _releases(value: Any, handler: Callable[[Any], tuple[Release, ...]]) -> Any:
    return value if callable(value) else handler(value)


class Citation(Model):
    """A page that facts come from. A text alone is its address."""

    page: Line
    """Its address."""
    cites: OneOrMany[Line] = ()
    """Versions, commits and beginnings of URLs that it gives, and that its address does not name."""


def _short_citation(value: Any) -> Any:
    return {"page": value} if isinstance(value, str) else value


class Recipe(Model):
    """One piece of software: its releases, how it is built and installed, its tests, its run time."""

    name: Name
    """Its name, as others require it; also the name of its folder."""
    summary: Line
    """One line that says what it is."""
    group: Name = "local"
    """Shelf of the catalogue: ml, cv, robotics, …"""
    layer: Layer = "library"
    """Rank in an image."""
    homepage: Url | None = None
    """Where the software is at home."""
    license: Line | None = None
    """SPDX expression of the software's licence."""
    aliases: OneOrMany[Name] = ()
    """Other names for it."""
    provides: OneOrMany[Name] = ()
    """Names of which it is one implementation."""
    versioning: Versioning = "pep440"
    """pep440, or opaque for versions without an order (ROS distributions, build numbers)."""
    requires: OneOrMany[RequirementField] = ()
    """Recipes that every release needs at run time."""
    conflicts: OneOrMany[RequirementField] = ()
    """Recipes that cannot be in the same image."""
    releases: Annotated[tuple[Release, ...], WrapValidator(_releases)] = ()
    """The releases, newest first or in any order; in Python also a function of the target."""
    flavours: OneOrMany[Name] = ()
    """Flavours of every release; the first is the default."""
    args: dict[EnvName, Line] = {}
    """Values that templates and scripts see."""
    env: dict[EnvName, Line] = {}
    """Environment of the image."""
    build: Build | None = None
    """The heavy half."""
    install: Install = Install()
    """The light half."""
    sysroot: Sysroot = Sysroot()
    """What a build needs that has this recipe among its libraries."""
    runtime: Runtime = Runtime()
    """How a container starts."""
    test: Test | None = None
    """Its test."""
    bench: Bench | None = None
    """Its benchmark."""
    sources: OneOrMany[Annotated[Citation, BeforeValidator(_short_citation), OrText()]] = ()
    """Pages that its facts come from."""
    lint: Lint = Lint()
    """What `edgebake lint` accepts of it, with the reasons."""

    @field_validator("releases")
    @classmethod
    def _unique_releases(cls, releases: Any) -> Any:
        if callable(releases):
            return releases
        seen: set[str] = set()
        defaults = 0
        for index, release in enumerate(releases):
            if release.version in seen:
                raise BadValue(f"the release {release.version!r} stands twice", path=(index, "version"))
            seen.add(release.version)
            defaults += release.default
            if defaults > 1:
                raise BadValue("a second release is marked as the default", path=(index, "default"))
        return releases

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.install.artifacts and self.build is None:
            raise BadValue("there is no build half that makes artifacts", path=("install", "artifacts"))
        if not callable(self.releases):
            check_versions(self.releases, self.versioning)
        return self

    def wanted(self) -> Iterator[tuple[str, Requirement]]:
        """Yield what the recipe and its releases ask for: `run`, `library` or `tool`, and the requirement."""
        declared = () if callable(self.releases) else self.releases
        variants = (variant for release in declared for variant in release.variants)
        parts: tuple[Recipe | Additions, ...] = (self, *declared, *variants)
        yield from (("run", wanted) for part in parts for wanted in part.requires)
        if self.build is not None:
            yield from (("library", wanted) for wanted in self.build.libraries)
            yield from (("tool", wanted) for wanted in self.build.tools)


def check_versions(releases: tuple[Release, ...], versioning: Versioning) -> None:
    """Refuse a release whose version is not written as the recipe says.

    Raises:
        ValueError: naming the release, and `versioning: opaque`.
    """
    if versioning == "opaque":
        return
    seen: dict[Version, str] = {}
    for index, release in enumerate(releases):
        path = ("releases", index, "version")
        try:
            version = parse_version(release.version)
        except ValueError:
            raise BadValue(
                f"{release.version!r} is not a PEP 440 version",
                path=path,
                hints=("for versions without an order, set versioning: opaque",),
            ) from None
        if version in seen:
            raise BadValue(f"{release.version!r} is the same version as {seen[version]!r}", path=path)
        seen[version] = release.version

"""Recipes: how a piece of software is built, installed, tested and started."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Annotated, Any, Literal

from packaging.version import Version
from pydantic import AfterValidator, Field, WrapValidator, field_validator, model_validator

from edgebake.model.base import (
    Address,
    AptPackage,
    BadValue,
    CopyDestination,
    DistinctPaths,
    EnvName,
    Flag,
    FolderDestination,
    ImagePath,
    Line,
    Model,
    Name,
    OneOrMany,
    RelativePath,
    Url,
    VersionText,
    check_url,
    checker,
    matching,
    templated,
    text_for,
)
from edgebake.model.condition import Condition, ConditionField
from edgebake.model.lint import Lint
from edgebake.model.requirement import Requirement, RequirementField
from edgebake.model.secret import BuildSecretField, SshId
from edgebake.model.versions import Versioning, parse_version

Layer = Literal["system", "toolkit", "language", "framework", "library", "application"]
LAYERS: tuple[Layer, ...] = ("system", "toolkit", "language", "framework", "library", "application")

Port = Annotated[str, matching(r"[0-9]{1,5}(?:/(?:tcp|udp))?", "is not a port (8000 or 8000/udp)")]
check_commit = checker(r"[0-9a-f]{40}", "is not a commit (40 hexadecimal digits)")
check_sha256 = checker(r"[0-9a-f]{64}", "is not a SHA-256 digest (64 hexadecimal digits)")
Commit = Annotated[str, AfterValidator(check_commit)]


def check_git_url(text: str) -> str:
    """Return the URL of a git repository, which can be of the form `user@host:path`.

    Raises:
        ValueError: it is not a URL, or holds a secret.
    """
    return (
        text
        if re.fullmatch(r"[A-Za-z0-9_.][A-Za-z0-9_.-]*@[A-Za-z0-9][A-Za-z0-9.-]*:[A-Za-z0-9._/~-]+", text)
        else check_url(text)
    )


# git check-ref-format, and no first "-", which git takes for an option.
check_git_ref = checker(r"(?!-)(?!.*\.\.)[^\s~^:?*\[\\\x00-\x1f\x7f]+", "is not a tag or branch of git", limit=250)

CommitText = Annotated[str, templated(check_commit)]
Sha256Text = Annotated[str, templated(check_sha256)]
UrlText = Annotated[str, templated(check_url)]
GitUrlText = Annotated[str, templated(check_git_url)]


class Additions(Model):
    """Additions of a release or a variant to its recipe."""

    requires: OneOrMany[RequirementField] = ()
    """Recipes that are needed at run time."""
    conflicts: OneOrMany[RequirementField] = ()
    """Recipes that cannot be in the same image."""
    args: dict[EnvName, Line] = {}
    """Values for templates and scripts."""
    env: dict[EnvName, Line] = {}
    """Environment variables of the image."""
    apt: OneOrMany[AptPackage] = ()
    """System packages."""
    pip: OneOrMany[Address] = ()
    """Python requirements (PEP 508)."""
    pip_index: OneOrMany[Address] = ()
    """Package indexes to use before PyPI."""


class Variant(Additions):
    """One way to get a release, where its `when` holds."""

    when: ConditionField = Condition()
    """Condition on the target's facts."""


class Release(Additions):
    """One version of a recipe."""

    version: VersionText
    """Version, as in `name:version`."""
    when: ConditionField = Condition()
    """Condition on the target's facts."""
    default: Flag = False
    """Whether this release, not the newest, is chosen if no version is requested."""
    flavours: OneOrMany[Name] = ()
    """Flavours of this release. The first is the default."""
    variants: tuple[Variant, ...] = ()
    """Variants. The first is used whose `when` holds and that has no conflict."""


class Source(Model):
    """A source of a build stage: exactly one of git, url and path."""

    git: GitUrlText | None = None
    """URL of a git repository."""
    ref: Line | None = None
    """Tag or branch. `edgebake lock` pins it to a commit."""
    commit: CommitText | None = None
    """Commit: 40 hexadecimal digits."""
    url: UrlText | None = None
    """URL of a file to download."""
    sha256: Sha256Text | None = None
    """SHA-256 digest of the file at `url`."""
    path: RelativePath | None = None
    """File or folder of the recipe."""
    to: RelativePath = "."
    """Destination in $SRC."""

    @model_validator(mode="after")
    def _one_kind(self) -> Source:
        if sum(kind is not None for kind in (self.git, self.url, self.path)) != 1:
            raise ValueError("a source needs exactly one of git, url and path")
        if self.git is None and (self.ref or self.commit):
            raise ValueError("ref and commit need a git source")
        if self.git is not None and not (self.ref or self.commit):
            raise ValueError("a git source needs a ref or a commit")
        if self.url is None and self.sha256:
            raise ValueError("sha256 needs a url source")
        return self


class Build(Model):
    """The build stage: it compiles, and leaves its result in $OUT."""

    runs_on: Literal["build-platform", "target-platform"]
    """`build-platform`: it cross-compiles. `target-platform`: it runs on that platform, natively or emulated."""
    tools: OneOrMany[RequirementField] = ()
    """Recipes that the build runs, installed for the platform where it runs."""
    libraries: OneOrMany[RequirementField] = ()
    """Recipes that it compiles against. Their files for the target are in $SYSROOT."""
    apt: OneOrMany[AptPackage] = ()
    """Development packages that it compiles against: in $SYSROOT if it cross-compiles, installed otherwise."""
    sources: tuple[Source, ...] = ()
    """Sources, put into $SRC."""
    script: RelativePath | None = None
    """Script in the recipe's folder, run with bash."""
    dockerfile: RelativePath | None = None
    """Dockerfile template in the recipe's folder, in place of the generated stage. It leaves its result in /out."""
    caches: OneOrMany[Literal["ccache", "cargo", "go", "npm", "pip"]] = ()
    """Caches kept between builds."""
    env: dict[EnvName, Line] = {}
    """Environment variables of the script."""
    secrets: OneOrMany[BuildSecretField] = ()
    """Secrets that the script reads while it runs. The project's `secrets` say where they are."""
    ssh: OneOrMany[SshId] = ()
    """SSH keys that the script can use, by the names of the project's `ssh`; `default` is the agent."""
    timeout: Annotated[int, Field(gt=0, le=86400)] | None = None
    """Time limit of the script in seconds."""

    @model_validator(mode="after")
    def _one_way(self) -> Build:
        if (self.script is None) == (self.dockerfile is None):
            raise ValueError("a build stage needs exactly one of script and dockerfile")
        return self


class Sysroot(Model):
    """What other recipes need to compile against this one."""

    apt: OneOrMany[AptPackage] = ()
    """Development packages."""


class Install(Model):
    """The install stage: what goes into the image."""

    apt: OneOrMany[AptPackage] = ()
    """System packages."""
    pip: OneOrMany[Address] = ()
    """Python requirements (PEP 508)."""
    pip_index: OneOrMany[Address] = ()
    """Package indexes to use before PyPI."""
    files: Annotated[dict[RelativePath, CopyDestination], DistinctPaths] = {}
    """Files and folders of the recipe, and their paths in the image."""
    artifacts: Annotated[dict[ImagePath, FolderDestination], DistinctPaths] = {}
    """Paths in $OUT of the build stage, and their paths in the image."""
    script: RelativePath | None = None
    """Script in the recipe's folder, run with bash as root."""
    env: dict[EnvName, Line] = {}
    """Environment variables of the image."""
    path: OneOrMany[ImagePath] = ()
    """Folders to put in front of PATH."""
    dockerfile: RelativePath | None = None
    """Dockerfile template in the recipe's folder, in place of the generated stage."""


class HealthCheck(Model):
    """Docker's health check of a container. Times in seconds."""

    cmd: tuple[Line, ...]
    interval: Annotated[int, Field(gt=0)] = 30
    timeout: Annotated[int, Field(gt=0)] = 10
    start_period: Annotated[int, Field(ge=0)] = 30
    retries: Annotated[int, Field(gt=0)] = 3


class Config(Model):
    """The configuration file of the program. `edgebake run --config FILE` replaces it."""

    path: ImagePath | None = None
    """Path of the default file. Without `env`, the replacement is mounted over it."""
    env: EnvName | None = None
    """Environment variable with the path of the file. The replacement is mounted next to the default file."""
    check: tuple[Line, ...] = ()
    """Command that checks a configuration before it is used. {config} is its path."""

    @model_validator(mode="after")
    def _somewhere(self) -> Config:
        if self.path is None and self.env is None:
            raise ValueError("a configuration needs a path or an env")
        return self


class Runtime(Model):
    """How a container starts."""

    entrypoint: tuple[Line, ...] | None = None
    """Program and arguments, as a list."""
    cmd: tuple[Line, ...] | None = None
    """Default arguments, as a list."""
    expose: OneOrMany[Port] = ()
    """Ports that the service listens on."""
    user: Annotated[str, matching(r"[a-z_][a-z0-9_-]*", "is not a user name")] | None = None
    """User that the container runs as: `app` (the default, UID 10001) or `root`."""
    workdir: ImagePath | None = None
    """Working directory."""
    volumes: OneOrMany[ImagePath] = ()
    """Paths of volumes, which outlive the container."""
    healthcheck: HealthCheck | None = None
    """Health check of the service."""
    gpu: Flag = False
    """Whether the container needs a GPU."""
    config: Config | None = None
    """Configuration file of the program."""
    stop_signal: Annotated[str, matching(r"SIG[A-Z0-9+-]+", "is not a signal")] | None = None
    """Signal that stops the service."""


class _Program(Model):
    script: RelativePath
    """Script in the recipe's folder: a .py file (run with the image's Python) or a .sh file (run with bash)."""
    files: OneOrMany[RelativePath] = ()
    """Files and folders of the recipe to put next to the script."""
    timeout: Annotated[int, Field(gt=0, le=3600)] = 120
    """Time limit in seconds."""
    gpu: Flag = False
    """Whether it needs a GPU."""


class Test(_Program):
    """The test of a recipe, run in an image: a small computation with a checked result."""


class Bench(_Program):
    """The benchmark of a recipe, run in an image. It does not change what is built."""

    timeout: Annotated[int, Field(gt=0, le=3600)] = 300
    """Time limit of one run in seconds."""


class Citation(Model):
    """A page that facts come from. The short form is its address."""

    page: Address
    """Address of the page."""
    cites: OneOrMany[Line] = ()
    """Versions, commits and prefixes of URLs on the page that its address does not contain."""


class Recipe(Model):
    """A recipe: the releases of a piece of software, and how it is built, installed, tested and started."""

    name: Name
    """Name of the recipe and of its folder."""
    summary: Line
    """Description in one line."""
    group: Name = "local"
    """Group in the catalogue: ml, cv, robotics, …"""
    layer: Layer = "library"
    """Rank in the install chain of an image."""
    homepage: Url | None = None
    """Home page of the software."""
    license: Line | None = None
    """SPDX expression of the software's licence."""
    aliases: OneOrMany[Name] = ()
    """Other names of the recipe."""
    provides: OneOrMany[Name] = ()
    """Names that this recipe is an implementation of."""
    versioning: Versioning = "pep440"
    """`pep440`, or `opaque` for versions without an order (ROS distributions, build numbers)."""
    requires: OneOrMany[RequirementField] = ()
    """Recipes that every release needs at run time."""
    conflicts: OneOrMany[RequirementField] = ()
    """Recipes that cannot be in the same image."""
    releases: Annotated[
        tuple[Release, ...], WrapValidator(lambda value, handler: value if callable(value) else handler(value))
    ] = ()
    """Releases, in any order. In a Python recipe also a function of the target."""
    flavours: OneOrMany[Name] = ()
    """Flavours of every release. The first is the default."""
    args: dict[EnvName, Line] = {}
    """Values for templates and scripts."""
    env: dict[EnvName, Line] = {}
    """Environment variables of the image."""
    build: Build | None = None
    """Build stage."""
    install: Install = Install()
    """Install stage."""
    sysroot: Sysroot = Sysroot()
    """What other recipes need to compile against this one."""
    runtime: Runtime = Runtime()
    """How a container starts."""
    test: Test | None = None
    """Test of the recipe."""
    bench: Bench | None = None
    """Benchmark of the recipe."""
    sources: OneOrMany[Annotated[Citation, text_for("page")]] = ()
    """Pages that the facts come from."""
    lint: Lint = Lint()
    """Findings that `edgebake lint` accepts, with reasons."""

    @field_validator("releases")
    @classmethod
    def _unique_releases(cls, releases: Any) -> Any:
        if callable(releases):
            return releases
        seen: set[str] = set()
        defaults = 0
        for index, release in enumerate(releases):
            if release.version in seen:
                raise BadValue(f"the release {release.version!r} is listed twice", path=(index, "version"))
            seen.add(release.version)
            defaults += release.default
            if defaults > 1:
                raise BadValue("more than one release is the default", path=(index, "default"))
        return releases

    @model_validator(mode="after")
    def _consistent(self) -> Recipe:
        if self.install.artifacts and self.build is None:
            raise BadValue("artifacts need a build stage", path=("install", "artifacts"))
        if not callable(self.releases):
            check_versions(self.releases, self.versioning)
        return self

    def wanted(self) -> Iterator[tuple[Literal["run", "library", "tool"], Requirement]]:
        """Yield the requirements of the recipe and its releases, each with its kind: `run`, `library` or `tool`."""
        declared = () if callable(self.releases) else self.releases
        parts: tuple[Recipe | Additions, ...] = (self, *(part for _, part in additions_of(declared)))
        yield from (("run", requirement) for part in parts for requirement in part.requires)
        if self.build is not None:
            yield from (("library", requirement) for requirement in self.build.libraries)
            yield from (("tool", requirement) for requirement in self.build.tools)


def additions_of(releases: Iterable[Release]) -> Iterator[tuple[tuple[str | int, ...], Release | Variant]]:
    """Yield releases and their variants, each with its location in the recipe's file."""
    for number, release in enumerate(releases):
        yield ("releases", number), release
        for index, variant in enumerate(release.variants):
            yield ("releases", number, "variants", index), variant


def check_versions(releases: tuple[Release, ...], versioning: Versioning) -> None:
    """Check that the versions of releases fit the recipe's versioning.

    Raises:
        BadValue: a version is not a PEP 440 version, or two are equal.
    """
    if versioning == "opaque":
        return
    seen: dict[Version, str] = {}
    for index, release in enumerate(releases):
        path = ("releases", index, "version")
        try:
            version = parse_version(release.version)
        except ValueError:
            hints = ("for versions without an order, set versioning: opaque",)
            raise BadValue(f"{release.version!r} is not a PEP 440 version", path=path, hints=hints) from None
        if version in seen:
            raise BadValue(f"{release.version!r} is the same version as {seen[version]!r}", path=path)
        seen[version] = release.version

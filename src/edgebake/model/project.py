"""The project file, `edgebake.yaml`: images, services, and where they are published."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import (
    REPOSITORY_PATH_PATTERN,
    BadValue,
    EnvName,
    Flag,
    ImageName,
    Line,
    Model,
    Name,
    OneOrMany,
    PlainPath,
    Platform,
    RegistryHost,
    RelativePath,
    Repository,
    matching,
    no_control,
    text_for,
)
from edgebake.model.builder import Builder
from edgebake.model.ci import Ci
from edgebake.model.files import LOCK_FILE as LOCK_FILE
from edgebake.model.files import PROJECT_FILE as PROJECT_FILE
from edgebake.model.lint import Lint, ProjectLint
from edgebake.model.recipe import Runtime
from edgebake.model.secret import Secret, SecretId, SshId, SshSource
from edgebake.model.service import Service, ServiceName, TargetPattern, check_services


def check_tag(text: str) -> str:
    """Return an image tag, which can contain variables and templates.

    Raises:
        ValueError: it is not a valid tag.
    """
    no_control(text)
    plain = re.sub(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\{\{.*?\}\}", "x", text)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", plain):
        raise ValueError(f"{text!r} is not a valid tag (use at most 128 letters, digits, '_', '.' and '-')")
    return text


Tag = Annotated[str, AfterValidator(check_tag)]
LabelName = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "is not a label name (org.example.key)")]


class Image(Model):
    """An image: its recipes, and the targets that it is built for."""

    summary: Line | None = None
    """Description in one line."""
    recipes: Annotated[OneOrMany[Line], Field(min_length=1)]
    """Recipes: requirements (`pytorch>=2.6`), and folders of the project's own recipes (`./app`)."""
    targets: Annotated[OneOrMany[TargetPattern], Field(min_length=1)]
    """Targets, by name or pattern (`jetpack-6.*`)."""
    platforms: OneOrMany[Platform] = ()
    """Platforms; all platforms of the targets if not set."""
    repository: Annotated[str, matching(REPOSITORY_PATH_PATTERN, "is not a repository")] | None = None
    """Repository in the registry; the image's name if not set."""
    tags: Annotated[OneOrMany[Tag], Field(min_length=1)] = ("${TAG}-{{ target.tag_suffix }}",)
    """Tags. `${NAME}` is a variable of the bake file; `{{ … }}` is a template that can use the target."""
    indexes: dict[Tag, dict[Platform, Name]] = {}
    """Tags that combine several targets: for each platform, the target whose image it uses."""
    board: Name | None = None
    """Board that the image runs on. Its runtime defaults are set in the environment; `env` overrides them."""
    env: dict[EnvName, Line] = {}
    """Environment variables of the image."""
    labels: dict[LabelName, Line] = {}
    """Labels of the image."""
    runtime: Runtime = Runtime()
    """How a container starts, in place of what the recipes set."""
    lint: Lint = Lint()
    """Findings that `edgebake lint` accepts, with reasons."""

    @model_validator(mode="after")
    def _indexes_of_own_targets(self) -> Image:
        for tag, parts in self.indexes.items():
            for platform, target in parts.items():
                if not any(fnmatchcase(target, pattern) for pattern in self.targets):
                    message = f"the image is not built for the target {target!r}"
                    hints = (f"its targets are: {', '.join(self.targets)}",)
                    raise BadValue(message, path=("indexes", tag, platform), hints=hints)
        return self


def _repository_path(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"{text!r} is a registry; use a repository in it, such as {text}/stacks")
    return text


StacksRepository = Annotated[Repository, AfterValidator(_repository_path)]
"""A repository including its registry."""


def _a_folder_below(text: str) -> str:
    if text == ".":
        raise ValueError("generated files need a folder of their own")
    return text


class Cache(Model):
    """BuildKit's cache shared between builders: `cache-from` and `cache-to` of the bake file."""

    type: Literal["registry", "local", "gha"]
    """Where the cache is stored: a repository, a folder, or GitHub Actions (at most 10 GB per repository)."""
    repository: StacksRepository | None = None
    """Repository of a `registry` cache; `cache` in the project's registry if not set."""
    folder: Annotated[PlainPath, AfterValidator(_a_folder_below)] = ".edgebake/cache"
    """Folder of a `local` cache."""
    mode: Literal["min", "max"] = "max"
    """`max` stores the steps of build stages as well, `min` only those of the images themselves."""

    @model_validator(mode="after")
    def _of_its_type(self) -> Cache:
        for field, kind in (("repository", "registry"), ("folder", "local")):
            if field in self.model_fields_set and self.type != kind:
                raise BadValue(f"a cache of type {self.type!r} cannot have {field!r}", path=(field,), is_key=True)
        return self


class Variable(Model):
    """A variable of the bake file."""

    default: Line = ""
    description: Line | None = None
    of: EnvName | None = None
    """Variable with a version that this one is derived from."""
    part: Literal["major", "minor", "latest"] | None = None
    """Part of that version: `1`, `1.4` or `latest` for the release 1.4.2. Of a pre-release it is the whole."""
    inject: Literal["revision", "date"] | None = None
    """Value that edgebake sets when it builds: the commit of the checkout, or the date (UTC)."""

    @model_validator(mode="after")
    def _one_origin(self) -> Variable:
        if (self.of is None) != (self.part is None):
            raise BadValue("`of` and `part` must be set together", hints=("such as {of: VERSION, part: minor}",))
        if self.of is not None and (self.default or self.inject):
            raise BadValue("`of` cannot be combined with `default` or `inject`")
        return self


class Project(Model):
    """A project."""

    registry: Repository = "localhost:5000"
    """Registry that images are pushed to: the default of REGISTRY in the bake file."""
    stacks: StacksRepository | None = None
    """Repository of shared stages. Builds publish stages there under their keys, and reuse them."""
    cache: Annotated[Cache, text_for("type")] | None = None
    """Cache shared between builders: `registry`, `local` or `gha`."""
    tag: Annotated[str, matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}", "is not a tag")] = "dev"
    """Default of TAG in the bake file."""
    recipes: OneOrMany[RelativePath] = ("recipes",)
    """Folders with the project's own recipes. They override the built-in catalogue."""
    targets: OneOrMany[RelativePath] = ("targets",)
    """Folders with the project's own targets. They override the built-in ones."""
    output: Annotated[PlainPath, AfterValidator(_a_folder_below)] = "bake"
    """Folder for the generated files."""
    formats: OneOrMany[Literal["hcl", "json"]] = ("hcl",)
    """Formats of the bake file."""
    mirrors: dict[Repository, Repository] = {}
    """Mirrors: registries, repositories or prefixes of them, and where to pull them from instead."""
    insecure_registries: OneOrMany[RegistryHost] = ()
    """Registries without TLS, such as one in a local network: `host` or `host:port`."""
    ca_bundle: Line | None = None
    """File with certificates that builds trust, as a build secret; "" for those of --ca-bundle alone."""
    wheelhouse: RelativePath | None = None
    """Folder of wheels that builds use before any package index."""
    provenance: Literal["off", "min", "max"] = "off"
    """Provenance attestations. They contain times, so each build changes the image's digest."""
    sbom: Flag = False
    """Whether images get an SBOM attestation from BuildKit's scanner."""
    variables: dict[EnvName, Annotated[Variable, text_for("default")]] = {}
    """Additional variables of the bake file, for tags and labels."""
    lint: ProjectLint = ProjectLint()
    """Findings that `edgebake lint` accepts in the whole project, and severities of its rules."""
    builder: Builder | None = None
    """Buildx builder that `edgebake builder create` creates."""
    ci: Ci = Ci()
    """Settings of the GitHub Actions workflow that `edgebake ci github` writes."""
    images: dict[ImageName, Image] = {}
    """Images, by name."""
    name: Annotated[str, matching(r"[a-z0-9][a-z0-9_-]*", "is not a Compose name")] | None = None
    """Name of the Compose project; the last part of the registry if not set."""
    services: dict[ServiceName, Service] = {}
    """Services, by name, for `edgebake compose`."""
    secrets: dict[SecretId, Secret] = {}
    """Secrets of builds and services, by name: where to read them, never their values."""
    ssh: dict[SshId, SshSource] = {}
    """SSH keys of builds, by name: `agent` (the one in SSH_AUTH_SOCK), or a key's file. `default` is for git."""

    @property
    def bake_file(self) -> str:
        """The path of the bake file that commands use, relative to the project."""
        return f"{self.output}/docker-bake.{self.formats[0]}"

    @model_validator(mode="after")
    def _services_fit(self) -> Project:
        check_services(self.services, set(self.images), self.secrets)
        return self

    @model_validator(mode="after")
    def _parts_of_variables(self) -> Project:
        plain = ["TAG", *(name for name, variable in self.variables.items() if variable.of is None)]
        for name, variable in self.variables.items():
            if variable.of is not None and variable.of not in plain:
                hints = (f"the variables are: {', '.join(plain)}",)
                raise BadValue(f"undefined variable {variable.of!r}", path=("variables", name, "of"), hints=hints)
        return self

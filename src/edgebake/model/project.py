"""The project file, `edgebake.yaml`: what the user ships, and where."""

from __future__ import annotations

import re
from fnmatch import fnmatchcase
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

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
    OrText,
    PlainPath,
    Platform,
    RelativePath,
    Repository,
    matching,
    no_control,
)
from edgebake.model.builder import Builder
from edgebake.model.ci import Ci
from edgebake.model.files import LOCK_FILE as LOCK_FILE
from edgebake.model.files import PROJECT_FILE as PROJECT_FILE
from edgebake.model.lint import Lint, ProjectLint
from edgebake.model.recipe import Runtime
from edgebake.model.service import Secret, Service, ServiceName, TargetPattern, check_services


def check_tag(text: str) -> str:
    """Return a tag that a registry takes, once its variables and templates are filled in.

    Raises:
        ValueError: it has characters that no tag has.
    """
    no_control(text)
    plain = re.sub(r"\$\{[A-Za-z_][A-Za-z0-9_]*\}|\{\{.*?\}\}", "x", text)
    if not re.fullmatch(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,127}", plain):
        raise ValueError(f"{text!r} is not a tag: letters, digits, '_', '.' and '-', at most 128")
    return text


Tag = Annotated[str, AfterValidator(check_tag)]


LabelName = Annotated[
    str, AfterValidator(matching(r"[A-Za-z0-9][A-Za-z0-9._/-]*", "is not a label's name (org.example.key)"))
]


class Image(Model):
    """What is shipped: recipes, and the targets that it is built for."""

    summary: Line | None = None
    """One line that says what it is."""
    recipes: Annotated[OneOrMany[Line], Field(min_length=1)]
    """Requirements (`pytorch>=2.6`), and the project's own recipes by path (`./app`)."""
    targets: Annotated[OneOrMany[TargetPattern], Field(min_length=1)]
    """Targets by name or pattern (`jetpack-6.*`)."""
    platforms: OneOrMany[Platform] = ()
    """Fewer platforms than the targets have."""
    repository: Annotated[str, AfterValidator(matching(REPOSITORY_PATH_PATTERN, "is not a repository"))] | None = (
        None
    )
    """Repository below the registry; the image's name if not set."""
    tags: Annotated[OneOrMany[Tag], Field(min_length=1)] = ("${TAG}-{{ target.tag_suffix }}",)
    """Tags; `${NAME}` is a variable of the bake file, `{{ … }}` sees the target."""
    indexes: dict[Tag, dict[Platform, Name]] = {}
    """Tags over several targets: for each platform, the target whose image stands there."""
    board: Name | None = None
    """The board it runs on: its runtime defaults are in the environment, where `env` does not say otherwise."""
    env: dict[EnvName, Line] = {}
    """Environment of the image."""
    labels: dict[LabelName, Line] = {}
    """Labels of the image."""
    runtime: Runtime = Runtime()
    """How a container starts, where it differs from what the recipes say."""
    lint: Lint = Lint()
    """What `edgebake lint` accepts of it, with the reasons."""

    @model_validator(mode="after")
    def _indexes_of_own_targets(self) -> Image:
        for tag, parts in self.indexes.items():
            for platform, target in parts.items():
                if not any(fnmatchcase(target, pattern) for pattern in self.targets):
                    raise BadValue(
                        f"the image is not built for the target {target!r}",
                        path=("indexes", tag, platform),
                        hints=(f"its targets are: {', '.join(self.targets)}",),
                    )
        return self


def _repository_path(text: str) -> str:
    if "/" not in text:
        raise ValueError(f"{text!r} is a registry; name a repository in it (such as {text}/stacks)")
    return text


StacksRepository = Annotated[Repository, AfterValidator(_repository_path)]
"""A repository with its registry."""


def _a_folder_below(text: str) -> str:
    if text == ".":
        raise ValueError("generated files need a folder of their own")
    return text


class Cache(Model):
    """BuildKit's cache between builders: what `cache-from` and `cache-to` of the bake file say."""

    type: Literal["registry", "local", "gha"]
    """Where it is kept: in a repository, in a folder, or with GitHub Actions (10 GB for a repository at most)."""
    repository: StacksRepository | None = None
    """For `registry`: the repository; `cache` below the project's registry if not set."""
    folder: Annotated[PlainPath, AfterValidator(_a_folder_below)] = ".edgebake/cache"
    """For `local`: the folder."""
    mode: Literal["min", "max"] = "max"
    """`max` keeps the steps of build halves too, `min` those of the images' own lines."""

    @model_validator(mode="after")
    def _of_its_type(self) -> Cache:
        for field, kind in (("repository", "registry"), ("folder", "local")):
            if field in self.model_fields_set and self.type != kind:
                raise BadValue(f"a cache of the type {self.type!r} has no {field}", path=(field,), is_key=True)
        return self


def _short_cache(value: Any) -> Any:
    return {"type": value} if isinstance(value, str) else value


class Variable(Model):
    """A variable of the bake file."""

    default: Line = ""
    description: Line | None = None
    of: EnvName | None = None
    """The variable with a version that this one is a part of."""
    part: Literal["major", "minor", "latest"] | None = None
    """Which: `1`, `1.4` or `latest` for the release 1.4.2. A pre-release stays as it is, and so moves no tag."""
    inject: Literal["revision", "date"] | None = None
    """Set by edgebake when it executes: the checkout's commit, or the day (UTC)."""

    @model_validator(mode="after")
    def _one_origin(self) -> Variable:
        if (self.of is None) != (self.part is None):
            raise BadValue("`of` and `part` belong together", hints=("{of: VERSION, part: minor}",))
        if self.of is not None and (self.default or self.inject):
            raise BadValue("what is a part of another variable has no value of its own")
        return self


def _short_variable(value: Any) -> Any:
    return {"default": value} if isinstance(value, str) else value


class Project(Model):
    """Everything in `edgebake.yaml`."""

    registry: Repository = "localhost:5000"
    """Where images are pushed; the default of the bake file's REGISTRY."""
    stacks: StacksRepository | None = None
    """Repository where stages that builds begin from are published under keys, and taken from."""
    cache: Annotated[Cache, BeforeValidator(_short_cache), OrText()] | None = None
    """Cache between builders: registry, local or gha."""
    tag: Annotated[str, AfterValidator(matching(r"[A-Za-z0-9_][A-Za-z0-9_.-]{0,60}", "is not a tag"))] = "dev"
    """Default of the bake file's TAG."""
    recipes: OneOrMany[RelativePath] = ("recipes",)
    """Folders with the project's own recipes, over the built-in catalogue."""
    targets: OneOrMany[RelativePath] = ("targets",)
    """Folders with the project's own targets, over the built-in ones."""
    output: Annotated[PlainPath, AfterValidator(_a_folder_below)] = "bake"
    """Folder of the generated files."""
    formats: OneOrMany[Literal["hcl", "json"]] = ("hcl",)
    """Bake files to write."""
    mirrors: dict[Repository, Repository] = {}
    """Repositories (or their first parts), and where they are fetched instead."""
    ca_bundle: Line | None = None
    """File with the certificates that builds trust; given to them as a secret, never part of an image."""
    wheelhouse: RelativePath | None = None
    """Folder of wheels that builds look at before an index."""
    provenance: Literal["off", "min", "max"] = "off"
    """Provenance attestations; they hold times, so an image's digest changes with each build."""
    sbom: Flag = False
    """Whether images get an SBOM attestation, made by BuildKit's scanner."""
    variables: dict[EnvName, Annotated[Variable, BeforeValidator(_short_variable), OrText()]] = {}
    """Further variables of the bake file, for tags and labels."""
    lint: ProjectLint = ProjectLint()
    """What `edgebake lint` accepts everywhere, with the reasons, and how grave its rules are."""
    builder: Builder | None = None
    """The Buildx builder that `edgebake builder create` makes."""
    ci: Ci = Ci()
    """GitHub Actions: the workflow that `edgebake ci github` writes."""
    images: dict[ImageName, Image] = {}
    """The images."""
    name: Annotated[str, AfterValidator(matching(r"[a-z0-9][a-z0-9_-]*", "is not a name for Compose"))] | None = (
        None
    )
    """What Compose calls the services together; the registry's last part if not set."""
    services: dict[ServiceName, Service] = {}
    """What runs together, for `edgebake compose`."""
    secrets: dict[Name, Secret] = {}
    """Where services' secrets are when they start; never their values."""

    @property
    def bake_file(self) -> str:
        """The path of the bake file that commands use, relative to the project's folder."""
        return f"{self.output}/docker-bake.{self.formats[0]}"

    @model_validator(mode="after")
    def _services_fit(self) -> Project:
        check_services(self.services, set(self.images), self.secrets)
        return self

    @model_validator(mode="after")
    def _parts_of_variables(self) -> Project:
        plain = ["TAG", *(name for name, one in self.variables.items() if one.of is None)]
        for name, one in self.variables.items():
            if one.of is not None and one.of not in plain:
                hints = (f"the variables are: {', '.join(plain)}",)
                raise BadValue(f"there is no variable {one.of!r}", path=("variables", name, "of"), hints=hints)
        return self

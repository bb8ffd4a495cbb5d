"""The project file, `edgebake.yaml`: what the user ships, and where."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import (
    EnvName,
    ImageName,
    Line,
    Model,
    OneOrMany,
    Platform,
    RelativePath,
    Repository,
    matching,
)
from edgebake.model.recipe import Runtime

PROJECT_FILE = "edgebake.yaml"
LOCK_FILE = "edgebake.lock"

TargetPattern = Annotated[str, AfterValidator(matching(r"[a-z0-9*?\[\]._-]+", "is not a target's name or pattern"))]


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
    repository: (
        Annotated[str, AfterValidator(matching(r"[a-z0-9]+(?:[._/-]+[a-z0-9]+)*", "is not a repository"))] | None
    ) = None
    """Repository below the registry; the image's name if not set."""
    tags: Annotated[OneOrMany[Line], Field(min_length=1)] = ("${TAG}-{{ target.tag_suffix }}",)
    """Tags; `${NAME}` is a variable of the bake file, `{{ … }}` sees the target."""
    env: dict[EnvName, Line] = {}
    """Environment of the image."""
    labels: dict[Line, Line] = {}
    """Labels of the image."""
    runtime: Runtime = Runtime()
    """How a container starts, where it differs from what the recipes say."""


class Variable(Model):
    """A variable of the bake file."""

    default: Line = ""
    description: Line | None = None


class Project(Model):
    """Everything in `edgebake.yaml`."""

    registry: Repository = "localhost:5000"
    """Where images are pushed; the default of the bake file's REGISTRY."""
    tag: Annotated[str, AfterValidator(matching(r"[\w][\w.-]{0,60}", "is not a tag"))] = "dev"
    """Default of the bake file's TAG."""
    recipes: OneOrMany[RelativePath] = ("recipes",)
    """Folders with the project's own recipes, over the built-in catalogue."""
    targets: OneOrMany[RelativePath] = ("targets",)
    """Folders with the project's own targets, over the built-in ones."""
    output: RelativePath = "bake"
    """Folder of the generated files."""
    formats: OneOrMany[Literal["hcl", "json"]] = ("hcl",)
    """Bake files to write."""
    mirrors: dict[Line, Repository] = {}
    """Repositories (or their first parts), and where they are fetched instead."""
    ca_bundle: Line | None = None
    """File with the certificates that builds trust; given to them as a secret, never part of an image."""
    wheelhouse: RelativePath | None = None
    """Folder of wheels that builds look at before an index."""
    provenance: Literal["off", "min", "max"] = "off"
    """Provenance attestations; they hold times, so an image's digest changes with each build."""
    variables: dict[EnvName, Variable] = {}
    """Further variables of the bake file, for tags and labels."""
    images: dict[ImageName, Image] = {}
    """The images."""

    @model_validator(mode="before")
    @classmethod
    def _short_variables(cls, data: Any) -> Any:
        if isinstance(data, dict) and isinstance(data.get("variables"), dict):
            short = {k: {"default": v} if isinstance(v, str) else v for k, v in data["variables"].items()}
            return {**data, "variables": short}
        return data

"""How the project is built in GitHub Actions."""

from __future__ import annotations

from typing import Annotated

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from edgebake.model.base import (
    BadValue,
    Flag,
    Line,
    Model,
    OneOrMany,
    PlainPath,
    Platform,
    Repository,
    matching,
)

EMULATED = "emulated"
"""Instead of a runner's labels: the platform has none, and is built under QEMU."""

RunnerLabel = Annotated[str, AfterValidator(matching(r"[A-Za-z0-9][A-Za-z0-9._-]*", "is not a runner's label"))]
Branch = Annotated[
    str, AfterValidator(matching(r"[A-Za-z0-9*][A-Za-z0-9._/*-]*", "is not a branch's name or pattern"))
]
SecretName = Annotated[
    str, AfterValidator(matching(r"(?!GITHUB_)[A-Za-z_][A-Za-z0-9_]*", "is not the name of a secret"))
]


def _workflow_path(text: str) -> str:
    if not text.endswith((".yml", ".yaml")):
        raise ValueError(f"{text!r} does not end in .yml or .yaml; GitHub would not read it")
    return text


def _requirement(text: str) -> str:
    if not text.strip() or text.lstrip().startswith("-"):
        raise ValueError(f"{text!r} is nothing that pip installs")
    return text


_Count = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 256}), Field(ge=1, le=256)]
_Minutes = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1}), Field(ge=1, le=7200)]


class Ci(Model):
    """GitHub Actions: what `edgebake ci github` writes."""

    output: Annotated[PlainPath, AfterValidator(_workflow_path)] = ".github/workflows/edgebake.yml"
    """The workflow's file, relative to the repository's folder."""
    branches: Annotated[OneOrMany[Branch], Field(min_length=1)] = ("main",)
    """Branches from which images are published; pull requests to them are built."""
    tags: OneOrMany[Branch] = ()
    """Git tags (`v*`) from which images are published, too; the bake file's TAG is then the git tag."""
    install: Annotated[OneOrMany[Annotated[Line, AfterValidator(_requirement)]], Field()] = ()
    """What pip installs to have edgebake; its own version if not set."""
    registry: Repository | None = None
    """Where the workflow pushes, if not to the project's `registry`."""
    username: SecretName = "REGISTRY_USERNAME"
    """Secret with the user's name at the registry; not for ghcr.io, which takes GitHub's own token."""
    password: SecretName = "REGISTRY_PASSWORD"
    """Secret with the password or token."""
    login: Flag = True
    """Whether to log in at the registry at all."""
    runners: dict[Platform, Annotated[OneOrMany[RunnerLabel], Field(min_length=1)]] = {}
    """Labels of the runners by platform, over GitHub's own; `emulated` if there is none."""
    jobs: _Count = 256
    """Most jobs of one run; GitHub takes no more than 256."""
    parallel: _Count = 8
    """Most jobs at the same time."""
    timeout: _Minutes = 360
    """Minutes after which a job is given up; GitHub's own runners stop at 360."""
    test: Flag = True
    """Whether the images' tests run before anything is pushed."""
    sign: Flag = False
    """Whether published images are signed with cosign, by the workflow's own identity."""

    @model_validator(mode="after")
    def _a_runner_for_what_is_emulated(self) -> Ci:
        emulated = [platform for platform, labels in self.runners.items() if EMULATED in labels]
        for platform in emulated:
            if len(self.runners[platform]) > 1:
                raise BadValue(f"{EMULATED!r} stands alone", path=("runners", platform))
        if len(emulated) > 1:
            raise BadValue("one platform needs a runner of its own", path=("runners",))
        return self

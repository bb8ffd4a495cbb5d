"""Settings of the GitHub Actions workflow."""

from __future__ import annotations

import re
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, WithJsonSchema, model_validator

from edgebake.model.base import Address, BadValue, Flag, Model, OneOrMany, PlainPath, Platform, Repository, matching

EMULATED = "emulated"
"""In place of runner labels: the platform has no runner and is built under QEMU."""

RunnerLabel = Annotated[str, matching(r"[A-Za-z0-9][A-Za-z0-9._-]*", "is not a runner label")]
Branch = Annotated[str, matching(r"[A-Za-z0-9*][A-Za-z0-9._/*-]*", "is not a branch name or pattern")]
SecretName = Annotated[str, matching(r"(?!GITHUB_)[A-Za-z_][A-Za-z0-9_]*", "is not a secret name")]


_WorkflowPath = Annotated[
    PlainPath, matching(r".*\.ya?ml", "does not end in .yml or .yaml, so GitHub would ignore it")
]


_FIXED_SOURCES = (
    r"\.{1,2}/[^\s;]+( *;.*)?",  # a path in the repository
    r"[A-Za-z0-9._\[\],-]+ *@ *git\+(https|ssh)://[^\s@#]+(@[^\s@#/]+/[^\s@#]+)?@[0-9a-f]{40}(#[^\s]+)?",
    r"[A-Za-z0-9._\[\],-]+ *@ *https://[^\s#]+#sha256=[0-9a-f]{64}",
    r"[A-Za-z0-9._\[\],-]+ *==[^\s*]+( --hash=sha256:[0-9a-f]{64})+",
)


def _fixed_requirement(text: str) -> str:
    """Return a requirement of pip's that always is the same bytes: jobs with secrets run what it installs."""
    if not any(re.fullmatch(pattern, text.strip()) for pattern in _FIXED_SOURCES):
        raise BadValue(
            f"{text!r} does not say which bytes to install",
            hints=(
                "name a commit: edgebake @ git+https://HOST/PATH@COMMIT (40 digits)",
                "or a wheel with its hash: edgebake @ https://HOST/NAME.whl#sha256=HASH",
                "or a path in the repository: ./tools/NAME.whl",
            ),
        )
    return text


_Count = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1, "maximum": 256}), Field(ge=1, le=256)]
_Minutes = Annotated[int, WithJsonSchema({"type": "integer", "minimum": 1}), Field(ge=1, le=7200)]


class Ci(Model):
    """Settings of the GitHub Actions workflow that `edgebake ci github` writes."""

    output: _WorkflowPath = ".github/workflows/edgebake.yml"
    """Path of the workflow file, relative to the repository."""
    branches: Annotated[OneOrMany[Branch], Field(min_length=1)] = ("main",)
    """Branches that publish images. Pull requests to them are built."""
    tags: OneOrMany[Branch] = ()
    """Git tags (`v*`) that publish images. The bake file's TAG is then the git tag."""
    install: Annotated[OneOrMany[Annotated[Address, AfterValidator(_fixed_requirement)]], Field()] = ()
    """What pip installs to get edgebake: a git URL with a commit, a wheel with its hash, or a path. No default."""
    registry: Repository | None = None
    """Registry that the workflow pushes to; the project's `registry` if not set."""
    username: SecretName = "REGISTRY_USERNAME"
    """Secret with the user name for the registry. Not used for ghcr.io, which takes GitHub's own token."""
    password: SecretName = "REGISTRY_PASSWORD"
    """Secret with the password or token for the registry."""
    lfs: Flag = False
    """Whether checkouts fetch the files that git-lfs keeps."""
    submodules: Literal["no", "yes", "recursive"] = "no"
    """Whether checkouts have the submodules of the repository, and theirs."""
    login: Flag = True
    """Whether to log in to the registry."""
    runners: dict[Platform, Annotated[OneOrMany[RunnerLabel], Field(min_length=1)]] = {}
    """Runner labels by platform, in place of GitHub's own runners; `emulated` for a platform without a runner."""
    jobs: _Count = 256
    """Maximum number of jobs in a run. GitHub's limit is 256."""
    parallel: _Count = 8
    """Maximum number of jobs at the same time."""
    timeout: _Minutes = 360
    """Time limit of a job in minutes. The limit of GitHub's own runners is 360."""
    test: Flag = True
    """Whether to run the images' tests before anything is pushed."""
    sign: Flag = False
    """Whether to sign published images with cosign, using the workflow's identity."""

    @model_validator(mode="after")
    def _a_runner_for_what_is_emulated(self) -> Ci:
        emulated = [platform for platform, labels in self.runners.items() if EMULATED in labels]
        for platform in emulated:
            if len(self.runners[platform]) > 1:
                raise BadValue(f"{EMULATED!r} cannot be combined with other labels", path=("runners", platform))
        if len(emulated) > 1:
            raise BadValue("at least one platform needs a runner", path=("runners",))
        return self

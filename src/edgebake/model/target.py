"""Targets: where an image runs. Data only; nothing is detected."""

from __future__ import annotations

from typing import Annotated, Literal

from packaging.version import Version
from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from edgebake.model.base import BadValue, Flag, Line, Model, Name, OneOrMany, Platform, Reference, matching
from edgebake.model.condition import Fact
from edgebake.model.versions import parse_version

# glibc of each distribution, from packages.debian.org and packages.ubuntu.com (source package glibc).
GLIBC = {
    "debian:11": "2.31",
    "debian:12": "2.36",
    "debian:13": "2.41",
    "ubuntu:18.04": "2.27",
    "ubuntu:20.04": "2.31",
    "ubuntu:22.04": "2.35",
    "ubuntu:24.04": "2.39",
}


def _version(text: str) -> str:
    parse_version(text)
    return text


TargetVersion = Annotated[str, AfterValidator(_version)]
Os = Annotated[str, AfterValidator(matching(r"[a-z]+:[0-9][0-9.]*", "is not an operating system (ubuntu:22.04)"))]
Sm = Annotated[str, AfterValidator(matching(r"[0-9]{2,3}[a-z]?", "is not a GPU architecture (87, 90a)"))]


class Base(Model):
    """The image that a target's images start from."""

    image: Reference
    """Reference of the base image."""
    native: Reference | None = None
    """Image for stages on the build platform, if the base does not exist there."""
    provides: OneOrMany[Name] = ()
    """Facts that the base image brings with it (cuda, cudnn, …), so that no recipe installs them."""


class Target(Model):
    """A platform profile: base image, OCI platforms, and the versions that decide what runs there."""

    name: Name
    """Its name: jetpack-6.2, cuda-12.8, cpu."""
    family: Name
    """jetpack, cuda, sbsa, runpod, cpu."""
    summary: Line
    """One line that says what it is."""
    platforms: Annotated[OneOrMany[Platform], Field(min_length=1)]
    """OCI platforms."""
    base: Base
    """The image that its images start from."""
    os: Os
    """Operating system of the base image."""
    l4t: TargetVersion | None = None
    """Linux for Tegra."""
    jetpack: TargetVersion | None = None
    cuda: TargetVersion | None = None
    cudnn: TargetVersion | None = None
    tensorrt: TargetVersion | None = None
    python: TargetVersion | None = None
    """The distribution's Python, major.minor."""
    sm: OneOrMany[Sm] = ()
    """GPU architectures; text, because 90a exists."""
    cuda_flavour: Literal["tegra", "sbsa", "x86"] | None = None
    """Which CUDA binaries run here."""
    host_libraries: Flag = False
    """Whether CUDA, cuDNN and TensorRT are mounted from the host (JetPack 4)."""
    memory: Literal["shared", "discrete"] | None = None
    """Whether the GPU shares the CPU's memory."""
    board: Name | None = None
    """One board, if the target is for no other."""
    driver: Line | None = None
    """What the host's driver must be."""
    groups: OneOrMany[Name] = ()
    """Groups of the host's device files, which the image's user joins."""
    tag_suffix: Annotated[str, AfterValidator(matching(r"[A-Za-z0-9_.-]+", "cannot stand in a tag"))]
    """What its tags end in; unique among targets."""
    sources: OneOrMany[Line] = ()
    """Pages that its facts come from."""
    _declared: Target | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> Target:
        if self.os not in GLIBC:
            raise BadValue(
                f"the C library of {self.os!r} is not known",
                path=("os",),
                hints=(f"the known ones are: {', '.join(sorted(GLIBC))}",),
            )
        if len(set(self.platforms)) != len(self.platforms):
            raise BadValue("a platform stands twice", path=("platforms",))
        if self.cuda and not self.cuda_flavour:
            raise BadValue("a target with cuda needs cuda_flavour: tegra, sbsa or x86", path=("cuda",))
        return self

    def version(self, fact: str) -> Version | None:
        """Return a versioned fact (cuda, python, …) for comparing, or None if the target has none."""
        text = getattr(self, fact)
        return None if text is None else parse_version(text)

    def with_python(self, version: str) -> Target:
        """Return the target as an image has it that asks for a Python (major.minor), the distribution's or not."""
        if version == self.python:
            return self
        if version == self.declared.python:
            return self.declared
        other = self.model_copy(update={"python": version})
        other._declared = self.declared
        return other

    @property
    def declared(self) -> Target:
        """The target as its file has it, with the distribution's Python."""
        return self._declared or self

    @property
    def python_origin(self) -> Literal["distribution", "recipe"] | None:
        """Where Python comes from: the distribution, or the recipe of another one; None if there is no Python."""
        if self.python is None:
            return None
        return "distribution" if self._declared is None else "recipe"

    @property
    def glibc(self) -> str:
        """The C library's version, which decides what wheels run here."""
        return GLIBC[self.os]

    @property
    def is_tegra(self) -> bool:
        """Whether the GPU is a Jetson's."""
        return self.cuda_flavour == "tegra" or self.family == "jetpack"


def facts(target: Target, platform: str | None) -> dict[str, Fact]:
    """Return what conditions see. `platform` None: a stage of the build platform, whose platform is unknown."""
    return {
        "target": target.name,
        "family": target.family,
        "jetpack": target.jetpack,
        "l4t": target.l4t,
        "cuda": target.cuda,
        "cudnn": target.cudnn,
        "tensorrt": target.tensorrt,
        "python": target.python,
        "python_origin": target.python_origin,
        "os": target.os,
        "platform": platform,
        "sm": target.sm or None,
        "cuda_flavour": target.cuda_flavour,
        "board": target.board,
        "memory": target.memory,
        "host_libraries": str(target.host_libraries).lower(),
    }


_SYSTEM_ARCH = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


def system_variables(target: Target, platform: str | None) -> dict[str, str]:
    """Return the variables that recipes' scripts and templates see; they come from the target, never a host.

    SYSTEM_ARCH (as `uname -m` says it) is absent if `platform` is None.
    """
    values = {
        "BASE_OS": target.os,
        "CUDA_ARCHITECTURES": ";".join(target.sm),
        "CUDA_FLAVOUR": target.cuda_flavour or "",
        "CUDA_VERSION": target.cuda or "",
        "CUDNN_VERSION": target.cudnn or "",
        "IS_SBSA": "1" if target.cuda_flavour == "sbsa" else "0",
        "IS_TEGRA": "1" if target.is_tegra else "0",
        "JETPACK_VERSION": target.jetpack or "",
        "L4T_VERSION": target.l4t or "",
        "PYTHON_VERSION": target.python or "",
        "SHARED_MEMORY": "1" if target.memory == "shared" else "0",
        "TARGET_NAME": target.name,
        "TENSORRT_VERSION": target.tensorrt or "",
    }
    if platform is not None:
        values["SYSTEM_ARCH"] = _SYSTEM_ARCH[platform]
    return values

"""Targets: where an image runs. Data only, nothing is detected."""

from __future__ import annotations

from typing import Annotated, Literal

from packaging.version import Version
from pydantic import AfterValidator, Field, PrivateAttr, model_validator

from edgebake.model.base import Address, BadValue, Flag, Line, Model, Name, OneOrMany, Platform, Reference, matching
from edgebake.model.condition import FACT_NAMES, Fact
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
Os = Annotated[str, matching(r"[a-z]+:[0-9][0-9.]*", "is not an operating system (ubuntu:22.04)")]
Sm = Annotated[str, matching(r"[0-9]{2,3}[a-z]?", "is not a GPU architecture (87, 90a)")]


class Base(Model):
    """The image that a target's images start from."""

    image: Reference
    """Reference of the base image."""
    native: Reference | None = None
    """Image for stages on the build platform, if the base image does not exist for it."""
    provides: OneOrMany[Name] = ()
    """Facts that the base image includes (cuda, cudnn, …). No recipe installs them."""


class Target(Model):
    """A target: base image, platforms, and the versions that decide what runs there."""

    name: Name
    """Name of the target, such as jetpack-6.2, cuda-12.8 or cpu."""
    family: Name
    """Family, such as jetpack, cuda, sbsa, runpod or cpu."""
    summary: Line
    """Description in one line."""
    platforms: Annotated[OneOrMany[Platform], Field(min_length=1)]
    """OCI platforms."""
    base: Base
    """Base image of its images."""
    os: Os
    """Operating system of the base image."""
    l4t: TargetVersion | None = None
    """Version of Linux for Tegra."""
    jetpack: TargetVersion | None = None
    cuda: TargetVersion | None = None
    cudnn: TargetVersion | None = None
    tensorrt: TargetVersion | None = None
    python: TargetVersion | None = None
    """Version of the distribution's Python (3.10)."""
    sm: OneOrMany[Sm] = ()
    """GPU architectures (87, 90a)."""
    cuda_flavour: Literal["tegra", "sbsa", "x86"] | None = None
    """Kind of CUDA binaries that run here."""
    host_libraries: Flag = False
    """Whether CUDA, cuDNN and TensorRT are mounted from the host (JetPack 4)."""
    memory: Literal["shared", "discrete"] | None = None
    """Whether the GPU shares the CPU's memory."""
    board: Name | None = None
    """Board, if the target is for a single one."""
    driver: Line | None = None
    """Driver that the host needs."""
    groups: OneOrMany[Name] = ()
    """Groups of the host's device files. The image's user is a member of them."""
    tag_suffix: Annotated[str, matching(r"[A-Za-z0-9_.-]+", "cannot be part of a tag")]
    """Suffix of its tags; unique among targets."""
    sources: OneOrMany[Address] = ()
    """Pages that the facts come from."""
    _declared: Target | None = PrivateAttr(default=None)

    @model_validator(mode="after")
    def _consistent(self) -> Target:
        if self.os not in GLIBC:
            message = f"unknown C library of {self.os!r}"
            raise BadValue(message, path=("os",), hints=(f"supported systems: {', '.join(sorted(GLIBC))}",))
        if len(set(self.platforms)) != len(self.platforms):
            raise BadValue("a platform is listed twice", path=("platforms",))
        if self.cuda and not self.cuda_flavour:
            raise BadValue("a target with cuda needs cuda_flavour (tegra, sbsa or x86)", path=("cuda",))
        return self

    def version(self, fact: str) -> Version | None:
        """Return a version fact (cuda, python, …) as a version; None if the target has none."""
        text = getattr(self, fact)
        return None if text is None else parse_version(text)

    def with_python(self, version: str) -> Target:
        """Return the target for an image that requires a Python version (major.minor)."""
        if version == self.python:
            return self
        if version == self.declared.python:
            return self.declared
        changed = self.model_copy(update={"python": version})
        changed._declared = self.declared
        return changed

    @property
    def declared(self) -> Target:
        """The target as declared in its file, with the distribution's Python."""
        return self._declared or self

    @property
    def python_origin(self) -> Literal["distribution", "recipe"] | None:
        """The origin of Python: the distribution or a recipe; None if the target has no Python."""
        if self.python is None:
            return None
        return "distribution" if self._declared is None else "recipe"

    @property
    def glibc(self) -> str:
        """The version of the C library, which decides what wheels run here."""
        return GLIBC[self.os]

    @property
    def is_tegra(self) -> bool:
        """Whether the target is a Jetson."""
        return self.cuda_flavour == "tegra" or self.family == "jetpack"


def facts(target: Target, platform: str | None) -> dict[str, Fact]:
    """Return the facts that conditions can use.

    `platform` is None for a stage on the build platform, which is not known when compiling.
    """
    values: dict[str, Fact] = {name: getattr(target, name, None) for name in FACT_NAMES}
    host_libraries = str(target.host_libraries).lower()
    changed = {"target": target.name, "platform": platform, "sm": target.sm or None}
    return {**values, **changed, "host_libraries": host_libraries}


_SYSTEM_ARCH = {"linux/amd64": "x86_64", "linux/arm64": "aarch64"}


def system_variables(target: Target, platform: str | None) -> dict[str, str]:
    """Return the variables for scripts and templates of recipes. They depend on the target only, never on a host.

    SYSTEM_ARCH, as `uname -m` prints it, is missing if `platform` is None.
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

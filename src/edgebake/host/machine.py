"""What is known of a machine: each fact with where it comes from. What is not known is None, never a guess."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, fields
from typing import Any, Generic, Literal, TypeVar

T = TypeVar("T")
Kind = Literal["jetson", "sbsa", "pc"]
Flavour = Literal["tegra", "sbsa", "x86"]


@dataclass(frozen=True)
class Fact(Generic[T]):
    """A value, and the file or program that says so."""

    value: T
    source: str


@dataclass(frozen=True)
class Gpu:
    """A GPU. Memory in bytes; None where the GPU shares the CPU's, or nobody says.

    `sm`: its architecture (87). `brand`: as NVIDIA's container toolkit names it (geforce, tesla, quadrortx, …).
    """

    name: str | None
    sm: str | None
    memory: int | None
    brand: str | None
    sources: tuple[str, ...]


@dataclass(frozen=True)
class ContainerRuntime:
    """How containers get a GPU here: NVIDIA's runtime, or device names of the container device interface (CDI)."""

    docker: bool = False
    nvidia_runtime: str | None = None
    """Where NVIDIA's runtime is."""
    configured: bool = False
    """Whether Docker knows NVIDIA's runtime by name."""
    default: bool = False
    """Whether Docker runs every container with it."""
    cdi: tuple[str, ...] = ()
    """CDI devices (nvidia.com/gpu=all)."""
    host_files: tuple[str, ...] = ()
    """Lists of files that are mounted from a Jetson into containers."""


@dataclass(frozen=True)
class Machine:
    """A machine. Memory in bytes; versions as text."""

    architecture: Fact[str] | None = None
    """As OCI has it: amd64, arm64."""
    kind: Fact[Kind] | None = None
    """jetson; sbsa, which is any other arm64 machine; pc."""
    model: Fact[str] | None = None
    """What the maker calls it."""
    parts: tuple[str, ...] = ()
    """Part numbers of carrier board and module, as the device tree has them (p3767-0005)."""
    soc: Fact[str] | None = None
    """tegra234."""
    l4t: Fact[str] | None = None
    jetpack: Fact[str] | None = None
    os: Fact[str] | None = None
    """ubuntu:22.04."""
    glibc: Fact[str] | None = None
    python: Fact[str] | None = None
    """major.minor of /usr/bin/python3."""
    memory: Fact[int] | None = None
    driver: Fact[str] | None = None
    """Version of NVIDIA's kernel driver."""
    cuda: Fact[str] | None = None
    """The newest CUDA that the driver knows."""
    toolkit: Fact[str] | None = None
    """The CUDA toolkit that is installed."""
    cuda_flavour: Fact[Flavour] | None = None
    """Which CUDA binaries run here."""
    gpus: tuple[Gpu, ...] = ()
    runtime: ContainerRuntime = field(default_factory=ContainerRuntime)
    notes: tuple[str, ...] = ()
    """What was seen and is no fact."""

    @property
    def sms(self) -> tuple[str, ...]:
        """The architectures of its GPUs, each once."""
        return tuple(sorted({gpu.sm for gpu in self.gpus if gpu.sm}))

    @property
    def platform(self) -> str | None:
        """The OCI platform of its images."""
        return f"linux/{self.architecture.value}" if self.architecture else None

    @property
    def is_jetson(self) -> bool:
        return self.kind is not None and self.kind.value == "jetson"

    def facts(self) -> Iterator[tuple[str, Fact[Any] | None]]:
        """Yield the name of each fact, and the fact; None if it is not known."""
        for one in fields(self):
            if one.name not in ("parts", "gpus", "runtime", "notes"):
                yield one.name, getattr(self, one.name)

"""What is known of a machine: each fact with where it comes from. What is not known is None, never a guess."""

from __future__ import annotations

from dataclasses import field
from typing import Generic, Literal, TypeVar

from edgebake.dataclasses import dataclass

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
    """How containers get a GPU here: NVIDIA's runtime, or device names of the container device interface (CDI).

    `nvidia_runtime` is where it is; `configured`: Docker knows it by name; `default`: Docker runs every container
    with it. `cdi` are devices (nvidia.com/gpu=all), `host_files` lists of files that are mounted from a Jetson.
    """

    docker: bool = False
    nvidia_runtime: str | None = None
    configured: bool = False
    default: bool = False
    cdi: tuple[str, ...] = ()
    host_files: tuple[str, ...] = ()


@dataclass(frozen=True)
class Machine:
    """A machine. Memory in bytes; versions as text.

    Attributes:
        architecture: as OCI has it: amd64, arm64.
        kind: sbsa is any other arm64 machine than a Jetson.
        model: what the maker calls it.
        parts: part numbers of carrier board and module, as the device tree has them (p3767-0005).
        soc: tegra234; `os`: ubuntu:22.04; `python`: major.minor of /usr/bin/python3.
        driver: version of NVIDIA's kernel driver; `cuda`: the newest CUDA that it knows.
        toolkit: the CUDA toolkit that is installed.
        cuda_flavour: which CUDA binaries run here.
        notes: what was seen and is no fact.
    """

    architecture: Fact[str] | None = None
    kind: Fact[Kind] | None = None
    model: Fact[str] | None = None
    parts: tuple[str, ...] = ()
    soc: Fact[str] | None = None
    l4t: Fact[str] | None = None
    jetpack: Fact[str] | None = None
    os: Fact[str] | None = None
    glibc: Fact[str] | None = None
    python: Fact[str] | None = None
    memory: Fact[int] | None = None
    driver: Fact[str] | None = None
    cuda: Fact[str] | None = None
    toolkit: Fact[str] | None = None
    cuda_flavour: Fact[Flavour] | None = None
    gpus: tuple[Gpu, ...] = ()
    runtime: ContainerRuntime = field(default_factory=ContainerRuntime)
    notes: tuple[str, ...] = ()

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

"""How a service gets the GPU: the way that it asks for, or the target's usual one, as Compose writes it."""

from __future__ import annotations

from edgebake.model.gpu import GpuAccess, gpu_access
from edgebake.model.service import Gpu
from edgebake.model.target import Target
from edgebake.templating.yaml_file import Value


def service_access(gpu: Gpu, target: Target) -> GpuAccess:
    """Return what gives a service the GPU: on a server a reservation, on a Jetson NVIDIA's runtime."""
    access = gpu.access
    if access == "auto":
        access = "runtime" if target.is_tegra else "reservation"
    return gpu_access(access, gpu.devices or _first(gpu), is_jetson=target.is_tegra)


def _first(gpu: Gpu) -> tuple[str, ...]:
    """Return a number of GPUs as the ids of the first ones."""
    return ("all",) if gpu.count == "all" else tuple(str(index) for index in range(int(gpu.count)))


def reservation(gpu: Gpu) -> dict[str, Value]:
    """Return an entry of `deploy.resources.reservations.devices`: Compose knows a number of GPUs, too."""
    which: dict[str, Value] = {"count": gpu.count if gpu.count == "all" else int(gpu.count)}
    if gpu.devices:
        which = {"device_ids": list(gpu.devices)}
    return {"driver": "nvidia", **which, "capabilities": ["gpu"]}

"""How a container gets the GPU, by target. `host.flags` says the same of a machine that is there.

* A server: Compose reserves devices, as `docker run --gpus` does
  (https://docs.docker.com/compose/how-tos/gpu-support/).
* A Jetson: NVIDIA's container runtime, which mounts the board's own libraries
  (https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html).
* A machine with a CDI specification, where a project asks for it: a CDI device, among device files
  (https://github.com/compose-spec/compose-spec/blob/main/05-services.md#devices).
"""

from __future__ import annotations

from dataclasses import dataclass, field

from edgebake.model.service import Gpu
from edgebake.model.target import Target
from edgebake.templating.yaml_file import Value

CDI = "nvidia.com/gpu"


@dataclass(frozen=True)
class GpuAccess:
    """What a Compose service says to get the GPU: exactly one of the first three.

    Attributes:
        runtime: the container runtime.
        reservation: an entry of `deploy.resources.reservations.devices`.
        devices: entries among the device files.
        environment: variables that belong to it.
    """

    runtime: str = ""
    reservation: dict[str, Value] = field(default_factory=dict)
    devices: tuple[str, ...] = ()
    environment: dict[str, str] = field(default_factory=dict)


def gpu_access(gpu: Gpu, target: Target) -> GpuAccess:
    """Return what gives a service the GPU on a target."""
    access = gpu.access
    if access == "auto":
        access = "runtime" if target.is_tegra else "reservation"
    if access == "runtime":
        variables = {
            "NVIDIA_VISIBLE_DEVICES": ",".join(gpu.devices) or _counted(gpu),
            "NVIDIA_DRIVER_CAPABILITIES": "compute,utility,graphics,video" if target.is_tegra else "all",
        }
        return GpuAccess(runtime="nvidia", environment=variables)
    if access == "cdi":
        return GpuAccess(devices=tuple(f"{CDI}={device}" for device in gpu.devices or _counted(gpu).split(",")))
    return GpuAccess(reservation=_reservation(gpu))


def _counted(gpu: Gpu) -> str:
    """Return a number of GPUs as a list of the first ones, for what knows no numbers."""
    return "all" if gpu.count == "all" else ",".join(str(index) for index in range(int(gpu.count)))


def _reservation(gpu: Gpu) -> dict[str, Value]:
    which: dict[str, Value] = {"count": gpu.count if gpu.count == "all" else int(gpu.count)}
    if gpu.devices:
        which = {"device_ids": list(gpu.devices)}
    return {"driver": "nvidia", **which, "capabilities": ["gpu"]}

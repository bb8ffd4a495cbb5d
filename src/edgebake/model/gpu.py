"""How a container gets the GPU: the one rule, for Compose files and for `docker run`.

* NVIDIA's container runtime, which on a Jetson mounts the board's own libraries
  (https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html).
* A reservation of devices: `docker run --gpus`, and Compose's `deploy.resources.reservations`
  (https://docs.docker.com/compose/how-tos/gpu-support/).
* CDI devices, among device files, on a machine with a CDI specification
  (https://github.com/cncf-tags/container-device-interface).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import field
from typing import Literal

from edgebake.dataclasses import dataclass

Access = Literal["runtime", "reservation", "cdi"]
ALL = ("all",)
CDI_KIND = "nvidia.com/gpu"
ULIMITS = {"memlock": -1, "stack": 67108864}
"""Limits in bytes for programs that use a GPU: no limit on what it reads, and the stack that NVIDIA's images want.

https://docs.nvidia.com/deeplearning/frameworks/user-guide/index.html#setincshmem
"""


@dataclass(frozen=True)
class GpuAccess:
    """What gives a container the GPU: exactly one of the first three.

    Attributes:
        runtime: the container runtime.
        reserved: GPUs that are reserved: ids, or `all`.
        cdi: CDI devices (`nvidia.com/gpu=all`).
        environment: variables that belong to the runtime: which GPUs it gives, and which of the driver's libraries.
    """

    runtime: str = ""
    reserved: tuple[str, ...] = ()
    cdi: tuple[str, ...] = ()
    environment: Mapping[str, str] = field(default_factory=dict)


def gpu_access(access: Access, devices: Sequence[str] = ALL, *, is_jetson: bool) -> GpuAccess:
    """Return what gives a container GPUs.

    Args:
        access: the way.
        devices: ids of the GPUs, or `all`; for CDI, whole device names may be given.
        is_jetson: whether it is a Jetson, whose driver has other libraries.
    """
    if access == "cdi":
        return GpuAccess(cdi=tuple(one if "=" in one else f"{CDI_KIND}={one}" for one in devices))
    if access == "reservation":
        return GpuAccess(reserved=tuple(devices))
    # Without these the runtime changes nothing; images from NVIDIA set them themselves.
    variables = {
        "NVIDIA_VISIBLE_DEVICES": ",".join(devices),
        "NVIDIA_DRIVER_CAPABILITIES": "compute,utility,graphics,video" if is_jetson else "all",
    }
    return GpuAccess(runtime="nvidia", environment=variables)

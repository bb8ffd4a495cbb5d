"""How a container gets the GPU, by target. `host.flags` says the same of a machine that is there.

* A server: Compose reserves devices, as `docker run --gpus` does
  (https://docs.docker.com/compose/how-tos/gpu-support/).
* A Jetson: NVIDIA's container runtime, which mounts the board's own libraries
  (https://docs.nvidia.com/datacenter/cloud-native/container-toolkit/latest/docker-specialized.html).
* A machine with a CDI specification, where a project asks for it: a CDI device, among device files
  (https://github.com/compose-spec/compose-spec/blob/main/05-services.md#devices).
"""

from __future__ import annotations

from edgebake.model.service import Gpu
from edgebake.model.target import Target
from edgebake.render.yaml_file import Commented, Value

CDI = "nvidia.com/gpu"


def gpu_keys(gpu: Gpu, target: Target) -> tuple[dict[str, Value], dict[str, str]]:
    """Return what gives a service the GPU: keys of a Compose service, and variables of its environment."""
    access = gpu.access
    if access == "auto":
        access = "runtime" if target.is_tegra else "reservation"
    if access == "runtime":
        capabilities = "compute,utility,graphics,video" if target.is_tegra else "all"
        variables = {
            "NVIDIA_VISIBLE_DEVICES": ",".join(gpu.devices) or _counted(gpu),
            "NVIDIA_DRIVER_CAPABILITIES": capabilities,
        }
        return {
            "runtime": Commented("nvidia", "NVIDIA's runtime gives the GPU and the driver's libraries.")
        }, variables
    if access == "cdi":
        devices = [f"{CDI}={device}" for device in gpu.devices or _counted(gpu).split(",")]
        return {"devices": devices}, {}
    return {"deploy": {"resources": {"reservations": {"devices": [_reservation(gpu)]}}}}, {}


def _counted(gpu: Gpu) -> str:
    """Return a number of GPUs as a list of the first ones, for what knows no numbers."""
    return "all" if gpu.count == "all" else ",".join(str(index) for index in range(int(gpu.count)))


def _reservation(gpu: Gpu) -> Value:
    which: dict[str, Value] = {"count": gpu.count if gpu.count == "all" else int(gpu.count)}
    if gpu.devices:
        which = {"device_ids": list(gpu.devices)}
    return {"driver": "nvidia", **which, "capabilities": ["gpu"]}

"""One service of a Compose file.

Limits, reservations and replicas are in `deploy`, which Compose uses without a swarm as well
(https://github.com/compose-spec/compose-spec/blob/main/deploy.md#resources).
"""

from __future__ import annotations

import posixpath

from edgebake.compose.placed import Placed
from edgebake.graph.image_stage import image_user
from edgebake.model.gpu import ULIMITS, GpuAccess, gpu_access
from edgebake.model.project import Project
from edgebake.model.recipe import HealthCheck
from edgebake.model.service import Gpu, Mount, PublishedPort, Service
from edgebake.model.target import Target
from edgebake.model.variables import names_in
from edgebake.templating.yaml_file import Commented, Live, Value

_SHARED_MEMORY = "1g"
_RUNTIME = "NVIDIA's runtime gives the GPU and the driver's libraries."
_CONDITIONS = {
    "started": "service_started",
    "healthy": "service_healthy",
    "completed": "service_completed_successfully",
}


def service_keys(project: Project, placed: Placed, target: Target, folder: str) -> dict[str, Value]:
    """Return the keys of a service in a Compose file in a folder of the project, for the target where it runs.

    Empty values are left out when the file is written.
    """
    service, access = placed.service, _gpu_access(placed, target)
    environment = {name: Live(value) for name, value in service.environment.items()}
    files = [Mount(source=f"./{path}", target=target, read_only=True) for path, target in service.files.items()]
    # The project's images run as an ordinary user without capabilities.
    is_ordinary = placed.plan is not None and image_user(placed.plan) != "root"
    return {
        "image": _image(project, placed),
        "runtime": Commented(access.runtime, _RUNTIME) if access and access.runtime else None,
        "entrypoint": [Live(word) for word in service.entrypoint or ()],
        "command": [Live(word) for word in service.command or ()],
        "environment": {**(access.environment if access else {}), **environment},
        "ports": [_port(port) for port in service.ports],
        "volumes": [_mount(mount, folder) for mount in (*service.volumes, *files)],
        "secrets": list(service.secrets),
        "devices": [*service.devices, *(access.cdi if access else ())],
        "depends_on": {name: {"condition": _CONDITIONS[what]} for name, what in placed.depends_on.items()},
        "healthcheck": _healthcheck(placed.healthcheck) if placed.healthcheck else None,
        "deploy": _deploy(service, access),
        # Shared memory, limits of locked memory, and namespaces, as `edgebake run` sets them.
        "shm_size": service.shm_size or (_SHARED_MEMORY if access else None),
        "ulimits": dict(ULIMITS) if access else None,
        "network_mode": service.network,
        "pid": service.pid,
        "read_only": service.read_only or None,
        "tmpfs": list(service.tmpfs),
        "cap_drop": ["ALL"] if is_ordinary else None,
        "security_opt": ["no-new-privileges:true"] if is_ordinary else None,
        "restart": service.restart,
        "stop_grace_period": f"{service.stop_grace_period}s" if service.stop_grace_period else None,
    }


def relative_path(path: str, folder: str) -> str:
    """Return a path of the project for a Compose file in `folder`. It starts with a dot."""
    relative = posixpath.relpath(path, folder)
    return relative if relative.startswith("..") else f"./{relative}"


def _image(project: Project, placed: Placed) -> str:
    """Return the reference of a service's image, with the first tag that has no derived variables."""
    if placed.bake_target is None:
        return str(placed.service.reference)
    derived = {name for name, variable in project.variables.items() if variable.of is not None}
    tags = placed.bake_target.tags
    tag = next((tag for tag in tags if not derived & {*names_in(tag)}), tags[0])
    return Live(f"${{REGISTRY}}/{placed.bake_target.repository}:{tag}")


def _gpu_access(placed: Placed, target: Target) -> GpuAccess | None:
    """Return what gives a service the GPU, if it needs it. `auto`: a reservation, on a Jetson NVIDIA's runtime."""
    gpu = placed.service.gpu or Gpu()
    needs = gpu.enabled if placed.service.gpu else placed.plan is not None and placed.plan.needs_gpu
    if not needs or not target.cuda:
        return None
    access = gpu.access
    if access == "auto":
        access = "runtime" if target.is_tegra else "reservation"
    first = ("all",) if gpu.count == "all" else tuple(str(index) for index in range(int(gpu.count)))
    return gpu_access(access, gpu.devices or first, is_jetson=target.is_tegra)


def _deploy(service: Service, access: GpuAccess | None) -> dict[str, Value]:
    limits, gpu = service.limits, service.gpu or Gpu()
    count = gpu.count if gpu.count == "all" else int(gpu.count)
    which: dict[str, Value] = {"device_ids": list(gpu.devices)} if gpu.devices else {"count": count}
    reserved: list[Value] = [{"driver": "nvidia", **which, "capabilities": ["gpu"]}]
    return {
        "replicas": service.replicas if service.replicas > 1 else None,
        "resources": {
            "limits": {"cpus": limits.cpus, "memory": limits.memory, "pids": limits.pids},
            "reservations": {"devices": reserved if access and access.reserved else None},
        },
    }


def _port(port: PublishedPort) -> Value:
    return {
        "target": port.port,
        "published": Live(port.published) if port.published else None,
        "host_ip": port.address.strip("[]") if port.address else None,
        "protocol": port.protocol,
    }


def _mount(mount: Mount, folder: str) -> Value:
    # A missing path is an error; Docker's default is to create an empty folder.
    bind: dict[str, Value] = {"create_host_path": False, "propagation": mount.propagation}
    return {
        "type": mount.kind,
        "source": relative_path(mount.source, folder) if mount.source.startswith(".") else mount.source,
        "target": mount.target,
        "read_only": mount.read_only or None,
        "bind": bind if mount.kind == "bind" else None,
    }


def _healthcheck(check: HealthCheck) -> Value:
    return {
        "test": ["CMD", *check.cmd],
        "interval": f"{check.interval}s",
        "timeout": f"{check.timeout}s",
        "start_period": f"{check.start_period}s",
        "retries": check.retries,
    }

"""One service of a Compose file.

Limits, reservations and replicas are in `deploy`, which Compose uses without a swarm as well
(https://github.com/compose-spec/compose-spec/blob/main/deploy.md#resources).
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterator

from edgebake.compose.gpu import reservation, service_access
from edgebake.compose.placed import Placed
from edgebake.graph.image_stage import image_user
from edgebake.model.gpu import ULIMITS, GpuAccess
from edgebake.model.project import Project
from edgebake.model.recipe import HealthCheck
from edgebake.model.service import Gpu, Mount, PublishedPort, Service
from edgebake.model.target import Target
from edgebake.model.variables import names_in
from edgebake.templating.yaml_file import Commented, Live, Value

_SHARED_MEMORY = "1g"


def service_keys(project: Project, placed: Placed, target: Target, folder: str) -> dict[str, Value]:
    """Return the keys of a service in a Compose file. Empty values are left out when it is written.

    Args:
        project: the project.
        placed: the service.
        target: where it runs.
        folder: the folder of the file, relative to the project.
    """
    service = placed.service
    access = _gpu_access(placed, target)
    return {
        **_program(project, placed, access),
        "ports": [_port(port) for port in service.ports],
        "volumes": list(_mounts(service, folder)),
        "secrets": list(service.secrets),
        "devices": [*service.devices, *(access.cdi if access else ())],
        "depends_on": {name: {"condition": _CONDITIONS[what]} for name, what in placed.depends_on.items()},
        "healthcheck": _healthcheck(placed.healthcheck) if placed.healthcheck else {},
        "deploy": _deploy(service, access),
        **_kernel(service, access is not None),
        **_hardened(placed),
        "restart": service.restart,
        **({"stop_grace_period": f"{service.stop_grace_period}s"} if service.stop_grace_period else {}),
    }


def _program(project: Project, placed: Placed, access: GpuAccess | None) -> dict[str, Value]:
    service = placed.service
    values: dict[str, Value] = {"image": _image(project, placed)}
    if access and access.runtime:
        why = "NVIDIA's runtime gives the GPU and the driver's libraries."
        values["runtime"] = Commented(access.runtime, why)
    own = {name: Live(value) for name, value in service.environment.items()}
    return {
        **values,
        "entrypoint": [Live(word) for word in service.entrypoint or ()],
        "command": [Live(word) for word in service.command or ()],
        "environment": {**(access.environment if access else {}), **own},
    }


_CONDITIONS = {
    "started": "service_started",
    "healthy": "service_healthy",
    "completed": "service_completed_successfully",
}


def _image(project: Project, placed: Placed) -> str:
    """Return the reference of a service's image, with the first tag that has no derived variables."""
    if placed.bake_target is None:
        return str(placed.service.reference)
    derived = {name for name, variable in project.variables.items() if variable.of is not None}
    tags = placed.bake_target.tags
    tag = next((tag for tag in tags if not derived & {*names_in(tag)}), tags[0])
    return Live(f"${{REGISTRY}}/{placed.bake_target.repository}:{tag}")


def _gpu_access(placed: Placed, target: Target) -> GpuAccess | None:
    gpu = placed.service.gpu
    needs = gpu.enabled if gpu else placed.plan is not None and placed.plan.needs_gpu
    return service_access(gpu or Gpu(), target) if needs and target.cuda else None


def _deploy(service: Service, access: GpuAccess | None) -> dict[str, Value]:
    limits = service.limits
    given = {"cpus": limits.cpus, "memory": limits.memory, "pids": limits.pids}
    kept: dict[str, Value] = {key: value for key, value in given.items() if value is not None}
    resources: dict[str, Value] = {"limits": kept} if kept else {}
    if access and access.reserved:
        resources["reservations"] = {"devices": [reservation(service.gpu or Gpu())]}
    return {**({"replicas": service.replicas} if service.replicas > 1 else {}), "resources": resources}


def _port(port: PublishedPort) -> dict[str, Value]:
    values: dict[str, Value] = {"target": port.port}
    if port.published:
        values["published"] = Live(port.published)
    if port.address:
        values["host_ip"] = port.address.strip("[]")
    return {**values, "protocol": port.protocol}


def relative_path(path: str, folder: str) -> str:
    """Return a path of the project for a Compose file in `folder`. It starts with a dot."""
    relative = posixpath.relpath(path, folder)
    return relative if relative.startswith("..") else f"./{relative}"


def _mounts(service: Service, folder: str) -> Iterator[Value]:
    for mount in service.volumes:
        yield _mount(mount, folder)
    for source, target in service.files.items():
        yield _mount(Mount(source=f"./{source}", target=target, read_only=True), folder)


def _mount(mount: Mount, folder: str) -> Value:
    source = relative_path(mount.source, folder) if mount.source.startswith(".") else mount.source
    values: dict[str, Value] = {"type": mount.kind, "source": source, "target": mount.target}
    if mount.read_only:
        values["read_only"] = True
    if mount.kind == "bind":
        # A missing path is an error; Docker's default is to create an empty folder.
        bind: dict[str, Value] = {"create_host_path": False}
        values["bind"] = {**bind, "propagation": mount.propagation} if mount.propagation else bind
    return values


def _healthcheck(check: HealthCheck) -> dict[str, Value]:
    return {
        "test": ["CMD", *check.cmd],
        "interval": f"{check.interval}s",
        "timeout": f"{check.timeout}s",
        "start_period": f"{check.start_period}s",
        "retries": check.retries,
    }


def _kernel(service: Service, has_gpu: bool) -> dict[str, Value]:
    """Return shared memory, limits of locked memory, and namespaces, as `edgebake run` sets them."""
    values: dict[str, Value] = {}
    if service.shm_size or has_gpu:
        values["shm_size"] = service.shm_size or _SHARED_MEMORY
    if has_gpu:
        values["ulimits"] = dict(ULIMITS)
    if service.network:
        values["network_mode"] = service.network
    if service.pid:
        values["pid"] = service.pid
    return values


def _hardened(placed: Placed) -> dict[str, Value]:
    """Return the keys that remove privileges. The project's images run as an ordinary user without capabilities."""
    values: dict[str, Value] = {}
    if placed.service.read_only:
        values["read_only"] = True
    values["tmpfs"] = list(placed.service.tmpfs)
    if placed.plan is not None and image_user(placed.plan) != "root":
        values["cap_drop"] = ["ALL"]
        values["security_opt"] = ["no-new-privileges:true"]
    return values

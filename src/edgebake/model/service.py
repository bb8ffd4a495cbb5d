"""Services: how images run together. `edgebake compose` writes them to a Compose file.

Keys are named as in the Compose specification. Values are stricter, so that mistakes are reported here and not on a
device. https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, Field, model_validator

from edgebake.model.base import (
    NAME_PATTERN,
    BadValue,
    DistinctPaths,
    EnvName,
    Flag,
    ImageName,
    ImagePath,
    Line,
    Model,
    Name,
    OneOrMany,
    Reference,
    RelativePath,
    ShortForm,
    check_image_path,
    find_cycle,
    matching,
    text_for,
    text_form,
)
from edgebake.model.recipe import HealthCheck
from edgebake.model.secret import Secret

ServiceName = Annotated[
    str,
    matching(
        r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
        "is not a valid service name (use lower-case letters, digits and '-')",
        limit=63,
    ),
]
TargetPattern = Annotated[str, matching(r"[a-z0-9*?\[\]._-]+", "is not a target name or pattern")]
Size = Annotated[str, matching(r"(?i:[1-9][0-9]*(\.[0-9]+)?[kmg]b?)", "is not a size (512M, 1.5G)", limit=16)]

_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_HOST_PORT = rf"(?:[0-9]{{1,5}}|{_VARIABLE})"
_ADDRESS = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:]+\])"
_PORT = re.compile(
    rf"(?:(?:(?P<address>{_ADDRESS}):)?(?P<published>{_HOST_PORT})?:)?(?P<port>[0-9]{{1,5}})(?:/(?P<protocol>tcp|udp))?"
)


class PublishedPort(Model):
    """A port of the container and its port on the host: `[ADDRESS:][HOST]:PORT[/udp]`, or `PORT`."""

    port: Annotated[int, Field(ge=1, le=65535)]
    published: str | None = None
    """Port of the host, or a variable. Docker chooses a port if not set."""
    address: str | None = None
    protocol: Literal["tcp", "udp"] = "tcp"

    def meets(self, other: PublishedPort) -> bool:
        """Return whether two ports cannot be published on the same host."""
        same = self.published is not None and (self.published, self.protocol) == (other.published, other.protocol)
        everywhere = (None, "0.0.0.0", "[::]")
        return same and (self.address == other.address or self.address in everywhere or other.address in everywhere)


def _port(value: str) -> dict[str, str]:
    match = _PORT.fullmatch(value)
    numbers = [match["port"], match["published"] or "1"] if match else []
    if not match or any(number.isdigit() and not 1 <= int(number) <= 65535 for number in numbers):
        raise ValueError(f"{value!r} is not a port (8080:8000, 127.0.0.1:8080:8000 or 8000/udp)")
    return {key: text for key, text in match.groupdict().items() if text is not None}


class Mount(Model):
    """A mount: `NAME:PATH`, `./FOLDER:PATH` or `/HOST/PATH:PATH`, with `:ro` at the end if it is read-only."""

    source: Line
    target: ImagePath
    read_only: bool = False
    propagation: Literal["rslave"] | None = None

    @property
    def kind(self) -> Literal["volume", "bind"]:
        """`volume`: a named volume of Docker; `bind`: a path of the host."""
        return "bind" if self.source.startswith((".", "/")) else "volume"


def _mount(value: str) -> dict[str, Any]:
    source, *rest = value.split(":")
    options = rest[1].split(",") if len(rest) == 2 else []
    unknown = [option for option in options if option not in ("ro", "rw", "rslave")]
    if not 1 <= len(rest) <= 2 or unknown:
        raise ValueError(f"{value!r} is not a mount (NAME:/path, ./folder:/path:ro)")
    plain_name = re.fullmatch(NAME_PATTERN, source)
    if source.startswith("/"):
        check_image_path(source)
    elif not plain_name and (not source.startswith("./") or ".." in source.split("/")):
        raise ValueError(
            f"{source!r} is not a volume name, a folder of the project (./folder) or a path of the host (/path)"
        )
    read_only = "ro" in options
    propagation = "rslave" if "rslave" in options else None
    return {"source": source, "target": rest[0], "read_only": read_only, "propagation": propagation}


class Limits(Model):
    """Limits of each container."""

    memory: Size | None = None
    """Memory, such as 512M or 1.5G."""
    cpus: Annotated[str, matching(r"(?=.*[1-9])[0-9]{1,4}(\.[0-9]{1,3})?", "is not a number of CPUs")] | None = None
    """Number of CPUs, such as 2 or 0.5."""
    pids: Annotated[int, Field(gt=0)] | None = None
    """Number of processes and threads."""


class Gpu(Model):
    """How a service gets the GPU. The short form is `true` or `false`."""

    enabled: Flag = True
    count: Annotated[str, matching(r"all|[1-9][0-9]?", "is not a number of GPUs or 'all'")] = "all"
    """Number of GPUs, or `all`."""
    devices: OneOrMany[Annotated[str, matching(r"[A-Za-z0-9:-]+", "is not a GPU id")]] = ()
    """GPUs by index or UUID, in place of `count`."""
    access: Literal["auto", "reservation", "runtime", "cdi"] = "auto"
    """`reservation`: Compose reserves devices. `runtime`: NVIDIA's container runtime. `cdi`: a CDI device. `auto`:
    `runtime` on a Jetson, `reservation` elsewhere."""

    @model_validator(mode="after")
    def _one_choice(self) -> Gpu:
        if self.devices and "count" in self.model_fields_set:
            raise BadValue("count and devices cannot be combined", path=("count",), is_key=True)
        return self


Condition = Literal["started", "healthy", "completed"]


def _dependencies(value: Any) -> Any:
    """Return dependencies as a mapping. In a list of names, the conditions follow from the health checks."""
    if isinstance(value, str):
        value = [value]
    return dict.fromkeys(value, "auto") if isinstance(value, list) else value


_Names = ShortForm(_dependencies, ({"type": "array", "items": {"type": "string"}}, {"type": "string"}))


def _pinned(text: str) -> str:
    tag = text.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if "@sha256:" not in text and tag in ("", "latest"):
        raise ValueError(f"{text!r} is not pinned; use a tag other than latest, or a digest")
    return text


class Service(Model):
    """A service: an image, and how its containers are started."""

    image: ImageName | None = None
    """Image of the project. Without `image` and `reference`: the image with the service's name."""
    reference: Annotated[Reference, AfterValidator(_pinned)] | None = None
    """Image from elsewhere, with a tag or digest."""
    target: Name | None = None
    """Target whose image is used in the Compose files of all targets."""
    targets: OneOrMany[TargetPattern] = ()
    """Targets whose Compose files have the service; all if not set."""
    entrypoint: tuple[Line, ...] | None = None
    """Program and arguments as a list. They replace the image's."""
    command: tuple[Line, ...] | None = None
    """Arguments as a list. They replace the image's."""
    environment: dict[EnvName, Line] = {}
    """Environment variables. They override the image's."""
    ports: OneOrMany[Annotated[PublishedPort, text_form(_port)]] = ()
    """Ports to publish on the host."""
    volumes: OneOrMany[Annotated[Mount, text_form(_mount)]] = ()
    """Mounts: named volumes, folders of the project, and paths of the host."""
    files: Annotated[dict[RelativePath, ImagePath], DistinctPaths] = {}
    """Files and folders of the project to mount read-only, and their paths in the container."""
    secrets: OneOrMany[Name] = ()
    """Secrets of the project. The service reads them in /run/secrets."""
    depends_on: Annotated[dict[ServiceName, Condition | Literal["auto"]], _Names] = {}
    """Services to start first, and what to wait for: `started`, `healthy` or `completed`. In a list: `healthy` for
    services with a health check, otherwise `started`."""
    healthcheck: HealthCheck | None = None
    """Health check. It replaces the image's."""
    limits: Limits = Limits()
    """Limits of each container."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Number of containers."""
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "unless-stopped"
    """When Docker restarts the service."""
    stop_grace_period: Annotated[int, Field(gt=0, le=3600)] | None = None
    """Seconds between the stop signal and the kill; Docker's default is 10."""
    read_only: Flag = False
    """Whether the file system is read-only, except volumes and tmpfs."""
    tmpfs: OneOrMany[ImagePath] = ()
    """Folders to keep in memory."""
    gpu: Annotated[Gpu, text_for("enabled")] | None = None
    """Whether and how the service gets the GPU. If not set, it gets one if one of its recipes needs it."""
    devices: OneOrMany[ImagePath] = ()
    """Device files of the host to add."""
    shm_size: Size | None = None
    """Size of the shared memory, such as 1G."""
    network: Literal["host"] | None = None
    """`host`: use the host's network."""
    pid: Literal["host"] | None = None
    """`host`: use the host's process namespace."""

    @model_validator(mode="after")
    def _consistent(self) -> Service:
        if self.image is not None and self.reference is not None:
            raise BadValue("image and reference cannot be combined", path=("reference",), is_key=True)
        if self.target is not None and self.reference is not None:
            raise BadValue("target and reference cannot be combined", path=("target",), is_key=True)
        if self.network == "host" and self.ports:
            raise BadValue("ports and network: host cannot be combined", path=("ports",), is_key=True)
        if self.replicas > 1:
            self._refuse_shared_ports()
        self._refuse_double_targets()
        return self

    def _refuse_shared_ports(self) -> None:
        if self.network == "host":
            raise BadValue("replicas and network: host cannot be combined", path=("replicas",))
        for index, port in enumerate(self.ports):
            if port.published:
                message = f"{self.replicas} replicas cannot share the host's port {port.published}"
                hints = ("put a proxy in front of them", f"let Docker choose the port: write {port.port}")
                raise BadValue(message, path=("ports", index), hints=hints)

    def _refuse_double_targets(self) -> None:
        seen = set(self.tmpfs)
        mounts: list[tuple[tuple[str | int, ...], str]]
        mounts = [(("volumes", index), mount.target) for index, mount in enumerate(self.volumes)]
        mounts += [(("files", source), target) for source, target in self.files.items()]
        for location, target in mounts:
            if target in seen:
                raise BadValue(f"two mounts have the same path {target!r}", path=location)
            seen.add(target)


def check_services(services: dict[str, Service], images: set[str], secrets: dict[str, Secret]) -> None:
    """Check what services refer to: images, other services and secrets.

    Raises:
        BadValue: a name is undefined, or services depend on each other; its path is relative to the project.
    """
    for name, service in services.items():
        _check_references(name, service, services, images, secrets)
    cycle = find_cycle({name: service.depends_on for name, service in services.items()})
    if cycle:
        message = f"services wait for each other: {' → '.join(cycle)}"
        raise BadValue(message, path=("services", cycle[-2], "depends_on"))


def _check_references(
    name: str, service: Service, services: dict[str, Service], images: set[str], secrets: dict[str, Secret]
) -> None:
    image = service.image or name
    if service.reference is None and image not in images:
        path: tuple[str, ...] = ("services", name, "image") if service.image else ("services", name)
        names = f"the images are: {', '.join(sorted(images))}" if images else "no image is defined yet"
        hints: tuple[str, ...] = (names, "for an image from elsewhere, use reference")
        raise BadValue(f"undefined image {image!r}", path=path, hints=hints, is_key=not service.image)
    for other in service.depends_on:
        if other not in services:
            hints = (f"the services are: {', '.join(services)}",)
            raise BadValue(f"undefined service {other!r}", path=("services", name, "depends_on"), hints=hints)
    for index, secret in enumerate(service.secrets):
        if secret not in secrets:
            hints = (f"add it: secrets: {{{secret}: {{env: {secret.upper().replace('-', '_')}}}}}",)
            raise BadValue(f"undefined secret {secret!r}", path=("services", name, "secrets", index), hints=hints)
        if service.read_only and secrets[secret].env is not None:
            # Compose copies such a secret into the created container, which is not possible if it is read-only.
            raise BadValue(
                f"a read-only service cannot read the secret {secret!r} from a variable",
                path=("services", name, "secrets", index),
                hints=("read the secret from a file", "or remove read_only"),
            )

"""Services: how a project's images, and other people's, run together. `edgebake compose` writes them down.

The words are those of the Compose specification where it has one; values are narrower, so mistakes are told here
and not on a board. https://github.com/compose-spec/compose-spec/blob/main/05-services.md
"""

from __future__ import annotations

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BeforeValidator, Field, model_validator

from edgebake.model.base import (
    NAME_PATTERN,
    BadValue,
    EnvName,
    Flag,
    ImageName,
    ImagePath,
    Line,
    Model,
    Name,
    OneOrMany,
    OrText,
    Reference,
    RelativePath,
    check_image_path,
    matching,
)
from edgebake.model.recipe import HealthCheck

ServiceName = Annotated[
    str,
    AfterValidator(
        matching(
            r"[a-z0-9]([a-z0-9-]*[a-z0-9])?",
            "is not a service's name: lower-case letters, digits and '-' (it is a host name)",
            limit=63,
        )
    ),
]
TargetPattern = Annotated[str, AfterValidator(matching(r"[a-z0-9*?\[\]._-]+", "is not a target's name or pattern"))]
Size = Annotated[
    str, AfterValidator(matching(r"(?i:[1-9][0-9]*(\.[0-9]+)?[kmg]b?)", "is not a size (512M, 1.5G)", limit=16))
]

_VARIABLE = r"\$\{[A-Za-z_][A-Za-z0-9_]*\}"
_HOST_PORT = rf"(?:[0-9]{{1,5}}|{_VARIABLE})"
_ADDRESS = r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}|\[[0-9A-Fa-f:]+\])"
_PORT = re.compile(
    rf"(?:(?:(?P<address>{_ADDRESS}):)?(?P<published>{_HOST_PORT})?:)?(?P<port>[0-9]{{1,5}})(?:/(?P<protocol>tcp|udp))?"
)


class PublishedPort(Model):
    """A port of the container, and where on the host it is reached: `[ADDRESS:][HOST]:PORT[/udp]`, or `PORT`."""

    port: Annotated[int, Field(ge=1, le=65535)]
    published: str | None = None
    """Port of the host, or a variable; Docker chooses one if it is not given."""
    address: str | None = None
    protocol: Literal["tcp", "udp"] = "tcp"

    def meets(self, other: PublishedPort) -> bool:
        """Tell whether the two cannot be published side by side."""
        same = self.published is not None and (self.published, self.protocol) == (other.published, other.protocol)
        everywhere = (None, "0.0.0.0", "[::]")
        return same and (self.address == other.address or self.address in everywhere or other.address in everywhere)


def _port(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    match = _PORT.fullmatch(value)
    numbers = [match["port"], match["published"] or "1"] if match else []
    if not match or any(number.isdigit() and not 1 <= int(number) <= 65535 for number in numbers):
        raise ValueError(f"{value!r} is not a port (8080:8000, 127.0.0.1:8080:8000 or 8000/udp)")
    return {key: text for key, text in match.groupdict().items() if text is not None}


class Mount(Model):
    """What is mounted: `NAME:PATH`, `./FOLDER:PATH` or `/HOST/PATH:PATH`; `:ro` behind it if nothing writes."""

    source: Line
    target: ImagePath
    read_only: bool = False
    propagation: Literal["rslave"] | None = None

    @property
    def kind(self) -> Literal["volume", "bind"]:
        """`volume`: Docker keeps it under its name; `bind`: a path of the host."""
        return "bind" if self.source.startswith((".", "/")) else "volume"


def _mount(value: Any) -> Any:
    if not isinstance(value, str):
        return value
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
            f"{source!r} is neither a volume's name, nor a path: ./folder of the project, /path of the host"
        )
    read_only = "ro" in options
    propagation = "rslave" if "rslave" in options else None
    return {"source": source, "target": rest[0], "read_only": read_only, "propagation": propagation}


class Limits(Model):
    """What each container may use at most."""

    memory: Size | None = None
    """Memory: 512M, 1.5G."""
    cpus: (
        Annotated[str, AfterValidator(matching(r"(?=.*[1-9])[0-9]{1,4}(\.[0-9]{1,3})?", "is not a number of CPUs"))]
        | None
    ) = None
    """CPUs: 2, 0.5."""
    pids: Annotated[int, Field(gt=0)] | None = None
    """Processes and threads."""


class Gpu(Model):
    """How a service gets the GPU. `true` and `false` alone say whether."""

    enabled: Flag = True
    count: Annotated[str, AfterValidator(matching(r"all|[1-9][0-9]?", "is neither a number of GPUs nor 'all'"))] = (
        "all"
    )
    """How many: a number, or `all`."""
    devices: OneOrMany[Annotated[str, AfterValidator(matching(r"[A-Za-z0-9:-]+", "is not a GPU's id"))]] = ()
    """Which ones, by their number or UUID, in place of a number of them."""
    access: Literal["auto", "reservation", "runtime", "cdi"] = "auto"
    """`reservation`: Compose reserves devices; `runtime`: NVIDIA's container runtime; `cdi`: a CDI device. `auto`:
    the runtime on a Jetson, a reservation elsewhere."""

    @model_validator(mode="after")
    def _one_choice(self) -> Gpu:
        if self.devices and "count" in self.model_fields_set:
            raise BadValue("count and devices exclude each other", path=("count",), is_key=True)
        return self


def _short_gpu(value: Any) -> Any:
    return {"enabled": value} if isinstance(value, str) else value


Condition = Literal["started", "healthy", "completed"]


def _dependencies(value: Any) -> Any:
    """Take a list of names where their conditions follow from whether they have a health check."""
    if isinstance(value, str):
        value = [value]
    return dict.fromkeys(value, "auto") if isinstance(value, list) else value


class OrNames:
    """Tells editors that a mapping has a short form, which is a list of names."""

    def __get_pydantic_json_schema__(self, core: Any, handler: Any) -> Any:
        return {"anyOf": [{"type": "array", "items": {"type": "string"}}, {"type": "string"}, handler(core)]}


def _pinned(text: str) -> str:
    tag = text.rpartition("/")[2].partition("@")[0].partition(":")[2]
    if "@sha256:" not in text and tag in ("", "latest"):
        raise ValueError(f"{text!r} can be another image tomorrow: name a tag other than latest, or a digest")
    return text


class Service(Model):
    """A program that runs beside others: its image, and how its containers are started."""

    image: ImageName | None = None
    """Image of the project; the one with the service's name if neither this nor `reference` is given."""
    reference: Annotated[Reference, AfterValidator(_pinned)] | None = None
    """Somebody else's image, with a tag or digest."""
    target: Name | None = None
    """Take the image as it is built for this target, in the files of all targets."""
    targets: OneOrMany[TargetPattern] = ()
    """Only in the files of these targets; in all, if none is named."""
    entrypoint: tuple[Line, ...] | None = None
    """Program and arguments in place of the image's, as a list."""
    command: tuple[Line, ...] | None = None
    """Arguments in place of the image's, as a list."""
    environment: dict[EnvName, Line] = {}
    """Variables, over the image's."""
    ports: OneOrMany[Annotated[PublishedPort, BeforeValidator(_port), OrText()]] = ()
    """Ports that the host publishes."""
    volumes: OneOrMany[Annotated[Mount, BeforeValidator(_mount), OrText()]] = ()
    """Volumes by name, folders of the project, and paths of the host."""
    files: dict[RelativePath, ImagePath] = {}
    """Files and folders of the project, mounted read-only: its configuration."""
    secrets: OneOrMany[Name] = ()
    """Secrets of the project that it reads below /run/secrets."""
    depends_on: Annotated[
        dict[ServiceName, Condition | Literal["auto"]], BeforeValidator(_dependencies), OrNames()
    ] = {}
    """Services that come first, and what they must be: started, healthy or completed. In a list: healthy if they
    have a health check."""
    healthcheck: HealthCheck | None = None
    """How to ask whether it is well, in place of the image's."""
    limits: Limits = Limits()
    """Memory, CPUs and processes of each container."""
    replicas: Annotated[int, Field(ge=1, le=100)] = 1
    """Containers."""
    restart: Literal["no", "always", "on-failure", "unless-stopped"] = "unless-stopped"
    """When Docker starts it again."""
    stop_grace_period: Annotated[int, Field(gt=0, le=3600)] | None = None
    """Seconds that it has for its end before it is killed; Docker gives 10."""
    read_only: Flag = False
    """Whether its file system is read-only, but for volumes and tmpfs."""
    tmpfs: OneOrMany[ImagePath] = ()
    """Folders in memory."""
    gpu: Annotated[Gpu, BeforeValidator(_short_gpu), OrText()] | None = None
    """Whether and how it gets the GPU; if not said, it does if one of its recipes needs it."""
    devices: OneOrMany[ImagePath] = ()
    """Device files of the host."""
    shm_size: Size | None = None
    """Shared memory."""
    network: Literal["host"] | None = None
    """`host`: the host's network, in place of the project's own."""
    pid: Literal["host"] | None = None
    """`host`: it sees the host's processes."""

    @model_validator(mode="after")
    def _consistent(self) -> Service:
        if self.image is not None and self.reference is not None:
            raise BadValue(
                "a service has an image of the project or a reference, not both", path=("reference",), is_key=True
            )
        if self.target is not None and self.reference is not None:
            raise BadValue("a reference is the same image for all targets", path=("target",), is_key=True)
        if self.network == "host" and self.ports:
            raise BadValue("with the host's network nothing is published", path=("ports",), is_key=True)
        if self.replicas > 1:
            self._refuse_shared_ports()
        self._refuse_double_targets()
        return self

    def _refuse_shared_ports(self) -> None:
        if self.network == "host":
            raise BadValue("replicas cannot share the host's network: their ports are the same", path=("replicas",))
        for index, port in enumerate(self.ports):
            if port.published:
                raise BadValue(
                    f"{self.replicas} replicas cannot share the host's port {port.published}",
                    path=("ports", index),
                    hints=("put a proxy before them", f"let Docker choose: {port.port}"),
                )

    def _refuse_double_targets(self) -> None:
        seen = set(self.tmpfs)
        places: list[tuple[tuple[str | int, ...], str]]
        places = [(("volumes", index), mount.target) for index, mount in enumerate(self.volumes)]
        places += [(("files", source), target) for source, target in self.files.items()]
        for place, target in places:
            if target in seen:
                raise BadValue(f"two things are mounted at {target!r}", path=place)
            seen.add(target)


class Secret(Model):
    """Where a secret is when the services start: never its value. Exactly one of env and file."""

    env: EnvName | None = None
    """Variable of the shell that starts them."""
    file: RelativePath | None = None
    """File beside the project, which is not committed."""

    @model_validator(mode="after")
    def _one_place(self) -> Secret:
        if (self.env is None) == (self.file is None):
            raise ValueError("a secret has exactly one of env and file")
        return self


def check_services(services: dict[str, Service], images: set[str], secrets: dict[str, Secret]) -> None:
    """Refuse services that do not fit together.

    Raises:
        BadValue: with its place below the project.
    """
    for name, service in services.items():
        _check_references(name, service, services, images, secrets)
    _refuse_cycle(services)


def _check_references(
    name: str, service: Service, services: dict[str, Service], images: set[str], secrets: dict[str, Secret]
) -> None:
    image = service.image or name
    if service.reference is None and image not in images:
        path: tuple[str, ...] = ("services", name, "image") if service.image else ("services", name)
        hints = (f"the images are: {', '.join(sorted(images)) or 'none yet'}", "reference: names somebody else's")
        raise BadValue(
            f"there is no image {image!r} in the project", path=path, hints=hints, is_key=not service.image
        )
    for other in service.depends_on:
        if other not in services:
            known = (f"the services are: {', '.join(services)}",)
            raise BadValue(f"there is no service {other!r}", path=("services", name, "depends_on"), hints=known)
    for index, secret in enumerate(service.secrets):
        if secret not in secrets:
            how = (f"declare it: secrets: {{{secret}: {{env: {secret.upper().replace('-', '_')}}}}}",)
            raise BadValue(f"there is no secret {secret!r}", path=("services", name, "secrets", index), hints=how)
        if service.read_only and secrets[secret].env is not None:
            # Compose copies such a secret into the container that it made, which a read-only one does not allow.
            raise BadValue(
                f"the secret {secret!r} comes from a variable, which a read-only service cannot be given",
                path=("services", name, "secrets", index),
                hints=("let it come from a file", "or leave read_only out"),
            )


def _refuse_cycle(services: dict[str, Service]) -> None:
    done: set[str] = set()

    def visit(name: str, way: tuple[str, ...]) -> None:
        if name in way:
            circle = " → ".join((*way[way.index(name) :], name))
            raise BadValue(f"services wait for each other: {circle}", path=("services", way[-1], "depends_on"))
        if name not in done:
            for other in services[name].depends_on:
                visit(other, (*way, name))
            done.add(name)

    for name in services:
        visit(name, ())

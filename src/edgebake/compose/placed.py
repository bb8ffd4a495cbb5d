"""The services of a target, with their images."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field, replace
from fnmatch import fnmatchcase

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation, LeftOut
from edgebake.graph.image_plan import ImagePlan
from edgebake.load.workspace import Workspace
from edgebake.model.recipe import HealthCheck
from edgebake.model.service import Condition, PublishedPort, Service


@dataclass(frozen=True)
class Placed:
    """A service on a target.

    `plan` is the image of the project that it runs, and `bake_target` that image's; None for another image.
    `depends_on` are the services to start first, and what to wait for.
    """

    name: str
    service: Service
    plan: ImagePlan | None = None
    bake_target: BakeTarget | None = None
    depends_on: dict[str, Condition] = field(default_factory=dict)

    @property
    def healthcheck(self) -> HealthCheck | None:
        """The service's health check: its own, otherwise the one of its image's recipes."""
        if self.service.healthcheck is not None or self.plan is None:
            return self.service.healthcheck
        healthcheck: HealthCheck | None = self.plan.runtime("healthcheck")
        return healthcheck


def services_of(compilation: Compilation, names: Sequence[str] = ()) -> dict[str, Service]:
    """Return services of a project: those in `names` and what they depend on; all if `names` is empty.

    The name of an image selects all services that run it. If no service runs it, the image becomes a service, with
    its ports on the loopback address. In a project without services, every image becomes a service.

    Raises:
        EdgebakeError: a name is not a service or an image.
    """
    project = compilation.workspace.project
    declared = project.services
    if not names:
        return dict(declared) or {name: _own_service(compilation, name) for name in project.images}
    services: dict[str, Service] = {}
    for name in names:
        services |= _named(compilation, name)
    todo = list(services)
    for name in todo:
        missing = [other for other in services[name].depends_on if other not in services]
        services |= {other: declared[other] for other in missing}
        todo += missing
    order = [*declared, *(name for name in services if name not in declared)]
    return {name: services[name] for name in order if name in services}


def _named(compilation: Compilation, name: str) -> dict[str, Service]:
    project = compilation.workspace.project
    if name in project.services:
        return {name: project.services[name]}
    if name in project.images:
        running = {key: service for key, service in project.services.items() if image_of(key, service) == name}
        return running or {name: _own_service(compilation, name)}
    valid = [*project.services, *project.images]
    raise EdgebakeError(f"unknown service or image {name!r}", hints=did_you_mean(name, valid, kind="name"))


def _own_service(compilation: Compilation, name: str) -> Service:
    plan = next((plan for plan in compilation.plans if plan.name == name), None)
    exposed = plan.collected("expose") if plan else []
    ports = [f"127.0.0.1:{port.partition('/')[0]}:{port}" for port in exposed]
    return Service.model_validate({"image": name, "ports": ports})


def image_of(name: str, service: Service) -> str | None:
    """Return the name of the project's image that a service runs; None for another image."""
    return None if service.reference is not None else service.image or name


def targets_of(services: dict[str, Service], built: Iterable[BakeTarget]) -> dict[str, list[str]]:
    """Return the targets for which a Compose file is possible: those of the services' images.

    Returns:
        For each target, the services without an image there. A target without such services has a Compose file.
    """
    pairs = {(bake_target.image, bake_target.target) for bake_target in built if not bake_target.is_test}
    own = {name: image for name, service in services.items() if (image := image_of(name, service)) is not None}
    follow = {name: image for name, image in own.items() if services[name].target is None}
    if follow:
        candidates = {target for image, target in pairs if image in follow.values()}
    else:
        candidates = {services[name].target or "" for name in own}

    def missing(target: str) -> list[str]:
        here = (name for name in follow if runs_on(services[name], target))
        return [name for name in here if (follow[name], target) not in pairs]

    return {target: missing(target) for target in sorted(candidates)}


def left_out_of(workspace: Workspace, built: Iterable[BakeTarget]) -> list[LeftOut]:
    """Return the targets without a Compose file, with reasons."""
    services = workspace.project.services
    return [
        LeftOut(f"the Compose file for {target}", f"no image is built there for: {', '.join(missing)}")
        for target, missing in targets_of(services, built).items()
        if missing
    ]


def runs_on(service: Service, target: str) -> bool:
    """Return whether a service is in the file of a target."""
    return not service.targets or any(fnmatchcase(target, pattern) for pattern in service.targets)


def placed_services(compilation: Compilation, target: str, services: dict[str, Service]) -> list[Placed]:
    """Return the services that run on a target, in the order of the project.

    Raises:
        EdgebakeError: an image is not built for the target or its platforms, two services publish the same port, or
            a service waits for the health of one without a health check.
    """
    platforms = _platforms(compilation, target, services)
    placed = {
        name: _placed(compilation, target, platforms, name, service)
        for name, service in services.items()
        if runs_on(service, target)
    }
    workspace = compilation.workspace
    _refuse_shared_ports(workspace, placed)
    return [replace(item, depends_on=dict(_conditions(workspace, item, placed))) for item in placed.values()]


def _platforms(compilation: Compilation, target: str, services: dict[str, Service]) -> tuple[str, ...]:
    """Return the platforms of a target's machines: those of the images that are built for the target."""
    following = {name: service for name, service in services.items() if service.target is None}
    images = {image_of(name, service) for name, service in following.items() if runs_on(service, target)}
    built = [bake for bake in compilation.graph.bake_targets if bake.target == target and bake.image in images]
    return tuple(sorted({platform for bake_target in built for platform in bake_target.platforms}))


def _placed(
    compilation: Compilation, target: str, platforms: tuple[str, ...], name: str, service: Service
) -> Placed:
    image = image_of(name, service)
    if image is None:
        return Placed(name, service)
    wanted = service.target or target
    images = [bake for bake in compilation.graph.bake_targets if bake.image == image and not bake.is_test]
    built = {bake_target.target: bake_target for bake_target in images}
    if wanted not in built:
        raise EdgebakeError(
            f"the service {name!r} runs on {target!r}, but its image {image!r} is not built for {wanted!r}",
            at=compilation.workspace.at("services", name, "target" if service.target else "image"),
            hints=(
                f"it is built for: {', '.join(sorted(built)) or 'no target'}",
                "use one of these on all targets (`target: NAME`), or exclude some targets (`targets: [PATTERN]`)",
            ),
        )
    bake_target = built[wanted]
    missing = [platform for platform in platforms if platform not in bake_target.platforms]
    if missing and service.target:
        raise EdgebakeError(
            f"the service {name!r} runs on {target!r} ({', '.join(missing)}), "
            f"but its image for {wanted!r} is built for {', '.join(bake_target.platforms)}",
            at=compilation.workspace.at("services", name, "target"),
            hints=("use another target for the service, or exclude this one (`targets: [PATTERN]`)",),
        )
    return Placed(name, service, compilation.plan_of(bake_target), bake_target)


def _refuse_shared_ports(workspace: Workspace, placed: dict[str, Placed]) -> None:
    earlier: list[tuple[str, PublishedPort]] = []
    for name, item in placed.items():
        for index, port in enumerate(item.service.ports):
            other = next((owner for owner, earlier_port in earlier if port.meets(earlier_port)), None)
            if other is not None:
                both = f"the services {other!r} and {name!r} both publish the port {port.published}"
                hint = "use another port of the host for one of them"
                raise EdgebakeError(both, at=workspace.at("services", name, "ports", index), hints=(hint,))
            earlier.append((name, port))


def _conditions(workspace: Workspace, item: Placed, placed: dict[str, Placed]) -> Iterator[tuple[str, Condition]]:
    for name, condition in item.service.depends_on.items():
        if name not in placed:  # not on this target
            continue
        has_check = placed[name].healthcheck is not None
        if condition == "healthy" and not has_check:
            raise EdgebakeError(
                f"the service {item.name!r} waits until {name!r} is healthy, but {name!r} has no health check",
                at=workspace.at("services", item.name, "depends_on", name),
                hints=("wait until it is started", f"or add services.{name}.healthcheck"),
            )
        yield name, (("healthy" if has_check else "started") if condition == "auto" else condition)

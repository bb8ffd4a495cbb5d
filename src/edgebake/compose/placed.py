"""Which services run on a target, and from which image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

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

    Attributes:
        name: the service's.
        service: what the project says of it.
        plan: the image of the project that it runs; None if it is somebody else's.
        bake_target: what builds that image.
        depends_on: the services that come first, and what they must be.
    """

    name: str
    service: Service
    plan: ImagePlan | None = None
    bake_target: BakeTarget | None = None
    depends_on: dict[str, Condition] = field(default_factory=dict)

    @property
    def healthcheck(self) -> HealthCheck | None:
        """How the service is asked whether it is well: as it says itself, else as its image's recipes do."""
        if self.service.healthcheck is not None or self.plan is None:
            return self.service.healthcheck
        found: HealthCheck | None = self.plan.runtime("healthcheck")
        return found


def services_of(compilation: Compilation, names: Sequence[str] = ()) -> dict[str, Service]:
    """Return a project's services: those that are named, and what they need; all, if none is named.

    An image is named for all services that run it. One that no service runs is a service of its own, with its ports
    on the loopback address; in a project without services every image is one.

    Raises:
        EdgebakeError: a name is neither a service's nor an image's.
    """
    project = compilation.workspace.project
    declared = project.services
    if not names:
        return dict(declared) or {name: _own_service(compilation, name) for name in project.images}
    found: dict[str, Service] = {}
    for name in names:
        found |= _named(compilation, name)
    todo = list(found)
    for name in todo:
        missing = [other for other in found[name].depends_on if other not in found]
        found |= {other: declared[other] for other in missing}
        todo += missing
    order = [*declared, *(name for name in found if name not in declared)]
    return {name: found[name] for name in order if name in found}


def _named(compilation: Compilation, name: str) -> dict[str, Service]:
    project = compilation.workspace.project
    if name in project.services:
        return {name: project.services[name]}
    if name in project.images:
        running = {one: service for one, service in project.services.items() if image_of(one, service) == name}
        return running or {name: _own_service(compilation, name)}
    known = [*project.services, *project.images]
    raise EdgebakeError(f"unknown service or image {name!r}", hints=did_you_mean(name, known, kind="name"))


def _own_service(compilation: Compilation, name: str) -> Service:
    plan = next((plan for plan in compilation.plans if plan.name == name), None)
    exposed = plan.collected("expose") if plan else []
    return Service.model_validate(
        {"image": name, "ports": [f"127.0.0.1:{port.partition('/')[0]}:{port}" for port in exposed]}
    )


def image_of(name: str, service: Service) -> str | None:
    """Return the image of the project that a service runs; None if it is somebody else's."""
    return None if service.reference is not None else service.image or name


def targets_of(services: dict[str, Service], built: Iterable[BakeTarget]) -> dict[str, list[str]]:
    """Return the targets that services can have a Compose file for: those of the images that follow the target.

    Returns:
        For each target, the services that would lack there; none, if it has a Compose file.
    """
    pairs = {(one.image, one.target) for one in built if not one.is_test}
    own = {name: image for name, one in services.items() if (image := image_of(name, one)) is not None}
    follow = {name: image for name, image in own.items() if services[name].target is None}
    fixed = {name: image for name, image in own.items() if name not in follow}
    candidates = {target for image, target in pairs if image in follow.values()}
    candidates |= set() if follow else {services[name].target or "" for name in fixed}
    return {
        target: [
            name
            for name, image in follow.items()
            if runs_on(services[name], target) and (image, target) not in pairs
        ]
        for target in sorted(candidates)
    }


def left_out_of(workspace: Workspace, built: Iterable[BakeTarget]) -> list[LeftOut]:
    """Return the targets without a Compose file, and why."""
    services = workspace.project.services
    return [
        LeftOut(f"the Compose file for {target}", f"no image is built there for: {', '.join(missing)}")
        for target, missing in targets_of(services, built).items()
        if missing
    ]


def runs_on(service: Service, target: str) -> bool:
    """Tell whether a service is in the file of a target."""
    return not service.targets or any(fnmatchcase(target, pattern) for pattern in service.targets)


def place(compilation: Compilation, target: str, services: dict[str, Service]) -> list[Placed]:
    """Return the services that run on a target, in the order of the project.

    Raises:
        EdgebakeError: an image is not built for the target, or for the machine's platform; a service waits for the
            health of one that has no health check.
    """
    machine = _machine(compilation, target, services)
    found = {
        name: _placed(compilation, target, machine, name, service)
        for name, service in services.items()
        if runs_on(service, target)
    }
    _refuse_shared_ports(compilation.workspace, found)
    return [_with_conditions(compilation.workspace, one, found) for one in found.values()]


def _machine(compilation: Compilation, target: str, services: dict[str, Service]) -> tuple[str, ...]:
    """Return the platforms that machines of a target may have: those of the images that are built for it."""
    images = {image_of(name, one) for name, one in services.items() if one.target is None and runs_on(one, target)}
    built = [one for one in compilation.graph.bake_targets if one.target == target and one.image in images]
    platforms = {platform for one in built for platform in one.platforms}
    return tuple(sorted(platforms))


def _placed(compilation: Compilation, target: str, machine: tuple[str, ...], name: str, service: Service) -> Placed:
    image = image_of(name, service)
    if image is None:
        return Placed(name, service)
    wanted = service.target or target
    built = {one.target: one for one in compilation.graph.bake_targets if one.image == image and not one.is_test}
    if wanted not in built:
        raise EdgebakeError(
            f"the service {name!r} runs on {target!r}, and its image {image!r} is not built for {wanted!r}",
            at=compilation.workspace.at("services", name, "target" if service.target else "image"),
            hints=(
                f"it is built for: {', '.join(sorted(built)) or 'no target'}",
                "use one of these for all targets: `target: NAME`; or exclude some targets: `targets: [PATTERN]`",
            ),
        )
    bake_target = built[wanted]
    missing = [platform for platform in machine if platform not in bake_target.platforms]
    if missing and service.target:
        raise EdgebakeError(
            f"the service {name!r} runs on {target!r}, a machine of {', '.join(missing)}; "
            f"its image for {wanted!r} is for {', '.join(bake_target.platforms)}",
            at=compilation.workspace.at("services", name, "target"),
            hints=("choose another target for the service, or exclude that target: `targets: [PATTERN]`",),
        )
    return Placed(name, service, compilation.plan_of(bake_target), bake_target)


def _refuse_shared_ports(workspace: Workspace, found: dict[str, Placed]) -> None:
    earlier: list[tuple[str, PublishedPort]] = []
    for name, placed in found.items():
        for index, port in enumerate(placed.service.ports):
            other = next((one for one, before in earlier if port.meets(before)), None)
            if other is not None:
                raise EdgebakeError(
                    f"the services {other!r} and {name!r} both publish the port {port.published}",
                    at=workspace.at("services", name, "ports", index),
                    hints=("give one of them another port of the host",),
                )
            earlier.append((name, port))


def _with_conditions(workspace: Workspace, placed: Placed, found: dict[str, Placed]) -> Placed:
    conditions = dict(_conditions(workspace, placed, found))
    return Placed(placed.name, placed.service, placed.plan, placed.bake_target, conditions)


def _conditions(workspace: Workspace, placed: Placed, found: dict[str, Placed]) -> Iterator[tuple[str, Condition]]:
    for name, condition in placed.service.depends_on.items():
        if name not in found:  # not on this target
            continue
        healthy = found[name].healthcheck is not None
        if condition == "healthy" and not healthy:
            raise EdgebakeError(
                f"the service {placed.name!r} waits until {name!r} is healthy, but that has no health check",
                at=workspace.at("services", placed.name, "depends_on", name),
                hints=("wait until it is started", f"or add a health check: services.{name}.healthcheck"),
            )
        yield name, (("healthy" if healthy else "started") if condition == "auto" else condition)

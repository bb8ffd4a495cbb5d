"""How images run: their user, their health check, their layers."""

from __future__ import annotations

from collections.abc import Iterator

from edgebake.graph.image_plan import ImagePlan
from edgebake.graph.image_stage import image_user
from edgebake.graph.layers import MAX_LAYERS, layer_count
from edgebake.graph.node import Stage
from edgebake.lint.finding import Finding, Rule
from edgebake.lint.subject import Subject

ROOT_USER = Rule(
    "root-user",
    "an image runs as root",
    "remove runtime.user: images run as `app`; what needs root belongs in install.script",
)
MISSING_HEALTHCHECK = Rule(
    "missing-healthcheck",
    "a service has no health check: it exposes ports, or has volumes and an entrypoint",
    "set runtime.healthcheck.cmd to a command that fails when the service is unhealthy",
)
MANY_LAYERS = Rule(
    "many-layers",
    "an image's layers are near the limit",
    "combine the scripts of several recipes into one, or split the image",
)

LAYERS_NEAR_LIMIT = 80
"""Of :data:`MAX_LAYERS`, which an image may not pass."""


def check(subject: Subject) -> Iterator[Finding]:
    """Yield what is found about the images on their targets."""
    for plan in subject.plans:
        yield from _user(subject, plan)
        yield from _health(subject, plan)
        yield from _layers(subject, plan)


def _user(subject: Subject, plan: ImagePlan) -> Iterator[Finding]:
    if image_user(plan) != "root":
        return
    who = "" if plan.image.runtime.user else _recipe_with(plan, "user")
    because = f": the recipe {who!r} says so" if who and who not in subject.stands_for else ""
    message = f"the image {plan.name!r} runs as root{because}"
    yield subject.found(ROOT_USER, plan, message, "runtime", "user", cause=who)


def _recipe_with(plan: ImagePlan, field: str) -> str:
    """Return the last recipe of an image's line that has a runtime setting, or ""."""
    views = {view.pin.name: view for view in plan.views.values()}
    return next((name for name in reversed(plan.line) if getattr(views[name].recipe.runtime, field)), "")


def _health(subject: Subject, plan: ImagePlan) -> Iterator[Finding]:
    ports, volumes = plan.collected("expose"), plan.collected("volumes")
    serves = bool(ports) or bool(volumes and plan.entry()[0])
    if not serves or plan.runtime("healthcheck") is not None:
        return
    what = f"exposes {', '.join(ports)}" if ports else f"has an entrypoint and volumes ({', '.join(volumes)})"
    field = "expose" if ports else "volumes"
    message, cause = f"the image {plan.name!r} {what} and has no health check", _recipe_with(plan, field)
    yield subject.found(MISSING_HEALTHCHECK, plan, message, "runtime", field, cause=cause)


def _layers(subject: Subject, plan: ImagePlan) -> Iterator[Finding]:
    count = layer_count(_line(subject, plan))
    if count >= LAYERS_NEAR_LIMIT:
        message = f"the image {plan.name!r} has {count} layers over its base image; {MAX_LAYERS} are possible"
        yield subject.found(MANY_LAYERS, plan, message, "recipes")


def _line(subject: Subject, plan: ImagePlan) -> Iterator[dict[str, Stage]]:
    """Yield the stages of an image's line, the last one first."""
    graph, target = subject.compilation.graph, plan.target.name
    wanted = (plan.name, target)
    stage = next(t.stage for t in graph.bake_targets if not t.is_test and (t.image, t.target) == wanted)
    while stage:
        node = graph.node(target, stage)
        yield node.bodies
        stage = next(iter(node.bodies.values())).parent

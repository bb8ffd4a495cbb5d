"""The `--set` overrides of a bake: what is injected when executing, and is in no committed file."""

from __future__ import annotations

from edgebake.errors import EdgebakeError
from edgebake.execute.settings import Settings, registry_of
from edgebake.execute.stacks import context_overrides
from edgebake.graph.build_graph import BakeTarget
from edgebake.plan.builder import Plan, TargetPlan
from edgebake.plan.steps import Bake

LABEL = "dev.edgebake.fingerprint"
"""Labels with an image's fingerprint, one for each platform."""


def bake_overrides(plan: Plan, step: Bake, settings: Settings) -> dict[str, str]:
    """Return the overrides for one bake by key.

    Raises:
        EdgebakeError: one of the settings' overrides is not KEY=VALUE.
    """
    overrides: dict[str, str] = {}
    for bake_target in step.bake_targets:
        overrides |= context_overrides(bake_target.name, _image_of(plan, bake_target).reuse.given)
        if bake_target.is_test:
            overrides[f"{bake_target.name}.platform"] = ",".join(step.platforms)
        else:
            overrides |= _of_image(plan, step, bake_target.name, settings)
    for text in settings.overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise EdgebakeError(f"--set {text!r} is not KEY=VALUE", hints=("for example --set '*.args.A=b'",))
        overrides[key] = value
    return overrides


def _image_of(plan: Plan, bake_target: BakeTarget) -> TargetPlan:
    """Return the plan of an image; for its tests that of the image that they are run in."""
    wanted = (bake_target.image, bake_target.target)
    return next(one for one in plan.targets if (one.bake_target.image, one.bake_target.target) == wanted)


def _of_image(plan: Plan, step: Bake, name: str, settings: Settings) -> dict[str, str]:
    target = plan.target(name)
    labels = {
        f"{name}.labels.{LABEL}.{p.replace('/', '-')}": f"sha256:{digest}" for p, digest in target.fingerprints
    }
    overrides = dict(labels)
    if step.output == "push":
        # The engine's own driver pushes Docker's older media types unless it is told. `--push` beside this
        # would be lost now and then: Buildx applies overrides in no fixed order.
        overrides[f"{name}.output"] = "type=image,oci-mediatypes=true,push=true"
    if not target.complete:
        registry = registry_of(plan.compilation, settings)
        overrides[f"{name}.platform"] = ",".join(step.platforms)
        overrides[f"{name}.tags"] = f"{registry}/{target.bake_target.repository}:{dict(step.tags)[name]}"
    return overrides

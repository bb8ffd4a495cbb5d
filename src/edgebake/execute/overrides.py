"""The `--set` overrides of a bake: what is injected when executing, and is in no committed file."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence

from edgebake.errors import EdgebakeError
from edgebake.execute.secrets import given_overrides
from edgebake.graph.image_stage import index_annotations
from edgebake.model.labels import fingerprint_label
from edgebake.plan.builder import Plan
from edgebake.plan.settings import Settings, registry_of
from edgebake.plan.steps import BakeItem, Output
from edgebake.plan.target_plan import TargetPlan
from edgebake.state.stacks import context_overrides


def bake_overrides(
    plan: Plan, items: Sequence[BakeItem], output: Output, settings: Settings, driver: str
) -> dict[str, str | Sequence[str]]:
    """Return the overrides for one bake by key.

    Args:
        plan: what the bake is part of.
        items: what is baked.
        output: where results go.
        settings: how it is built.
        driver: the builder's.

    Raises:
        EdgebakeError: one of the settings' overrides is not KEY=VALUE.
    """
    overrides: dict[str, str | Sequence[str]] = {}
    by_digest = driver not in ("", "docker")  # the engine's own has no such exporter (moby/moby)
    for item in items:
        name = item.bake_target.name
        overrides |= context_overrides(name, plan.image_of(item.bake_target).reuse.given)
        overrides |= given_overrides(plan.compilation, settings, name, plan.compilation.needs[name])
        if item.platforms != item.bake_target.platforms:
            overrides[f"{name}.platform"] = ",".join(item.platforms)
        if not item.bake_target.is_test:
            overrides |= _of_image(plan, item, output, settings, by_digest=by_digest)
    for text in settings.overrides:
        key, separator, value = text.partition("=")
        if not separator:
            raise EdgebakeError(f"--set {text!r} is not KEY=VALUE", hints=("for example --set '*.args.A=b'",))
        overrides[key] = value
    return overrides


def _of_image(plan: Plan, item: BakeItem, output: Output, settings: Settings, *, by_digest: bool) -> dict[str, str]:
    name = item.bake_target.name
    target = plan.target(name)
    labels = {fingerprint_label(platform): f"sha256:{digest}" for platform, digest in target.fingerprints}
    overrides = {f"{name}.labels.{label}": value for label, value in labels.items()}
    if not item.tag:
        if output == "push":
            overrides[f"{name}.output"] = _push(_index_attributes(plan, target))
        return overrides
    by_digest = by_digest and output == "push"
    repository = f"{registry_of(plan.compilation, settings)}/{item.bake_target.repository}"
    overrides[f"{name}.tags"] = "" if by_digest else f"{repository}:{item.tag}"
    if output == "push":
        untagged = {"name": repository, "push-by-digest": "true", "name-canonical": "true"}
        overrides[f"{name}.output"] = _push(untagged if by_digest else {})
    return overrides


def _index_attributes(plan: Plan, target: TargetPlan) -> dict[str, str]:
    """Return the annotations of a bake target's index as BuildKit's exporter takes them."""
    if len(target.platforms) < 2:  # there is no index, and BuildKit refuses them
        return {}
    annotations = index_annotations(plan.compilation.plan_of(target.bake_target))
    return {f"annotation-index.{key}": value for key, value in annotations.items()}


def _push(attributes: Mapping[str, str]) -> str:
    """Return an output that pushes, as one line of CSV, which is how Buildx reads it."""
    # The engine's own driver pushes Docker's older media types by default. `--push` next to this
    # would be lost now and then: Buildx applies overrides in no fixed order.
    fields = ["type=image", "oci-mediatypes=true", "push=true", *(f"{k}={v}" for k, v in attributes.items())]
    line = io.StringIO()
    csv.writer(line, lineterminator="").writerow(fields)
    return line.getvalue()

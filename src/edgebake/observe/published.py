"""What is published: the fingerprints in the labels of the images under the declared tags."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor

from edgebake.execute.overrides import LABEL
from edgebake.execute.settings import Settings, expanded_tags, registry_of
from edgebake.observe.registry import TIMEOUT
from edgebake.plan.builder import Plan, TargetPlan

AT_ONCE = 8
"""Registry questions at one time: each is a process that mostly waits."""


def published_fingerprints(plan: Plan, settings: Settings) -> dict[tuple[str, str], str]:
    """Return the fingerprints of what the registry has, by bake target and platform.

    What is not there under every declared tag, and complete, is left out: it has to be published. So is what a
    registry does not show: building once too often is better than not at all.
    """
    with ThreadPoolExecutor(AT_ONCE) as pool:
        found = pool.map(lambda target: _of_target(plan, settings, target), plan.targets)
    known: dict[tuple[str, str], str] = {}
    for one in found:
        known |= one
    missing = _missing_indexes(plan, settings, known)
    return {key: digest for key, digest in known.items() if key[0] not in missing}


def _of_target(plan: Plan, settings: Settings, target: TargetPlan) -> dict[tuple[str, str], str]:
    bake_target = target.bake_target
    repository = f"{registry_of(plan.compilation, settings)}/{bake_target.repository}"
    tags = expanded_tags(plan.compilation, settings, bake_target.tags)
    labels = [fingerprint_labels(f"{repository}:{tag}") for tag in tags]
    if any(set(one) != set(bake_target.platforms) or one != labels[0] for one in labels):
        return {}
    return {(bake_target.name, platform): digest for platform, digest in labels[0].items()}


def _missing_indexes(plan: Plan, settings: Settings, known: Mapping[tuple[str, str], str]) -> set[str]:
    """Return the bake targets of tags over several targets that are not there as declared."""
    missing: set[str] = set()
    for index in plan.compilation.graph.indexes:
        (tag,) = expanded_tags(plan.compilation, settings, [index.tag])
        found = fingerprint_labels(f"{registry_of(plan.compilation, settings)}/{index.repository}:{tag}")
        wanted = {platform: known.get((name, platform)) for platform, name in index.parts}
        if found != wanted:
            missing |= {name for _, name in index.parts}
    return missing


def fingerprint_labels(reference: str) -> dict[str, str]:
    """Return the fingerprints of an image's platforms (hexadecimal), by platform; none if the registry has none."""
    command = ["docker", "buildx", "imagetools", "inspect", reference, "--format", "{{json .Image}}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT, check=False)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return {}
    if done.returncode != 0:
        return {}
    image = json.loads(done.stdout) or {}
    # One image is told as it is, several by platform.
    images: Sequence[Mapping[str, object]] = [image] if "architecture" in image else list(image.values())
    found = {}
    for one in images:
        platform = f"{one.get('os')}/{one.get('architecture')}"
        config = one.get("config")
        labels = (config.get("Labels") if isinstance(config, dict) else None) or {}
        text = labels.get(f"{LABEL}.{platform.replace('/', '-')}")
        if text:
            found[platform] = str(text).removeprefix("sha256:")
    return found

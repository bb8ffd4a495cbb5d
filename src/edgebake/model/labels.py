"""Labels of images: the target, the fingerprint, and the configuration."""

from __future__ import annotations

import json

from edgebake.model.recipe import Config
from edgebake.model.target import Target

LABEL_PREFIX = "dev.edgebake."
FINGERPRINT_LABEL = f"{LABEL_PREFIX}plan.fingerprint"
"""Prefix of the labels with an image's fingerprints, one for each platform."""


def fingerprint_label(platform: str) -> str:
    """Return the name of the label with an image's fingerprint on a platform.

    The image of each platform has the labels of all platforms.
    """
    return f"{FINGERPRINT_LABEL}.{platform.replace('/', '-')}"


def target_labels(target: Target) -> dict[str, str]:
    """Return the labels with the target of an image. `edgebake autotag` reads them to find where it runs."""
    facts = {
        "target": target.name,
        "os": target.os,
        "python": target.python,
        "cuda": target.cuda,
        "cuda-flavour": target.cuda_flavour,
        "l4t": target.l4t,
        "sm": ",".join(target.sm),
        "host-libraries": "true" if target.host_libraries else None,
    }
    return {f"{LABEL_PREFIX}{name}": value for name, value in facts.items() if value}


def config_labels(config: Config | None) -> dict[str, str]:
    """Return the labels that `edgebake run --config` reads to replace an image's configuration."""
    if config is None:
        return {}
    check = json.dumps(config.check) if config.check else None
    facts = {"config-path": config.path, "config-env": config.env, "config-check": check}
    return {f"{LABEL_PREFIX}{name}": value for name, value in facts.items() if value}

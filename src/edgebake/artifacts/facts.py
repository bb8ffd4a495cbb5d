"""What an artifact is for, as annotations of its manifest: by these a machine finds what fits it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from edgebake.graph.node import Node
from edgebake.model.target import Target

ARTIFACT_TYPE = "application/vnd.edgebake.artifact.v1"
_PREFIX = "dev.edgebake."
_WHEELS = f"{_PREFIX}wheel."
"""Before a wheel's file name, which stands in a manifest's annotations with its SHA-256."""


@dataclass(frozen=True)
class Facts:
    """What an artifact is, and what it is for.

    Attributes:
        recipe: the recipe.
        release: its version.
        platform: the OCI platform.
        target: the target that it was built for.
        fingerprint: of its stage.
        python: the Python of the target, as pip's tag has it (cp310); "" if it has none.
        cuda: the target's CUDA with its flavour (cu126-tegra); "cpu" without one.
        sm: the GPU architectures that the target is for (sm87), "any" if it names none.
        wheels: SHA-256 by file name of the wheels in it.
    """

    recipe: str
    release: str
    platform: str
    target: str
    fingerprint: str
    python: str = ""
    cuda: str = "cpu"
    sm: str = "any"
    wheels: tuple[tuple[str, str], ...] = ()

    def annotations(self) -> dict[str, str]:
        """Return the facts as annotations."""
        named = {"recipe", "release", "platform", "target", "fingerprint", "python", "cuda", "sm"}
        found = {f"{_PREFIX}{name}": value for name in sorted(named) if (value := getattr(self, name))}
        found |= {f"{_WHEELS}{name}": digest for name, digest in self.wheels}
        return {"org.opencontainers.image.title": f"{self.recipe} {self.release}".strip(), **found}

    def fits(self, wanted: Mapping[str, str]) -> bool:
        """Tell whether it has all facts that are asked for, by name; an SM is one of several."""
        return all(
            value in (getattr(self, name), *(self.sm.split("-") if name == "sm" else ()))
            for name, value in wanted.items()
        )


def facts_of(node: Node, platform: str, target: Target, fingerprint: str) -> Facts:
    """Return what an artifact stage's artifact is for."""
    pin = node.pins[platform]
    cuda = f"cu{target.cuda.replace('.', '')}" if target.cuda else "cpu"
    if target.cuda and target.cuda_flavour:
        cuda += f"-{target.cuda_flavour}"
    sm = "-".join(f"sm{one}" for one in target.sm) if target.cuda else ""
    python = f"cp{target.python.replace('.', '')}" if target.python else ""
    return Facts(pin.name, pin.release.version, platform, target.name, fingerprint, python, cuda, sm or "any")


def facts_in(manifest: Mapping[str, Any]) -> Facts | None:
    """Return what a manifest's annotations say; None if they are not edgebake's."""
    annotations = {str(k): str(v) for k, v in (manifest.get("annotations") or {}).items()}
    if not all(f"{_PREFIX}{name}" in annotations for name in ("recipe", "platform")):
        return None
    fields = {
        name: annotations.get(f"{_PREFIX}{name}", "") for name in Facts.__dataclass_fields__ if name != "wheels"
    }
    wheels = {k.removeprefix(_WHEELS): v for k, v in annotations.items() if k.startswith(_WHEELS)}
    return Facts(**fields, wheels=tuple(sorted(wheels.items())))

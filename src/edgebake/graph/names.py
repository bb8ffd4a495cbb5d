"""Every generated name, made in one place."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable

from edgebake.errors import EdgebakeError
from edgebake.graph.node import Kind, Node

_PREFIX: dict[Kind, str] = {"tool": "eb-native-", "install": "eb-"}
_SUFFIX: dict[Kind, str] = {
    "fetch": "-fetch",
    "sysroot": "-sysroot",
    "build": "-build",
    "artifact": "",
    "test": "-test",
}


def bake_target_name(image: str, target: str) -> str:
    """Return the name of an image's bake target: letters, digits, '_' and '-' only, as Buildx has it."""
    return re.sub(r"[^a-zA-Z0-9_-]", "-", f"{image}-{target}")


def base_variable(target: str) -> str:
    """Return the bake variable that names a target's base image: BASE_JETPACK_6_2."""
    return "BASE_" + re.sub(r"[^A-Z0-9]", "_", target.upper())


def arch(platform: str) -> str:
    """Return a platform's TARGETARCH."""
    return platform.split("/")[1]


def stage_names(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the names of one target's stages, by node id.

    Stages that would have the same name get a part of their id behind it, all of them, so that a name never
    passes from one stage to another.
    """
    wanted = {node.id: _written_names(node) for node in nodes}
    count = Counter(name for names in wanted.values() for name in names)
    return {
        i: names[0] if all(count[name] == 1 for name in names) else f"{names[0]}-{i[:8]}"
        for i, names in wanted.items()
    }


def platform_name(name: str, platform: str) -> str:
    """Return the name of what a stage is on one platform, if it is not the same on all."""
    return f"{name}-{arch(platform)}"


def _written_names(node: Node) -> list[str]:
    """Return all names that a stage takes in a Dockerfile, its own first."""
    name = _stage_name(node)
    return [name, *([] if node.uniform else (platform_name(name, platform) for platform in node.platforms))]


def _stage_name(node: Node) -> str:
    if node.kind in ("image", "test"):
        return node.label + _SUFFIX.get(node.kind, "")
    return _PREFIX.get(node.kind, "eb-") + node.label + _SUFFIX.get(node.kind, "")


def refuse_collisions(owners: Iterable[tuple[str, str]], *, kind: str) -> None:
    """Refuse two owners of one generated name.

    Args:
        owners: names with what owns each, as prose.
        kind: what the name is.

    Raises:
        EdgebakeError: naming both.
    """
    seen: dict[str, str] = {}
    for name, owner in owners:
        if name in seen and seen[name] != owner:
            raise EdgebakeError(
                f"{seen[name]} and {owner} would have the same {kind} {name!r}",
                hints=("rename one of them",),
            )
        seen[name] = owner

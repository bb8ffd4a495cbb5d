"""Every generated name, made in one place."""

from __future__ import annotations

import hashlib
import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache

from edgebake.errors import EdgebakeError, Position
from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.node import Kind, Node

_PREFIX: dict[Kind, str] = {"tool": "eb-native-", "install": "eb-"}
_SUFFIX: dict[Kind, str] = {
    "fetch": "-fetch",
    "source": "",
    "sysroot": "-sysroot",
    "build": "-build",
    "artifact": "",
    "check": "-check",
    "test": "-test",
}

_NOT_IN_A_NAME = re.compile(r"[^a-zA-Z0-9_-]")


@lru_cache(maxsize=32768)
def bake_target_name(image: str, target: str) -> str:
    """Return the name of an image's bake target: letters, digits, '_' and '-' only, as Buildx has it."""
    return _NOT_IN_A_NAME.sub("-", f"{image}-{target}")


def base_variable(target: str) -> str:
    """Return the bake variable that names a target's base image: BASE_JETPACK_6_2."""
    return "BASE_" + re.sub(r"[^A-Z0-9]", "_", target.upper())


def arch(platform: str) -> str:
    """Return a platform's TARGETARCH."""
    return platform.split("/")[1]


def stage_names(nodes: Iterable[Node]) -> dict[str, str]:
    """Return the names of one target's stages, by node id.

    Stages that would have the same name all get something behind it, so that a name never passes from one stage
    to another: a digest of their place in the graph, which stays as it is when their contents change; and where
    that is the same too (images locked to different packages), a part of their id.

    Args:
        nodes: all stages of the target, each after its parents.
    """
    nodes = list(nodes)
    names = {node.id: plain_name(node) for node in nodes}
    colliding = _colliding(nodes, names)
    places = _places(nodes, colliding)
    names |= {node.id: f"{names[node.id]}-{places[node.id]}" for node in colliding}
    names |= {node.id: f"{plain_name(node)}-{node.id[:8]}" for node in _colliding(nodes, names)}
    return names


def platform_name(name: str, platform: str) -> str:
    """Return the name of what a stage is on one platform, if it is not the same on all."""
    return f"{name}-{arch(platform)}"


def _colliding(nodes: Sequence[Node], names: Mapping[str, str]) -> list[Node]:
    """Return the stages that would write a name into the Dockerfile that another one writes too."""
    written = {node.id: _written_names(node, names[node.id]) for node in nodes}
    count = Counter(name for own in written.values() for name in own)
    return [node for node in nodes if any(count[name] > 1 for name in written[node.id])]


def _written_names(node: Node, name: str) -> list[str]:
    return [name, *([] if node.uniform else (platform_name(name, platform) for platform in node.platforms))]


def _places(nodes: Sequence[Node], wanted: Iterable[Node]) -> dict[str, str]:
    """Return the places of the `wanted` of all `nodes`, and of what they continue."""
    needed = {node.id for node in wanted}
    for node in reversed(nodes):
        if node.id in needed:
            needed.update(body.parent for body in node.bodies.values())
    places: dict[str, str] = {}
    for node in nodes:
        if node.id in needed:
            places[node.id] = _place(node, places)
    return places


def _place(node: Node, places: Mapping[str, str]) -> str:
    """Return a digest of what a stage is called, where it is, and what it continues."""
    lines = sorted({places[body.parent] for body in node.bodies.values() if body.parent})
    data = [node.kind, node.label, node.platforms, lines]
    return hashlib.sha256(json.dumps(data).encode()).hexdigest()[:8]


def plain_name(node: Node) -> str:
    """Return what a stage is called if no other one in its Dockerfile is called so."""
    if node.kind in ("image", "test"):
        return node.label + _SUFFIX.get(node.kind, "")
    return _PREFIX.get(node.kind, "eb-") + node.label + _SUFFIX.get(node.kind, "")


def refuse_collisions(
    owners: Iterable[tuple[str, str]], *, kind: str, at: Callable[[str], Position | None] = lambda owner: None
) -> None:
    """Refuse two owners of one generated name.

    Args:
        owners: names with what owns each, as prose.
        kind: what the name is.
        at: returns where an owner is declared.

    Raises:
        EdgebakeError: naming both.
    """
    seen: dict[str, str] = {}
    for name, owner in owners:
        if name in seen and seen[name] != owner:
            raise EdgebakeError(
                f"{seen[name]} and {owner} would have the same {kind} {name!r}",
                at=at(owner),
                hints=("rename one of them",),
            )
        seen[name] = owner


def groups(targets: Iterable[BakeTarget]) -> dict[str, list[str]]:
    """Return the bake file's groups with their bake targets: each image, each target, and all tests."""
    found: dict[str, list[str]] = {}
    for target in targets:
        for owner in ["test"] if target.is_test else dict.fromkeys([target.image, target.target]):
            found.setdefault(bake_target_name(owner, "").rstrip("-"), []).append(target.name)
    return dict(sorted(found.items()))

"""What a recipe's install stage adds to an image: read from the layers of images that were pushed."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from edgebake.graph.build_graph import BakeTarget
from edgebake.graph.compile import Compilation
from edgebake.graph.node import Node
from edgebake.plan.history import Finished
from edgebake.registry.errors import RegistryError
from edgebake.registry.images import config_of, read_image
from edgebake.registry.reference import parse_reference

if TYPE_CHECKING:
    from edgebake.registry.client import RegistryClient

_LAYER = re.compile(r"^(ADD|COPY|RUN|WORKDIR)\b", re.MULTILINE)

Sizes = dict[tuple[str, str, str], int]
"""Bytes, compressed, by target, recipe and platform."""


def pushed_sizes(compilation: Compilation, finished: Sequence[Finished], client: RegistryClient) -> Sizes:
    """Return what is known of the sizes of install stages.

    An image that was made of other instructions than it would be now says nothing, nor does a registry that does
    not answer.

    Args:
        compilation: the project.
        finished: what was pushed, the latest last.
        client: asks the registries.
    """
    bake_targets = {one.name: one for one in compilation.graph.bake_targets}
    found: Sizes = {}
    for one in finished:
        bake_target = bake_targets.get(one.bake_target)
        if bake_target is not None and one.output == "push":
            for reference, digest in one.references.items():
                try:
                    found |= _sizes(compilation, bake_target, f"{reference}@{digest}", client)
                except (RegistryError, ValueError, KeyError, TypeError):
                    continue
    return found


def _sizes(compilation: Compilation, bake_target: BakeTarget, reference: str, client: RegistryClient) -> Sizes:
    image = read_image(client, parse_reference(reference))
    found: Sizes = {}
    for platform, one in image.by_platform.items():
        if platform in bake_target.platforms:
            manifest = client.manifest(image.reference.at(one.digest))
            config = config_of(client, image.reference.repository, manifest)
            layers = [int(layer["size"]) for layer in manifest.data["layers"]]
            for recipe, size in _by_recipe(_stages(compilation, bake_target), platform, config, layers):
                found[bake_target.target, recipe, platform] = size
    return found


def _stages(compilation: Compilation, bake_target: BakeTarget) -> list[Node]:
    """Return the stages of an image's line from the base's on, with the image's own."""
    graph, stage = compilation.graph, bake_target.stage
    line = []
    while stage:
        line.append(graph.node(bake_target.target, stage))
        stage = next(iter(line[-1].bodies.values())).parent
    return line[::-1]


def _by_recipe(
    stages: Sequence[Node], platform: str, config: Mapping[str, Any], layers: Sequence[int]
) -> Iterator[tuple[str, int]]:
    """Yield recipes with the bytes of their layers; none if the image's instructions are other ones."""
    written = [(node, _LAYER.findall(node.bodies[platform].text)) for node in stages]
    history = [entry for entry in config.get("history", ()) if not entry.get("empty_layer")]
    done = [str(entry.get("created_by", "")).partition(" ")[0] for entry in history]
    expected = [word for _, words in written for word in words]
    if len(history) != len(layers) or done[len(done) - len(expected) :] != expected:
        return
    rest = list(layers[len(layers) - len(expected) :])
    for node, words in written:
        own, rest = rest[: len(words)], rest[len(words) :]
        if node.kind == "install":
            yield node.recipe, sum(own)

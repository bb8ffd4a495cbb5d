"""Stacks in the registry: looked up before a plan, and published by a bake that pushes."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

from edgebake.errors import EdgebakeError
from edgebake.graph.compile import Compilation
from edgebake.graph.names import base_variable
from edgebake.plan.reuse import Given, PublishedStage, Snapshot
from edgebake.plan.settings import Settings, registry_client
from edgebake.plan.stacks import Keyed
from edgebake.plan.steps import PublishStages
from edgebake.registry.client import OCI_INDEX, RawManifest, RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError, RegistryError
from edgebake.registry.images import config_of, platform_name
from edgebake.registry.reference import Reference, Repository, parse_repository
from edgebake.render.bake_file import BakeFile, Block, Value, render_json

_HARMLESS = ("annotations", "attest", "cache-from", "cache-to", "labels", "output", "pull", "tags")
"""Attributes of a bake target that change nothing of a stage's contents."""


# ── before a plan


def looker(settings: Settings) -> Callable[[Compilation, Sequence[Keyed]], Snapshot]:
    """Return what asks a project's repository of stacks, with the user's logins."""

    def look(compilation: Compilation, stages: Sequence[Keyed]) -> Snapshot:
        repository = compilation.workspace.project.stacks
        assert repository is not None
        off = why_off(compilation, settings)
        if off:
            return Snapshot(repository, off=off)
        return observe_stacks(registry_client(compilation, settings), repository, stages)

    return look


def why_off(compilation: Compilation, settings: Settings) -> str:
    """Return why keys mean nothing for a bake: something is given that no fingerprint knows; "" if nothing is."""
    if settings.no_cache:
        return "--no-cache builds everything again"
    for text in settings.overrides:
        key = text.partition("=")[0]
        if key.split(".", 1)[-1].split(".")[0] not in _HARMLESS:
            return f"--set {key} changes what is built"
    names = [base_variable(target) for target in compilation.targets]
    for name in (*names, *(f"NATIVE_{name}" for name in names), "WHEELHOUSE"):
        if name in settings.variables:
            return f"--var {name} changes what is built"
    wheelhouse = settings.environment.get("WHEELHOUSE")
    if wheelhouse is not None and wheelhouse != (compilation.workspace.project.wheelhouse or ""):
        return "the environment's WHEELHOUSE changes what is built"
    return ""


def observe_stacks(client: RegistryClient, repository: str, stages: Iterable[Keyed]) -> Snapshot:
    """Return what is published of `stages`.

    A registry that cannot be asked is no error: everything is built then. What is there for other platforms than
    its key says is not used.

    Args:
        client: asks the registry.
        repository: where stacks are published.
        stages: what could be reused.
    """
    place = parse_repository(repository)
    platforms = {stage.key: stage.platforms for stage in stages}

    def ask(key: str) -> tuple[str, str]:
        """Return the digest of what a key names; and why it is not used, if it is not."""
        reference = place.tagged(key)
        try:
            manifest = client.manifest(reference)
            found = _platforms(client, reference, manifest)
        except NotFoundError:
            return "", ""
        except (NotAnImageError, KeyError):
            return "", "it is damaged"
        if sorted(found) != sorted(platforms[key]):
            return "", f"it is for {', '.join(sorted(found)) or 'no platform'}"
        return manifest.digest, ""

    try:
        # One alone first: where there is no registry, not every question shall wait for its answer.
        keys = list(platforms)
        given = [*client.each(ask, keys[:1]), *client.each(ask, keys[1:])]
        answers = dict(zip(keys, given, strict=True))
    except RegistryError as error:
        return Snapshot(repository, failure=f"{error.message}{f' ({error.reason})' if error.reason else ''}")
    found = {key: digest for key, (digest, _) in answers.items() if digest}
    return Snapshot(repository, found, {key: why for key, (_, why) in answers.items() if why})


def _platforms(client: RegistryClient, reference: Reference, manifest: RawManifest) -> list[str]:
    """Return the platforms of a manifest, attestations left out."""
    if manifest.is_index:
        parts = [(_name(child["platform"]), child["digest"]) for child in manifest.children]
        for _, digest in parts:
            client.digest(reference.at(digest))  # a registry may have lost, or deleted, a part of it
        return [name for name, _ in parts if name != "unknown/unknown"]
    config = config_of(client, reference.repository, manifest)
    return [_name(config)]


def _name(platform: Mapping[str, Any]) -> str:
    return f"{platform['os']}/{platform['architecture']}"


# ── what a bake is given


def context_overrides(bake_target: str, given: Sequence[Given]) -> dict[str, str]:
    """Return the `--set` overrides that put published stages in the place of a bake target's own."""
    return {f"{bake_target}.contexts.{one.stage.name}": one.context for one in given}


def publish_overlay(step: PublishStages) -> tuple[list[str], str]:
    """Return names and text of bake targets for stages that are published: a bake file beside the committed one."""
    attributes = [_attributes(step.repository, one) for one in step.stages]
    blocks = [Block("target", f"eb-stack-{number}", own) for number, own in enumerate(attributes)]
    return [block.name for block in blocks], render_json(BakeFile(blocks))


def _attributes(repository: str, one: PublishedStage) -> dict[str, Value]:
    attributes: dict[str, Value] = {
        "inherits": [one.bake_target],
        "target": one.stage.name,
        "platforms": list(one.stage.platforms),
        "tags": [f"{repository}:{one.stage.key}"],
        # Provenance holds times, and a stage is not what is shipped.
        "attest": ["type=provenance,disabled=true"],
        # Not kept among the engine's images, where it would be unpacked.
        "output": ["type=image,oci-mediatypes=true,push=true,store=false"],
    }
    if one.given:
        attributes["contexts"] = {given.stage.name: given.context for given in one.given}
    return attributes


# ── what is published


def put_under_keys(compilation: Compilation, settings: Settings, step: PublishStages) -> None:
    """Put each platform of what was just pushed under its own key, and all under one as soon as all are there.

    Who builds the last platform of a stage joins them, so that machines that build one platform each still give
    one that builds all of them what it needs.

    Raises:
        EdgebakeError: the registry does not have what was pushed, or does not take a key.
    """
    client = registry_client(compilation, settings)
    place = parse_repository(step.repository)
    client.each(lambda one: _put(client, place, one), step.stages)


def _put(client: RegistryClient, place: Repository, one: PublishedStage) -> None:
    if not one.joined:
        return
    if one.stage.key == one.joined:
        _split(client, place, one)
        return
    parts = {platform: client.find_manifest(place.tagged(key)) for platform, key in one.parts}
    found = {platform: manifest for platform, manifest in parts.items() if manifest is not None}
    if len(found) == len(parts):
        manifests = [_descriptor(platform, found[platform]) for platform in sorted(found)]
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests}
        content = json.dumps(index, separators=(",", ":")).encode()
        client.put_manifest(place.tagged(one.joined), content, OCI_INDEX)


def _split(client: RegistryClient, place: Repository, one: PublishedStage) -> None:
    index = client.manifest(place.tagged(one.stage.key))
    digests = {platform_name(child.get("platform", {})): child["digest"] for child in index.children}
    for platform, key in one.parts:
        if platform not in digests:
            raise EdgebakeError(
                f"{place}:{one.stage.key} was pushed, and its registry does not show {platform} in it",
                reason=f"it shows {', '.join(sorted(digests)) or 'no platform'}",
            )
        child = client.manifest(place.by_digest(digests[platform]))
        client.put_manifest(place.tagged(key), child.content, child.media_type)


def _descriptor(platform: str, manifest: RawManifest) -> dict[str, Any]:
    os, architecture = platform.split("/")
    return {**manifest.descriptor, "platform": {"architecture": architecture, "os": os}}

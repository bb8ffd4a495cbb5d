"""An image in a registry: a manifest for each platform, and their attestations."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property
from typing import Annotated, Any

from pydantic import ConfigDict, Field

from edgebake.dataclasses import dataclass
from edgebake.model.base import Model
from edgebake.registry.client import RawManifest, RegistryClient, json_of
from edgebake.registry.errors import NotAnImageError
from edgebake.registry.reference import Reference, Repository

Descriptor = Mapping[str, Any]
_REFERENCE_TYPE = "vnd.docker.reference.type"
_REFERENCE_DIGEST = "vnd.docker.reference.digest"


class _Inner(Model):
    model_config = ConfigDict(extra="ignore")
    labels: Annotated[dict[str, str] | None, Field(alias="Labels")] = None
    env: Annotated[list[str] | None, Field(alias="Env")] = None


class _Config(Model):
    """What is read of an image's configuration."""

    model_config = ConfigDict(extra="ignore")
    architecture: str
    os: str
    variant: str = ""
    created: str | None = None
    config: _Inner | None = None


@dataclass(frozen=True)
class PlatformImage:
    """One platform's image: its descriptor, and those of its attestations.

    Source of the attestations' form: docs.docker.com/build/metadata/attestations/attestation-storage.
    """

    platform: str
    descriptor: Descriptor
    attestations: tuple[Descriptor, ...] = ()

    @property
    def digest(self) -> str:
        """The digest of its manifest."""
        return str(self.descriptor["digest"])

    @property
    def descriptors(self) -> tuple[Descriptor, ...]:
        """Its entries in an index."""
        return (self.descriptor, *self.attestations)


@dataclass(frozen=True)
class RegistryImage:
    """The image that a reference names."""

    reference: Reference
    manifest: RawManifest
    images: tuple[PlatformImage, ...]

    @property
    def digest(self) -> str:
        """The digest of the index, or of the only manifest."""
        return self.manifest.digest

    @cached_property
    def by_platform(self) -> dict[str, PlatformImage]:
        """The images by platform."""
        return {image.platform: image for image in self.images}

    @property
    def annotations(self) -> dict[str, str]:
        """The annotations of the index; none for a single manifest."""
        return dict(self.manifest.data.get("annotations") or {}) if self.manifest.is_index else {}


def read_image(client: RegistryClient, reference: Reference) -> RegistryImage:
    """Return the image that a reference names.

    Raises:
        RegistryError: it is not there, the registry does not show it, or it is no image (NotAnImageError).
    """
    manifest = client.manifest(reference)
    if manifest.is_index:
        return RegistryImage(reference, manifest, tuple(_children(manifest)))
    if manifest.data.get("config") is None:
        raise NotAnImageError(
            f"{reference} is not an image", reason=f"its media type is {manifest.media_type or 'unknown'}"
        )
    config = config_of(client, reference.repository, manifest)
    platform = {key: config[key] for key in ("architecture", "os", "variant") if config.get(key)}
    descriptor = {**manifest.descriptor, "platform": platform}
    return RegistryImage(reference, manifest, (PlatformImage(platform_name(platform), descriptor),))


def config_of(client: RegistryClient, repository: Repository, manifest: RawManifest) -> dict[str, Any]:
    """Return the configuration of a single manifest's image.

    Raises:
        RegistryError: it is not there, or is none.
    """
    config = manifest.data.get("config")
    if config is None:
        raise NotAnImageError(f"{repository}@{manifest.digest} is not an image", reason="it has no configuration")
    return json_of(_Config, client.blob(repository, config["digest"]), f"the configuration {config['digest']}")


def labels_of(client: RegistryClient, repository: Repository, image: PlatformImage) -> dict[str, str]:
    """Return an image's labels."""
    config = config_of(client, repository, client.manifest(repository.by_digest(image.digest)))
    return dict((config.get("config") or {}).get("Labels") or {})


def platform_name(platform: Mapping[str, str]) -> str:
    """Return a platform as edgebake writes it: `linux/arm64`, with or without its variant v8."""
    variant = platform.get("variant", "")
    suffix = f"/{variant}" if variant and (platform.get("architecture"), variant) != ("arm64", "v8") else ""
    return f"{platform.get('os')}/{platform.get('architecture')}{suffix}"


def _children(manifest: RawManifest) -> list[PlatformImage]:
    attestations: dict[str, list[Descriptor]] = {}
    images = []
    for child in manifest.children:
        notes = child.get("annotations") or {}
        if notes.get(_REFERENCE_TYPE) == "attestation-manifest":
            attestations.setdefault(notes.get(_REFERENCE_DIGEST, ""), []).append(child)
        else:
            images.append((platform_name(child.get("platform") or {}), child))
    return [PlatformImage(name, one, tuple(attestations.get(one["digest"], ()))) for name, one in images]

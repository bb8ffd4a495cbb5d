"""Images that a registry has. What it says is kept for a while: an answer must not take a second each time."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from pydantic import TypeAdapter

from edgebake.dataclasses import dataclass
from edgebake.host.built import from_config
from edgebake.host.candidate import Candidate, is_key
from edgebake.model.labels import LABEL_PREFIX
from edgebake.model.target import Target
from edgebake.registry.client import RawManifest, RegistryClient
from edgebake.registry.errors import NotAnImageError, NotFoundError
from edgebake.registry.images import config_of
from edgebake.registry.reference import Reference, Repository, parse_reference, parse_repository

LIFETIME = 600  # seconds
MOST_TAGS = 300
"""Tags of one repository that are looked at, the last by name."""
_FORMAT = 3
_VARIABLES = ("BOARD", "CUDA_VERSION", "NVIDIA_REQUIRE_CUDA", "NVIDIA_VISIBLE_DEVICES")


@dataclass(frozen=True)
class Shown:
    """What a registry shows of a tag: its platforms, and the configuration of the image for one of them."""

    reference: str
    platforms: tuple[str, ...]
    labels: Mapping[str, str]
    environment: tuple[str, ...]
    created: str


@dataclass(frozen=True)
class Repertoire:
    """What a registry shows of a repository. `left_out`: how many tags were not looked at."""

    shown: tuple[Shown, ...]
    left_out: int = 0


_Repertoire = TypeAdapter(Repertoire)


@dataclass(frozen=True)
class Cache:
    """Answers of registries in files. `folder` None: nothing is kept."""

    folder: Path | None
    lifetime: float = LIFETIME

    def get(self, key: str) -> Repertoire | None:
        """Return an answer that is young enough, else None. A damaged file is as good as none."""
        path = self._path(key)
        try:
            if path is None or not 0 <= time.time() - path.stat().st_mtime < self.lifetime:
                return None
            return _Repertoire.validate_json(path.read_bytes())
        except (OSError, ValueError):
            return None

    def put(self, key: str, answer: Repertoire) -> None:
        """Keep an answer. Where that cannot be, it is asked again."""
        path = self._path(key)
        if path is None:
            return
        partial = path.with_name(f"{path.name}.{os.getpid()}")
        try:
            path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)  # a registry may be nobody else's business
            partial.write_bytes(_Repertoire.dump_json(answer))
            partial.replace(path)
        except OSError:
            with suppress(OSError):
                partial.unlink()

    def _path(self, key: str) -> Path | None:
        name = hashlib.sha256(f"{_FORMAT} {key}".encode()).hexdigest()
        return self.folder / f"{name}.json" if self.folder else None


def cache_folder(environment: Mapping[str, str]) -> Path:
    """Return where answers of registries are kept: in the user's cache folder (XDG base directories)."""
    home = environment.get("XDG_CACHE_HOME") or ""
    folder = Path(home) if home.startswith("/") else Path.home() / ".cache"
    return folder / "edgebake" / "registry"


def remote_candidates(
    client: RegistryClient, repository: str, platform: str, targets: Mapping[str, Target], cache: Cache
) -> tuple[list[Candidate], int]:
    """Return the images of a repository, and how many tags were left out because there are too many.

    `repository` is its name as Docker has it. The configuration of an image for `platform` is read. `targets` are
    all known ones by name; `cache` has answers of before.

    Raises:
        RegistryError: the registry refuses, or cannot be reached. A repository that is not there has no images.
    """
    key = f"{repository} {platform}"
    answer = cache.get(key)
    if answer is None:
        answer = _ask(client, repository, platform)
        cache.put(key, answer)
    return [_candidate(one, targets) for one in answer.shown], answer.left_out


def _ask(client: RegistryClient, repository: str, platform: str) -> Repertoire:
    place = parse_repository(repository)
    tags = [tag for tag in client.tags(place) if not is_key(tag)]
    last = tags[-MOST_TAGS:]
    found = client.each(lambda tag: _show(client, place, place.tagged(tag), f"{repository}:{tag}", platform), last)
    return Repertoire(tuple(one for one in found if one), len(tags) - len(last))


def remote_reference(
    client: RegistryClient, reference: str, platform: str, targets: Mapping[str, Target]
) -> Candidate | None:
    """Return what a registry has under one reference, or None.

    Raises:
        RegistryError: the registry refuses, or cannot be reached.
    """
    parsed = parse_reference(reference)
    shown = _show(client, parsed.repository, parsed, reference, platform)
    return _candidate(shown, targets) if shown else None


def _show(
    client: RegistryClient, repository: Repository, reference: Reference, name: str, platform: str
) -> Shown | None:
    try:
        manifest = client.manifest(reference)
        if not manifest.is_index:
            return _configured(client, repository, name, manifest)
        platforms = {_platform(child): child["digest"] for child in manifest.children}
        platforms.pop("unknown/unknown", None)  # attestations
        if platform not in platforms:
            return Shown(name, tuple(platforms), {}, (), "")
        child = client.manifest(repository.by_digest(platforms[platform]))
        return _configured(client, repository, name, child, tuple(platforms))
    except (NotFoundError, NotAnImageError):
        return None  # deleted meanwhile, or no image at all


def _configured(
    client: RegistryClient,
    repository: Repository,
    name: str,
    manifest: RawManifest,
    platforms: tuple[str, ...] = (),
) -> Shown:
    config = config_of(client, repository, manifest)
    inner = config.get("config") or {}
    platforms, labels = platforms or (f"{config['os']}/{config['architecture']}",), inner.get("Labels") or {}
    environment = _needed(inner.get("Env") or (), labels)
    return Shown(name, platforms, labels, environment, str(config.get("created") or ""))


def _needed(environment: Iterable[str], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the variables that something here asks for; the others, which may be anything, are not kept."""
    names = {*_VARIABLES, labels.get(f"{LABEL_PREFIX}config-env", "")}
    return tuple(one for one in environment if one.partition("=")[0] in names)


def _platform(child: Mapping[str, Any]) -> str:
    platform = child.get("platform") or {}
    return f"{platform.get('os', 'unknown')}/{platform.get('architecture', 'unknown')}"


def _candidate(shown: Shown, targets: Mapping[str, Target]) -> Candidate:
    tag = parse_reference(shown.reference).tag
    built = from_config(shown.labels, shown.environment, shown.platforms, tag, targets)
    return Candidate(shown.reference, built, False, shown.created, shown.labels, shown.environment)

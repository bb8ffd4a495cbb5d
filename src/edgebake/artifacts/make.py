"""From what a build half has left, as a tar archive, to an entry of a folder of artifacts."""

from __future__ import annotations

import gzip
import hashlib
import json
import shutil
import tarfile
import tempfile
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import Any

from edgebake.artifacts.facts import ARTIFACT_TYPE, Facts
from edgebake.artifacts.layout import OCI_INDEX, OCI_MANIFEST, Descriptor, Layout, file_digest
from edgebake.errors import EdgebakeError, Position

_CONFIG = "application/vnd.oci.image.config.v1+json"
_LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_LEVEL = 1  # wheels are compressed already, and a machine has more disk than time


def store(layout: Layout, key: str, archive: Path, facts: Facts) -> Descriptor:
    """Put a tar archive under a key; return the descriptor of its manifest.

    The entry is an image of one layer, so that BuildKit can take it in place of a stage. Its type and annotations
    say what it is.

    Args:
        layout: the folder.
        key: what it is found by.
        archive: the archive.
        facts: what it is for, without its wheels.

    Raises:
        EdgebakeError: the archive cannot be read, or the folder not be written.
    """
    facts = replace(facts, wheels=tuple(sorted(wheels_in(archive).items())))
    os, architecture = facts.platform.split("/")
    with layout.writing():
        layer = {"mediaType": _LAYER, **_compressed(layout, archive)}
        rootfs = {"type": "layers", "diff_ids": [file_digest(archive)]}
        config = {"architecture": architecture, "os": os, "config": {}, "rootfs": rootfs}
        manifest = {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "artifactType": ARTIFACT_TYPE,
            "config": {"mediaType": _CONFIG, **layout.put(_bytes(config))},
            "layers": [layer],
            "annotations": facts.annotations(),
        }
        descriptor = layout.put(_bytes(manifest))
        layout.tag(key, descriptor, OCI_MANIFEST)
    return descriptor


def join(layout: Layout, key: str, parts: Mapping[str, str]) -> bool:
    """Put the entries of all platforms under one key, if all are there; return whether they are.

    Args:
        layout: the folder.
        key: of the index.
        parts: the platforms' keys, by platform.

    Raises:
        EdgebakeError: the folder cannot be written.
    """
    found = {platform: layout.find(part) for platform, part in parts.items()}
    children = []
    for platform, entry in sorted(found.items()):
        if entry is None or entry.media_type != OCI_MANIFEST:
            return False
        os, architecture = platform.split("/")
        size = layout.blob(entry.digest).stat().st_size
        place = {"os": os, "architecture": architecture}
        children.append({"mediaType": OCI_MANIFEST, "digest": entry.digest, "size": size, "platform": place})
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "artifactType": ARTIFACT_TYPE, "manifests": children}
    with layout.writing():
        layout.tag(key, layout.put(_bytes(index)), OCI_INDEX)
    return True


def _compressed(layout: Layout, archive: Path) -> Descriptor:
    """Take an archive in, compressed; equal archives give equal bytes."""
    with tempfile.NamedTemporaryFile(dir=layout.folder, prefix=".layer-", delete=False) as file:
        path = Path(file.name)
        with archive.open("rb") as source, gzip.GzipFile("", "wb", _LEVEL, file, mtime=0) as target:
            shutil.copyfileobj(source, target, 1 << 20)
    return layout.put_file(path)


def wheels_in(archive: Path) -> dict[str, str]:
    """Return the wheels in an archive, wherever they lie: SHA-256 by file name."""
    found: dict[str, str] = {}
    try:
        with tarfile.open(archive, "r:*") as tar:
            for member in tar:
                name = PurePosixPath(member.name).name
                content = tar.extractfile(member) if member.isfile() and name.endswith(".whl") else None
                if content is not None:
                    digest = hashlib.sha256()
                    while chunk := content.read(1 << 20):
                        digest.update(chunk)
                    found[name] = digest.hexdigest()
    except (tarfile.TarError, OSError) as error:
        raise EdgebakeError(f"cannot read what a build half left: {error}", at=Position(str(archive))) from None
    return found


def _bytes(data: Mapping[str, Any]) -> bytes:
    return json.dumps(data, separators=(",", ":"), sort_keys=True).encode()

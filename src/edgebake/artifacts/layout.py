"""A folder of artifacts: an OCI image layout, which BuildKit reads as it is.

Entries are manifests (of one platform) and indexes (of several) under keys, as a registry has tags. What is written
is complete before its key is; what is read is checked by digest. Several processes may use one folder at once.

Source: https://github.com/opencontainers/image-spec/blob/main/image-layout.md.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from edgebake.errors import EdgebakeError, Position
from edgebake.system.atomic import write_file

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_KEY = "org.opencontainers.image.ref.name"
_CHUNK = 1 << 20

Descriptor = dict[str, Any]


@dataclass(frozen=True)
class Entry:
    """What a folder has under one key.

    Attributes:
        key: the key.
        digest: of the manifest or index.
        media_type: which of these it is.
        used: when it was last written or taken, in seconds since the epoch.
    """

    key: str
    digest: str
    media_type: str
    used: float


class DamagedError(Exception):
    """A blob is not there, or is not what its digest says."""


class Layout:
    """A folder of artifacts.

    Args:
        folder: it need not be there; the first entry makes it.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder.absolute()

    # ── reading

    def entries(self) -> list[Entry]:
        """Return what there is, by key; nothing of what cannot be read."""
        found = []
        for one in self._index()["manifests"]:
            key, digest = _key_of(one), str(one.get("digest", ""))
            if key and digest:
                found.append(Entry(key, digest, str(one.get("mediaType", "")), self._used(digest)))
        return sorted(found, key=lambda entry: entry.key)

    def find(self, key: str) -> Entry | None:
        """Return what there is under a key."""
        return next((entry for entry in self.entries() if entry.key == key), None)

    def read(self, digest: str) -> dict[str, Any]:
        """Return a manifest, an index or a configuration.

        Raises:
            DamagedError: it is not there, or is not what its digest says.
        """
        try:
            content = self.blob(digest).read_bytes()
        except OSError:
            raise DamagedError(f"{digest} is not there") from None
        if f"sha256:{hashlib.sha256(content).hexdigest()}" != digest:
            raise DamagedError(f"{digest} is not what its digest says")
        data: dict[str, Any] = json.loads(content)
        return data

    def manifests(self, entry: Entry) -> dict[str, dict[str, Any]]:
        """Return the manifests of an entry, by digest.

        Raises:
            DamagedError: one is not there, or is not what its digest says.
        """
        data = self.read(entry.digest)
        if entry.media_type != OCI_INDEX:
            return {entry.digest: data}
        return {child["digest"]: self.read(child["digest"]) for child in data["manifests"]}

    def blob(self, digest: str) -> Path:
        """Return where a blob lies."""
        return self.folder / "blobs" / "sha256" / digest.removeprefix("sha256:")

    def check(self, entry: Entry) -> str:
        """Return what is wrong with an entry: every byte of it is read. "" if nothing is."""
        try:
            for manifest in self.manifests(entry).values():
                for descriptor in blobs_of(manifest):
                    self._check_blob(descriptor)
        except DamagedError as error:
            return str(error)
        except (KeyError, TypeError, ValueError):
            return "its manifest cannot be read"
        return ""

    def _check_blob(self, descriptor: Mapping[str, Any]) -> None:
        path, digest = self.blob(descriptor["digest"]), descriptor["digest"]
        try:
            size = path.stat().st_size
            if size != descriptor["size"]:
                raise DamagedError(f"{digest} has {size} bytes of {descriptor['size']}")
            if file_digest(path) != digest:
                raise DamagedError(f"{digest} is not what its digest says")
        except OSError:
            raise DamagedError(f"{digest} is not there") from None

    def size(self) -> int:
        """Return the bytes of all blobs."""
        folder = self.folder / "blobs" / "sha256"
        return sum(path.stat().st_size for path in folder.iterdir()) if folder.is_dir() else 0

    # ── writing

    def put_file(self, path: Path) -> Descriptor:
        """Take a file in as a blob; it is moved if it lies on the same file system. Return its digest and size.

        Raises:
            EdgebakeError: it cannot be written.
        """
        digest = file_digest(path)
        size = path.stat().st_size
        place = self.blob(digest)
        try:
            place.parent.mkdir(parents=True, exist_ok=True)
            # One that lies there already may be damaged: what is known to be right takes its place.
            with tempfile.NamedTemporaryFile(dir=place.parent, prefix=".", delete=False) as file:
                temporary = Path(file.name)
            shutil.move(path, temporary)
            temporary.chmod(0o644)
            temporary.replace(place)
        except OSError as error:
            raise self._cannot(error) from None
        return {"digest": digest, "size": size}

    def put(self, content: bytes) -> Descriptor:
        """Take bytes in as a blob; return its digest and size."""
        digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
        write_file(self.blob(digest), content)
        return {"digest": digest, "size": len(content)}

    def tag(self, key: str, descriptor: Mapping[str, Any], media_type: str) -> None:
        """Put a manifest or index that is complete under a key.

        Raises:
            EdgebakeError: it cannot be written.
        """
        named = {"mediaType": media_type, **descriptor, "annotations": {_KEY: key}}
        with self._changed() as index:
            index["manifests"] = [one for one in index["manifests"] if _key_of(one) != key] + [named]
        self.touch(descriptor["digest"])

    def touch(self, digest: str) -> None:
        """Remember that an entry was used now."""
        try:
            os.utime(self.blob(digest))
        except OSError:
            return  # a folder that is only read

    def remove(self, keys: Iterable[str]) -> int:
        """Take entries out, and all blobs that no other one has; return the bytes that this frees.

        Raises:
            EdgebakeError: it cannot be written.
        """
        gone = set(keys)
        before = self.size()
        with self._locked(".writing", fcntl.LOCK_EX):  # what is half written belongs to no entry yet
            with self._changed() as index:
                index["manifests"] = [one for one in index["manifests"] if _key_of(one) not in gone]
            kept = set(self._blobs_of(index["manifests"]))
            for path in list((self.folder / "blobs" / "sha256").iterdir()):
                if f"sha256:{path.name}" not in kept:
                    path.unlink(missing_ok=True)
        return before - self.size()

    def prune(self, limit: int) -> list[Entry]:
        """Take out what was used least recently until all fits into `limit` bytes; return what went.

        Raises:
            EdgebakeError: it cannot be written.
        """
        gone: list[Entry] = []
        entries = sorted(self.entries(), key=lambda entry: (entry.used, entry.key))
        while entries and self.size() > limit:
            gone.append(entries.pop(0))
            self.remove([gone[-1].key])
        return gone

    def _blobs_of(self, descriptors: Iterable[Mapping[str, Any]]) -> Iterator[str]:
        for one in descriptors:
            yield one["digest"]
            try:
                data = self.read(one["digest"])
                children = data.get("manifests", ())
                yield from self._blobs_of(children)
                yield from (blob["digest"] for blob in ([] if "manifests" in data else blobs_of(data)))
            except (DamagedError, KeyError, TypeError, ValueError):
                continue

    @contextmanager
    def writing(self) -> Iterator[None]:
        """Keep blobs that are written, and that no entry has yet, from being taken for leftovers."""
        with self._locked(".writing", fcntl.LOCK_SH):
            yield

    @contextmanager
    def _locked(self, name: str, kind: int) -> Iterator[None]:
        try:
            (self.folder / "blobs" / "sha256").mkdir(parents=True, exist_ok=True)
            with (self.folder / name).open("ab") as lock:
                fcntl.flock(lock, kind)
                yield
        except OSError as error:
            raise self._cannot(error) from None

    @contextmanager
    def _changed(self) -> Iterator[dict[str, Any]]:
        """Give the index to be changed, and write it; nobody else does at the same time."""
        with self._locked(".lock", fcntl.LOCK_EX):
            index = self._index()
            yield index
            index["manifests"].sort(key=lambda one: (_key_of(one), one["digest"]))
            write_file(self.folder / "oci-layout", b'{"imageLayoutVersion":"1.0.0"}\n')
            write_file(self.folder / "index.json", json.dumps(index, indent=1).encode() + b"\n")

    def _index(self) -> dict[str, Any]:
        data: Any
        try:
            data = json.loads((self.folder / "index.json").read_bytes())
        except (OSError, ValueError):
            data = None
        if isinstance(data, dict) and isinstance(data.get("manifests"), list):
            return data
        return {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": []}

    def _used(self, digest: str) -> float:
        try:
            return self.blob(digest).stat().st_mtime
        except OSError:
            return 0.0

    def _cannot(self, error: OSError) -> EdgebakeError:
        return EdgebakeError(
            f"cannot write the folder of artifacts: {error.strerror}", at=Position(str(self.folder))
        )


def blobs_of(manifest: Mapping[str, Any]) -> list[Descriptor]:
    """Return the descriptors of what a manifest consists of."""
    return [manifest["config"], *manifest["layers"]]


def _key_of(descriptor: Mapping[str, Any]) -> str:
    annotations = descriptor.get("annotations")
    return str(annotations.get(_KEY, "")) if isinstance(annotations, dict) else ""


def file_digest(path: Path) -> str:
    """Return the digest of a file, `sha256:…`."""
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while chunk := file.read(_CHUNK):
            digest.update(chunk)
    return f"sha256:{digest.hexdigest()}"

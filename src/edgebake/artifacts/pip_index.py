"""The wheels of a folder of artifacts as indexes that pip reads, one for each CUDA and GPU architecture.

``wheels/<cuda>/<sm>/simple/`` is an index; any web server that serves the folder serves it. Python and platform are
in a wheel's name, and pip matches them itself. Source: the simple repository API,
https://packaging.python.org/en/latest/specifications/simple-repository-api/.
"""

from __future__ import annotations

import hashlib
import html
import json
import shutil
import tarfile
import tempfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path, PurePosixPath
from typing import Any

from packaging.utils import InvalidWheelFilename, canonicalize_name, parse_wheel_filename

from edgebake.artifacts.facts import ARTIFACT_TYPE, Facts, facts_in
from edgebake.artifacts.layout import OCI_MANIFEST, DamagedError, Entry, Layout
from edgebake.artifacts.make import wheels_in
from edgebake.errors import EdgebakeError
from edgebake.system.atomic import write_file

FOLDER = "wheels"


@dataclass(frozen=True)
class IndexedWheel:
    """A wheel in an index: its file name, digest, and the entry that it comes from."""

    place: str
    name: str
    sha256: str
    entry: Entry


def write_indexes(layout: Layout) -> list[IndexedWheel]:
    """Bring the indexes of a folder up to date; return the wheels in them.

    Of several wheels of one name in one index, that of the entry used last counts. What is damaged is left out.

    Raises:
        EdgebakeError: something cannot be written.
    """
    chosen: dict[tuple[str, str], IndexedWheel] = {}
    for entry, facts in sorted(entries_with_facts(layout), key=lambda pair: (pair[0].used, pair[0].key)):
        for name, digest in facts.wheels:
            if _project(name):
                place = f"{facts.cuda}/{facts.sm}"
                chosen[place, name] = IndexedWheel(place, name, digest, entry)
    root = layout.folder / FOLDER
    wheels = [wheel for _, wheel in sorted(chosen.items())]
    found = [wheel for wheel in wheels if _provide(layout, wheel, root / wheel.place / wheel.name)]
    places: dict[str, list[IndexedWheel]] = {}
    for wheel in found:
        places.setdefault(wheel.place, []).append(wheel)
    for place, own in places.items():
        _write_index(root / place / "simple", own)
    _remove_others(root, {root / wheel.place / wheel.name for wheel in found})
    return found


def entries_with_facts(layout: Layout) -> Iterator[tuple[Entry, Facts]]:
    """Yield the entries of one platform, with what they are for; nothing of what cannot be read."""
    for entry in layout.entries():
        if entry.media_type == OCI_MANIFEST:
            try:
                manifest = layout.read(entry.digest)
                facts = facts_in(manifest)
            except (DamagedError, ValueError):
                continue
            if facts is not None:
                yield (
                    entry,
                    facts
                    if manifest.get("artifactType") == ARTIFACT_TYPE
                    else _with_wheels(layout, manifest, facts),
                )


def _with_wheels(layout: Layout, manifest: Mapping[str, Any], facts: Facts) -> Facts:
    """Return the facts of what BuildKit has published, which does not say which wheels are in it."""
    found: dict[str, str] = {}
    for layer in manifest.get("layers", ()):
        try:
            found |= wheels_in(layout.blob(layer["digest"]))
        except EdgebakeError:
            continue
    return replace(facts, wheels=tuple(sorted(found.items())))


def _project(name: str) -> str:
    """Return the project of a wheel; "" if its name is none that pip would take."""
    try:
        return parse_wheel_filename(name)[0]
    except InvalidWheelFilename:
        return ""


def _provide(layout: Layout, wheel: IndexedWheel, path: Path) -> bool:
    """See that a wheel lies where its index says, with the bytes that its digest names; return whether it does."""
    if path.is_file() and hashlib.sha256(path.read_bytes()).hexdigest() == wheel.sha256:
        return True
    path.unlink(missing_ok=True)
    try:
        for layer in layout.read(wheel.entry.digest)["layers"]:
            with tarfile.open(layout.blob(layer["digest"]), "r:*") as tar:
                if any(_extracted(tar, member, wheel, path) for member in tar):
                    return True
    except (DamagedError, OSError, EOFError, tarfile.TarError, KeyError, ValueError):
        pass
    return False


def _extracted(tar: tarfile.TarFile, member: tarfile.TarInfo, wheel: IndexedWheel, path: Path) -> bool:
    source = tar.extractfile(member) if PurePosixPath(member.name).name == wheel.name and member.isfile() else None
    if source is None:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, prefix=".", delete=False) as file:
        shutil.copyfileobj(source, file, 1 << 20)
    temporary = Path(file.name)
    if hashlib.sha256(temporary.read_bytes()).hexdigest() != wheel.sha256:
        temporary.unlink()
        return False
    temporary.chmod(0o644)
    temporary.replace(path)
    return True


def _write_index(folder: Path, wheels: Iterable[IndexedWheel]) -> None:
    """Write an index as HTML (PEP 503), and as JSON (PEP 691) beside it."""
    projects: dict[str, list[IndexedWheel]] = {}
    for wheel in wheels:
        projects.setdefault(canonicalize_name(_project(wheel.name)), []).append(wheel)
    names = sorted(projects)
    _write_page(folder, "Simple index", {name: f"{name}/" for name in names})
    _write_data(folder, {"projects": [{"name": name} for name in names]})
    for name, own in projects.items():
        _write_page(folder / name, name, {w.name: f"../../{w.name}#sha256={w.sha256}" for w in own})
        files = [{"filename": w.name, "url": f"../../{w.name}", "hashes": {"sha256": w.sha256}} for w in own]
        _write_data(folder / name, {"name": name, "files": files})


def _write_page(folder: Path, title: str, links: Mapping[str, str]) -> None:
    anchors = "".join(f'<a href="{html.escape(to)}">{html.escape(name)}</a><br>\n' for name, to in links.items())
    head = f'<meta name="pypi:repository-version" content="1.0"><title>{html.escape(title)}</title>'
    text = f"<!DOCTYPE html>\n<html><head>{head}</head><body>\n{anchors}</body></html>\n"
    write_file(folder / "index.html", text.encode())


def _write_data(folder: Path, data: Mapping[str, object]) -> None:
    text = json.dumps({"meta": {"api-version": "1.0"}, **data}, indent=1)
    write_file(folder / "index.json", text.encode() + b"\n")


def _remove_others(root: Path, kept: set[Path]) -> None:
    """Remove wheels that no entry has any more, and indexes that have none."""
    try:
        for path in sorted(root.rglob("*.whl")):
            if path not in kept:
                path.unlink()
        for page in sorted(root.glob("*/*/simple")):
            if not any(page.parent.glob("*.whl")):
                shutil.rmtree(page.parent)
                continue
            named = {canonicalize_name(_project(path.name)) for path in page.parent.glob("*.whl")}
            for project in page.iterdir():
                if project.is_dir() and project.name not in named:
                    shutil.rmtree(project)
        for folder in root.iterdir() if root.is_dir() else ():
            if folder.is_dir() and not any(folder.iterdir()):
                folder.rmdir()
    except OSError as error:
        raise EdgebakeError(f"cannot write {root}: {error.strerror}") from None

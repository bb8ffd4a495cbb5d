"""The files that a COPY takes from a folder, and one digest over all that Docker keeps of them.

What counts is what BuildKit sends and hashes (tonistiigi/fsutil, moby/buildkit ``cache/contenthash``): path, kind,
permission bits, a link's target and a file's bytes. Owner, times and the order of a directory do not.
``tests/e2e/test_ignore_engine.py`` compares with a real engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import Literal

from edgebake.errors import EdgebakeError
from edgebake.load.ignore import IgnoreRules

MAX_LINKS = 40  # as many as Linux follows in one path

Kind = Literal["file", "dir", "symlink"]


@dataclass(frozen=True)
class FileEntry:
    """One file, folder or symbolic link.

    Attributes:
        path: relative to the root, posix.
        kind: what it is.
        mode: the permission bits as they are on the file system, which is how COPY keeps them. Git keeps only
            the executable bit, so a checkout's umask shows here, as it does in the image. 0o777 for a link.
        target: where a link points; empty otherwise.
        source: the place to read from.
    """

    path: str
    kind: Kind
    mode: int
    target: str
    source: Path = field(compare=False, repr=False)

    @cached_property
    def sha256(self) -> str:
        """The digest of a file's contents in hex, read when first asked for; empty for folders and links.

        Raises:
            EdgebakeError: the file cannot be read.
        """
        if self.kind != "file":
            return ""
        digest = hashlib.sha256()
        try:
            with self.source.open("rb") as file:
                while chunk := file.read(1 << 20):
                    digest.update(chunk)
        except OSError as error:
            raise _error(self.source, "cannot be read", error.strerror) from error
        return digest.hexdigest()


def list_files(root: Path, paths: Sequence[str], rules: IgnoreRules) -> list[FileEntry]:
    """Return all that BuildKit would send of `paths` beneath `root`, in the byte order of their paths.

    A path that is a symbolic link, or leads through one, is followed as COPY does: the links count, and so does
    what they point at. Links found inside a folder are kept as links. A folder that is ignored is listed if
    something in it is not; the root itself never is.

    Args:
        root: the build context.
        paths: relative posix paths of files, folders and links; ``.`` for everything.
        rules: what to leave out, with patterns relative to `root`.

    Raises:
        EdgebakeError: a path is missing, leads out of `root` or in circles, or is ignored altogether; a link
            leads out of `root` (what it points at is not sent); there is a device, socket or pipe, or a name that
            is not UTF-8; BuildKit would empty a file (:meth:`IgnoreRules.empties`).
    """
    found: dict[str, FileEntry] = {}
    for path in paths:
        found.update((entry.path, entry) for entry in _list_path(root, path, rules))
    return sorted(found.values(), key=_in_byte_order)


def tree_digest(entries: Iterable[FileEntry]) -> str:
    """Return one digest in hex over everything in `entries`, whatever their order.

    Raises:
        EdgebakeError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for entry in sorted(entries, key=_in_byte_order):
        # One JSON array on each line: no field can run into the next.
        fields = [entry.path, entry.kind, f"{entry.mode:04o}", entry.target, entry.sha256]
        digest.update(json.dumps(fields).encode() + b"\n")
    return digest.hexdigest()


def _in_byte_order(entry: FileEntry) -> bytes:
    return entry.path.encode()


def _list_path(root: Path, path: str, rules: IgnoreRules) -> list[FileEntry]:
    """Return `path`, the links that it leads through, and all beneath."""
    if path.startswith("/"):
        raise EdgebakeError(f"{path!r} must be relative to {root}")
    try:
        links, real = _follow(root, "", posixpath.normpath(path), at=path)
        if real is None:
            raise _error(root / path, "leads in circles")
        entries = [_entry(root, link) for link in links]
        beneath = list(_walk(root, real, rules))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _error(root / path, "does not exist") from error
    except OSError as error:
        raise _error(Path(error.filename), "cannot be read", error.strerror) from error
    if not beneath and real != ".":
        raise _error(root / path, "is left out by ignore rules", "Docker would not find it.")
    return entries + beneath


def _walk(root: Path, path: str, rules: IgnoreRules) -> Iterator[FileEntry]:
    """Yield the entry of `path` and of everything beneath it that is not ignored."""
    # The root may itself be reached through a link; all else on the way here was resolved.
    is_folder = path == "." or stat.S_ISDIR((root / path).lstat().st_mode)
    ignored = path != "." and rules.ignores(path)
    if ignored and (not is_folder or rules.ignores_all_in(path)):
        return
    beneath = list(_walk_folder(root, path, rules)) if is_folder else []
    if path != "." and (beneath or not ignored):
        if not is_folder and rules.empties(path):
            raise _error(root / path, "would arrive empty", _EMPTIED)
        yield _entry(root, path)
    yield from beneath


_EMPTIED = (
    "It is excluded, excepted, and its folder excluded again. BuildKit then sends the file without its contents.\n"
    "Leave out the last of these rules, or exclude the file by its own name."
)


def _walk_folder(root: Path, path: str, rules: IgnoreRules) -> Iterator[FileEntry]:
    for child in (root / path).iterdir():
        yield from _walk(root, child.name if path == "." else f"{path}/{child.name}", rules)


def _entry(root: Path, path: str) -> FileEntry:
    """Return the entry of `path`, which is there."""
    source = root / path
    _require_utf8(source, path)
    mode = source.lstat().st_mode
    if stat.S_ISDIR(mode):
        return FileEntry(path, "dir", stat.S_IMODE(mode), "", source)
    if stat.S_ISREG(mode):
        return FileEntry(path, "file", stat.S_IMODE(mode), "", source)
    if not stat.S_ISLNK(mode):
        raise _error(source, "is neither a file, a folder nor a symbolic link")
    target = _link_target(root, path)
    _require_utf8(source, target)
    _follow(root, posixpath.dirname(path), target, at=path)
    return FileEntry(path, "symlink", 0o777, target, source)


def _require_utf8(source: Path, text: str) -> None:
    try:
        text.encode()
    except UnicodeEncodeError:
        raise _error(source, "has a name or target that is not UTF-8") from None


def _follow(root: Path, folder: str, target: str, *, at: str) -> tuple[list[str], str | None]:
    """Return the links on the way to `target` as seen from `folder`, and where it ends (None: in circles).

    Every step is taken inside `root`, as it will be in the image; nothing need exist.

    Raises:
        EdgebakeError: a step leads out of `root`; `at` is to blame.
    """
    done = folder.split("/") if folder else []
    todo = target.split("/")[::-1]
    links: list[str] = []
    while todo and len(links) <= MAX_LINKS:
        part = todo.pop()
        if part == "..":
            if not done:
                raise _error(root / at, f"leads out of {root}")
            done.pop()
        elif part not in ("", "."):
            done.append(part)
            if (root / "/".join(done)).is_symlink():
                links.append("/".join(done))
                todo += _link_target(root, links[-1]).split("/")[::-1]
                done.pop()
    return links, None if len(links) > MAX_LINKS else "/".join(done) or "."


def _link_target(root: Path, link: str) -> str:
    target = os.readlink(root / link)  # noqa: PTH115 (Path.readlink() would tidy up the text)
    if target.startswith("/"):
        raise _error(root / link, f"leads out of {root}", f"It points at {target}.")
    return target


def _error(path: Path, what: str, reason: str | None = None) -> EdgebakeError:
    shown = str(path).encode(errors="backslashreplace").decode()
    return EdgebakeError(f"{shown} {what}", reason=reason)

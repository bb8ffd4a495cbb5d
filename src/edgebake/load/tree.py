"""The files that a COPY takes from a folder, and one digest of everything that Docker keeps of them.

The digest covers what BuildKit sends and hashes (tonistiigi/fsutil, moby/buildkit ``cache/contenthash``): path,
kind, permission bits, a link's target and a file's bytes. It does not cover owners, times and a directory's order.
Permissions are git's, and a bake sends them so (``plan/frozen.py``).
``tests/e2e/test_ignore_engine.py`` compares with a real engine.
"""

from __future__ import annotations

import hashlib
import json
import os
import posixpath
import stat
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import field
from functools import cached_property
from pathlib import Path
from typing import Literal

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError
from edgebake.load.ignore import IgnoreRules
from edgebake.system.own_files import open_regular

MAX_LINKS = 40  # as many as Linux follows in one path

Kind = Literal["file", "dir", "symlink"]


@dataclass(frozen=True)
class FileEntry:
    """One file, folder or symbolic link.

    Attributes:
        path: relative to the root, posix.
        kind: what it is.
        mode: one of git's two, whatever the umask of the checkout: 0o755 for what its owner may execute and for
            folders, 0o644 for other files; 0o777 for a link.
        target: the target of a link; empty otherwise.
        source: the path to read from.
    """

    path: str
    kind: Kind
    mode: int
    target: str
    source: Path = field(compare=False, repr=False)

    @cached_property
    def sha256(self) -> str:
        """The digest of a file's content in hex, computed when first used; empty for folders and links.

        Raises:
            EdgebakeError: the file cannot be read.
        """
        try:
            return file_sha256(self.source) if self.kind == "file" else ""
        except OSError as error:
            raise _error(self.source, "cannot be read", error.strerror) from error


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file's bytes in hex; an OSError means that it cannot be read."""
    digest = hashlib.sha256()
    with os.fdopen(open_regular(path.resolve(), os.O_RDONLY), "rb") as file:
        while chunk := file.read(1 << 20):
            digest.update(chunk)
    return digest.hexdigest()


def list_files(root: Path, paths: Sequence[str], rules: IgnoreRules) -> list[FileEntry]:
    """Return the entries that BuildKit would send for `paths` in `root`, in the byte order of their paths.

    A path that is a symbolic link, or leads through one, is followed as COPY does: both the links and their targets
    are included. Links inside a folder are kept as links. An ignored folder is included if something in it is not
    ignored. The root itself is never included.

    Args:
        root: the build context.
        paths: relative posix paths of files, folders and links; ``.`` for everything.
        rules: the ignore rules, with patterns relative to `root`.

    Raises:
        EdgebakeError: a path is missing, leads out of `root`, loops through links, or is ignored; a link leads out
            of `root` (its target is not sent); an entry is a device, socket or pipe, or its name is not UTF-8;
            BuildKit would empty a file (:meth:`IgnoreRules.empties`).
    """
    entries = {entry.path: entry for path in paths for entry in _list_path(root, path, rules)}
    return sorted(entries.values(), key=_in_byte_order)


def tree_digest(entries: Iterable[FileEntry]) -> str:
    """Return one digest in hex of all entries, independent of their order.

    Raises:
        EdgebakeError: a file cannot be read.
    """
    digest = hashlib.sha256()
    for entry in sorted(entries, key=_in_byte_order):
        # One JSON array per line, so that fields cannot run into each other.
        fields = [entry.path, entry.kind, f"{entry.mode:04o}", entry.target, entry.sha256]
        digest.update(json.dumps(fields).encode() + b"\n")
    return digest.hexdigest()


def _in_byte_order(entry: FileEntry) -> bytes:
    return entry.path.encode()


def _list_path(root: Path, path: str, rules: IgnoreRules) -> list[FileEntry]:
    """Return the entries of `path`, of the links that it leads through, and of everything below."""
    if path.startswith("/"):
        raise EdgebakeError(f"{path!r} must be relative to {root}")
    try:
        links, real = _follow(root, "", posixpath.normpath(path), at=path)
        if real is None:
            raise _error(root / path, "is a loop of symbolic links")
        entries = [_entry(root, link) for link in links]
        below = list(_walk(root, real, rules))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise _error(root / path, "does not exist") from error
    except RecursionError:
        raise _error(root / path, "has folders that are nested too deeply") from None
    except OSError as error:
        raise _error(Path(error.filename), "cannot be read", error.strerror) from error
    if not below and real != ".":
        raise _error(root / path, "is excluded by ignore rules", "Docker would not find it.")
    return entries + below


def _walk(root: Path, path: str, rules: IgnoreRules) -> Iterator[FileEntry]:
    """Yield the entry of `path` and of everything below it that is not ignored."""
    # The root can be a link. All other links on the path were resolved before.
    is_folder = path == "." or stat.S_ISDIR((root / path).lstat().st_mode)
    ignored = path != "." and rules.ignores(path)
    if ignored and (not is_folder or rules.ignores_all_in(path)):
        return
    names = [child.name for child in (root / path).iterdir()] if is_folder else []
    children = names if path == "." else [f"{path}/{name}" for name in names]
    below = [entry for child in children for entry in _walk(root, child, rules)]
    if path != "." and (below or not ignored):
        if not is_folder and rules.empties(path):
            raise _error(root / path, "would be empty in the image", _EMPTIED)
        yield _entry(root, path)
    yield from below


_EMPTIED = (
    "It is excluded, then excepted, and then its folder is excluded again. BuildKit sends such a file without its\n"
    "content. Remove the last of these rules, or exclude the file by its own name."
)


def _entry(root: Path, path: str) -> FileEntry:
    source = root / path
    _require_utf8(source, path)
    mode = source.lstat().st_mode
    if stat.S_ISDIR(mode):
        return FileEntry(path, "dir", 0o755, "", source)
    if stat.S_ISREG(mode):
        return FileEntry(path, "file", 0o755 if mode & stat.S_IXUSR else 0o644, "", source)
    if not stat.S_ISLNK(mode):
        raise _error(source, "is not a file, a folder or a symbolic link")
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
    """Return the links on a path, and the path that it ends at; None if the links loop. Nothing has to exist.

    The path `target`, relative to `folder`, is followed inside `root` as in the image. A step that leads out of
    `root` is an error about `at`.
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

"""edgebake's own files of a project: below its folder, through no link, and never git's.

All that edgebake reads, writes or removes by a path that a file names goes through here: such a file may be forged.
Whoever can replace a folder by a link while edgebake runs can write there anyway, and is not guarded against.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterable
from pathlib import Path

from edgebake.errors import EdgebakeError

LIMIT = 64 << 20
"""Bytes of a file that is read whole."""


def check_relative(path: str) -> None:
    """Refuse a path that is not plainly one inside a project, or that git keeps its own files under.

    Args:
        path: relative to the project's folder, posix.

    Raises:
        EdgebakeError: naming it.
    """
    parts = path.split("/")
    if path.startswith("/") or "\0" in path or any(part in ("", ".", "..") for part in parts):
        raise EdgebakeError(f"{path!r} is not a path inside the project")
    if any(_is_git(part) for part in parts):
        raise EdgebakeError(f"{path!r} is git's own, so edgebake leaves it alone")


def _is_git(name: str) -> bool:
    # As git's own check (path.c, is_ntfs_dotgit and is_hfs_dotgit): what other file systems take for .git.
    plain = "".join(c for c in name.casefold() if c.isascii()).partition(":")[0].rstrip(". ")
    return plain in (".git", "git~1")


def check_folders(root: Path, paths: Iterable[str]) -> None:
    """Refuse paths that pass through a link, or through what is no folder.

    Args:
        root: the project's folder, which may itself be reached through links.
        paths: relative to it; what does not exist is no fault.

    Raises:
        EdgebakeError: naming the path.
    """
    checked = {Path()}
    for path in paths:
        check_relative(path)
        for folder in reversed((root / path).relative_to(root).parents):
            if folder not in checked:
                checked.add(folder)
                _check_folder(root / folder, path)


def _check_folder(folder: Path, path: str) -> None:
    try:
        is_link = stat.S_ISLNK(folder.lstat().st_mode)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        raise EdgebakeError(f"cannot read {path}", reason=error.strerror) from None
    if is_link:
        raise EdgebakeError(
            f"{path} is reached through a symbolic link",
            reason=f"{folder.name} is one, and edgebake writes and removes its own files only where they are.",
            hints=("replace the link by a folder",),
        )


def own_path(root: Path, path: str) -> Path:
    """Return where one of edgebake's own files is.

    Raises:
        EdgebakeError: as :func:`check_relative` and :func:`check_folders`.
    """
    check_folders(root, [path])
    return root / path


def open_regular(path: Path, flags: int, mode: int = 0o666) -> int:
    """Open a file that is no link, device or FIFO; return the descriptor.

    Raises:
        OSError: it is one, or cannot be opened.
    """
    try:
        descriptor = os.open(path, flags | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, mode)
    except OSError as error:
        if error.errno == errno.ELOOP:
            raise OSError(errno.ELOOP, "is a symbolic link") from None
        if error.errno == errno.ENXIO:  # a FIFO that nobody reads
            raise OSError(errno.EINVAL, "is not a regular file") from None
        raise
    if not stat.S_ISREG(os.fstat(descriptor).st_mode):
        os.close(descriptor)
        raise OSError(errno.EINVAL, "is not a regular file")
    return descriptor


def read_own(root: Path, path: str, limit: int = LIMIT) -> bytes | None:
    """Return the bytes of one of edgebake's own files; None if there is none.

    Raises:
        EdgebakeError: as :func:`own_path`.
        OSError: it cannot be read, is no regular file, or is larger than `limit`.
    """
    try:
        descriptor = open_regular(own_path(root, path), os.O_RDONLY)
    except FileNotFoundError:
        return None
    return _read(descriptor, limit)


def read_regular(path: Path, limit: int = LIMIT) -> bytes:
    """Return the bytes of a file that a person names; it may be a link to a regular file.

    Raises:
        OSError: it cannot be read, is no regular file, or is larger than `limit`.
    """
    return _read(open_regular(path.resolve(strict=True), os.O_RDONLY), limit)


def _read(descriptor: int, limit: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        content = file.read(limit + 1)
    if len(content) > limit:
        raise OSError(errno.EINVAL, f"is larger than {limit >> 20} MB")
    return content

"""Files of a machine: the running one, or another one's below a folder."""

from __future__ import annotations

import os
from collections.abc import Iterator
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath

_MOST_LINKS = 40  # as Linux has it (path_resolution(7))
_MOST_BYTES = 64 * 1024 * 1024  # dpkg's status file has some megabytes


class Files:
    """Reads a machine's files. Symbolic links are followed as the machine itself would: `/x` is below `root`.

    `root` is `/`, or the folder that holds another machine's files.
    """

    def __init__(self, root: Path = Path("/")) -> None:
        self.root = root

    @property
    def running(self) -> bool:
        """Whether these are the files of the machine that this runs on."""
        return self.root == Path("/")

    def place(self, path: str) -> Path | None:
        """Return where a path of the machine really is, or None if nothing is there, or nobody may look."""
        try:
            return self._follow(path)
        except OSError:
            return None

    def _follow(self, path: str) -> Path | None:
        found = self.root
        parts = list(reversed(PurePosixPath(path).parts[1:]))
        links = 0
        while parts:
            part = parts.pop()
            if part == "..":
                found = self.root if found == self.root else found.parent
                continue
            step = found / part
            if not step.is_symlink():
                found = step
                continue
            links += 1
            if links > _MOST_LINKS:
                return None
            target = PurePosixPath(step.readlink())
            if target.is_absolute():
                found = self.root
            parts += [one for one in reversed(target.parts) if one != "/"]
        return found if os.path.lexists(found) else None

    def exists(self, path: str) -> bool:
        """Tell whether there is a file, folder or device."""
        return self.place(path) is not None

    def text(self, path: str) -> str | None:
        """Return a file's text without the zeros and blanks at its end, or None if it cannot be read."""
        try:
            place = self.place(path)
            if place is None or not place.is_file():
                return None
            with place.open("rb") as file:
                raw = file.read(_MOST_BYTES)
        except OSError:
            return None
        return raw.decode("utf-8", errors="replace").rstrip("\0 \t\r\n")

    def names(self, folder: str, pattern: str = "*") -> list[str]:
        """Return the paths in a folder whose name has a pattern, sorted; none if there is no such folder."""
        try:
            place = self.place(folder)
            found = sorted(path.name for path in place.iterdir()) if place else []
        except OSError:
            return []
        return [f"{folder.rstrip('/')}/{name}" for name in found if fnmatchcase(name, pattern)]

    def in_path(self, program: str) -> str | None:
        """Return where the machine has a program, or None."""
        folders = ("/usr/local/sbin", "/usr/local/bin", "/usr/sbin", "/usr/bin", "/sbin", "/bin")
        return next((f"{folder}/{program}" for folder in folders if self.exists(f"{folder}/{program}")), None)

    def paragraphs(self, path: str, *, having: str) -> Iterator[dict[str, str]]:
        """Yield those paragraphs of a Debian control file that hold a text; field names as written."""
        for paragraph in (self.text(path) or "").split("\n\n"):
            if having in paragraph:
                lines = (line.partition(": ") for line in paragraph.splitlines() if not line.startswith(" "))
                yield {name: value for name, _, value in lines}

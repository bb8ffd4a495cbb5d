"""The machine of a command: this one, or the one whose files are in a folder."""

from __future__ import annotations

from pathlib import Path

from edgebake.errors import EdgebakeError
from edgebake.host.detect import detect
from edgebake.host.files import Files
from edgebake.host.machine import Machine


def machine_of(root: Path | None) -> Machine:
    """Return a machine: this one, or with `root` the one whose files lie there.

    Raises:
        EdgebakeError: there is no such folder.
    """
    if root is None:
        return detect(Files())
    if not root.is_dir():
        raise EdgebakeError(
            f"folder {str(root)!r} not found",
            hints=("--root is the root folder of another machine: a mounted card, or copied files",),
        )
    return detect(Files(root.resolve()))

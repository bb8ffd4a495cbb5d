"""`edgebake init`: a new project."""

from __future__ import annotations

from pathlib import Path

from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import Catalogue, builtin_root
from edgebake.load.ignore import WITHOUT_BYTECODE
from edgebake.system.atomic import write_file


def make_project(folder: Path, target: str) -> list[str]:
    """Write a new project to a folder, and return the paths of its files.

    Args:
        folder: the folder of the project; created if missing.
        target: the name of its target.

    Raises:
        EdgebakeError: the target is unknown, or one of the files exists. Nothing is written then.
    """
    Catalogue(folder.resolve(), (), (), builtin_root()).target(target)
    templates = builtin_root() / "templates" / "init"
    files = {}
    for source in sorted(templates.rglob("*")):
        path = source.relative_to(templates).as_posix()
        if source.is_file() and not WITHOUT_BYTECODE.ignores(path):
            files[path.replace("dot-", ".")] = source.read_text(encoding="utf-8").replace("@TARGET@", target)
    if folder.exists() and not folder.is_dir():
        raise EdgebakeError("the path is a file, not a folder", at=Position(str(folder)))
    for path in files:
        if (folder / path).exists() or (folder / path).is_symlink():
            hints = ("to show the project in this folder: edgebake plan", "or choose another folder")
            raise EdgebakeError("the file already exists", at=Position(str(folder / path)), hints=hints)
    for path, text in files.items():
        write_file(folder / path, text.encode())
    return list(files)

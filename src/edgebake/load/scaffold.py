"""A new project."""

from __future__ import annotations

from pathlib import Path

from edgebake.errors import EdgebakeError, Position
from edgebake.load.catalogue import Catalogue, builtin_root
from edgebake.load.ignore import WITHOUT_BYTECODE
from edgebake.model.project import PROJECT_FILE
from edgebake.system.atomic import write_file

_TEMPLATES = "init"


def make_project(folder: Path, target: str) -> list[str]:
    """Write a first project into a folder, and return the paths of its files.

    Raises:
        EdgebakeError: the target is unknown, or one of the files is there already; then nothing is written.
    """
    Catalogue(folder.resolve(), (), (), builtin_root()).target(target)
    templates = builtin_root() / "templates" / _TEMPLATES
    files = {}
    for source in sorted(templates.rglob("*")):
        path = source.relative_to(templates).as_posix()
        if source.is_file() and not WITHOUT_BYTECODE.ignores(path):
            files[path.replace("dot-", ".")] = source.read_text(encoding="utf-8").replace("@TARGET@", target)
    if folder.exists() and not folder.is_dir():
        raise EdgebakeError("there is a file where the folder would be", at=Position(str(folder)))
    for path in files:
        if (folder / path).exists() or (folder / path).is_symlink():
            raise EdgebakeError(
                "the file is there already",
                at=Position(str(folder / path)),
                hints=(f"{PROJECT_FILE} is there: edgebake plan shows the project", "or name another folder"),
            )
    for path, text in files.items():
        write_file(folder / path, text.encode())
    return list(files)

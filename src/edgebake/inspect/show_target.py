"""What a target is."""

from __future__ import annotations

from collections.abc import Iterator
from fnmatch import fnmatchcase

from edgebake.load.boards import load_boards
from edgebake.load.catalogue import LoadedTarget
from edgebake.load.words import format_path
from edgebake.load.workspace import Workspace
from edgebake.model.output.explore import ShownTarget


def show_target(workspace: Workspace, loaded: LoadedTarget) -> ShownTarget:
    """Return a target with the boards that it fits and the project's images for it.

    Raises:
        EdgebakeError: a board's file is wrong.
    """
    target = loaded.target
    boards = load_boards(workspace.catalogue)
    own = {name: getattr(target, name) for name in ShownTarget.model_fields if hasattr(target, name)}
    return ShownTarget.model_validate(
        own
        | {
            "base": target.base.model_dump(),
            "file": format_path(loaded.document.shown),
            "boards": [name for name, board in boards.items() if not board.board.refusal(target)],
            "images": sorted(_images_on(workspace, target.name)),
        }
    )


def _images_on(workspace: Workspace, target: str) -> Iterator[str]:
    for name, image in workspace.project.images.items():
        if any(fnmatchcase(target, pattern) for pattern in image.targets):
            yield name

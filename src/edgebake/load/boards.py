"""Boards: `targets/boards/<name>.yaml`. The project's own override the built-in ones."""

from __future__ import annotations

from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.load.catalogue import Catalogue
from edgebake.load.document import Place, position_of
from edgebake.load.validate import validate_named
from edgebake.model.board import Board
from edgebake.model.target import Target

FOLDER = "boards"


def load_boards(catalogue: Catalogue) -> dict[str, Board]:
    """Return all boards by name.

    Raises:
        EdgebakeError: a file is invalid, or its name differs from the board's.
    """
    documents = catalogue.target_data(FOLDER, "board")
    return {name: validate_named(Board, document, "board") for name, document in documents.items()}


def board_environment(catalogue: Catalogue, name: str, target: Target, at: Place | None) -> dict[str, str]:
    """Return the environment variables of an image for a board on a target.

    Args:
        catalogue: the catalogue with the boards.
        name: the board's name.
        target: the target of the image.
        at: where the image names the board.

    Raises:
        EdgebakeError: the board is unknown, its file is invalid, or it does not run the target.
    """
    documents = catalogue.target_data(FOLDER, "board")
    if name not in documents:
        message = f"unknown board {name!r}"
        raise EdgebakeError(message, at=position_of(at), hints=did_you_mean(name, documents, kind="board"))
    board = validate_named(Board, documents[name], "board")
    reason = board.refusal(target)
    if reason:
        message = f"the target {target.name!r} does not run on the board {name!r}"
        hints = ("use only targets that run on the board, or define another image for the others",)
        raise EdgebakeError(message, at=position_of(at), reason=reason, hints=hints)
    return board.environment()

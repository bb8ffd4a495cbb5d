"""Boards: `targets/boards/<name>.yaml`. The project's own override the built-in ones."""

from __future__ import annotations

from dataclasses import dataclass

from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.load.catalogue import Catalogue
from edgebake.load.document import Document, Place, position_of
from edgebake.load.validate import refuse_other_name, validate
from edgebake.model.board import Board
from edgebake.model.target import Target

FOLDER = "boards"


@dataclass(frozen=True)
class LoadedBoard:
    """A board and its document."""

    board: Board
    document: Document


def load_boards(catalogue: Catalogue) -> dict[str, LoadedBoard]:
    """Return all boards by name.

    Raises:
        EdgebakeError: a file is invalid, or its name differs from the board's.
    """
    return {name: _load(document) for name, document in catalogue.target_data(FOLDER, "board").items()}


def _load(document: Document) -> LoadedBoard:
    board = validate(Board, document)
    refuse_other_name(document, "board", board.name)
    return LoadedBoard(board, document)


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
        raise EdgebakeError(
            f"unknown board {name!r}", at=position_of(at), hints=did_you_mean(name, documents, kind="board")
        )
    board = _load(documents[name]).board
    reason = board.refusal(target)
    if reason:
        raise EdgebakeError(
            f"the target {target.name!r} does not run on the board {name!r}",
            at=position_of(at),
            reason=reason,
            hints=("use only targets that run on the board, or define another image for the others",),
        )
    return board.environment()

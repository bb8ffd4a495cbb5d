"""Which board profile a machine is."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.host.machine import Machine
from edgebake.model.board import Board


def board_of(machine: Machine, boards: Iterable[Board]) -> Board | None:
    """Return the profile that has the machine's module; of several, the one with its memory. None if none has.

    A machine has a little less memory than its module: firmware keeps some.
    """
    if machine.memory is None:
        return None
    gigabytes = machine.memory.value / 2**30
    found = [
        board
        for board in boards
        if set(board.modules) & set(machine.parts) and 0.75 * board.memory < gigabytes <= board.memory
    ]
    return min(found, key=lambda board: (board.memory - gigabytes, board.name), default=None)

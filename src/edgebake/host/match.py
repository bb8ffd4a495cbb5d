"""Which board profile a machine is, and which targets run on it."""

from __future__ import annotations

from collections.abc import Iterable

from edgebake.dataclasses import dataclass
from edgebake.host.built import for_target
from edgebake.host.fit import GRADES, judge
from edgebake.host.machine import Machine
from edgebake.host.wanted import known_targets
from edgebake.load.boards import load_boards
from edgebake.load.workspace import Workspace
from edgebake.model.board import Board
from edgebake.model.output.machine import FittingTarget
from edgebake.model.target import Target


@dataclass(frozen=True)
class Detection:
    """A machine, its board profile, and the targets that run on it: those for its GPU first, the nearest first."""

    machine: Machine
    board: Board | None
    targets: tuple[FittingTarget, ...]


def describe(machine: Machine, workspace: Workspace) -> Detection:
    """Return a machine with its board profile and its targets, of those that a workspace has."""
    targets = fitting_targets(machine, known_targets(workspace).values())
    return Detection(machine, machine_board(machine, workspace), targets)


def fitting_targets(machine: Machine, targets: Iterable[Target]) -> tuple[FittingTarget, ...]:
    """Return the targets whose images run on a machine: those for its GPU first, the nearest first."""
    verdicts = [(target, judge(for_target(target), machine)) for target in targets]
    fitting = [(target, verdict.grade) for target, verdict in verdicts if verdict.fits]
    fitting.sort(key=lambda one: (one[0].cuda is None, GRADES.index(one[1]), one[0].name))
    return tuple(FittingTarget(name=target.name, grade=grade) for target, grade in fitting)


def machine_board(machine: Machine, workspace: Workspace) -> Board | None:
    """Return the board profile of a machine, of those that a workspace has. Only Jetsons have one."""
    if not machine.is_jetson:
        return None
    return board_of(machine, load_boards(workspace.catalogue).values())


def board_of(machine: Machine, boards: Iterable[Board]) -> Board | None:
    """Return the profile that has the machine's module; of several, the one with its memory. None if none has.

    A machine has a little less memory than its module: firmware keeps some.
    """
    if machine.memory is None:
        return None
    gigabytes = machine.memory.value / 2**30
    fitting = [
        board
        for board in boards
        if set(board.modules) & set(machine.parts) and 0.75 * board.memory < gigabytes <= board.memory
    ]
    return min(fitting, key=lambda board: (board.memory - gigabytes, board.name), default=None)

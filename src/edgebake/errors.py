"""Errors that a user can cause: one message each, with position, reason and hints.

Every error that a user can cause is an :class:`EdgebakeError`; the command line prints it and exits with
:data:`EXIT_USER`. Anything else is a bug in edgebake: it keeps its traceback and exits with 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from difflib import get_close_matches

from edgebake.dataclasses import dataclass
from edgebake.interrupt import EXIT_INTERRUPTED as EXIT_INTERRUPTED

EXIT_USER = 2
EXIT_CHECK = 3


@dataclass(frozen=True)
class Position:
    """A position in a file. `line` and `column` count from 1; 0 means that only the file is known."""

    path: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.path
        return f"{self.path}:{self.line}:{self.column}"


class EdgebakeError(Exception):
    """A mistake of the user's: what is wrong, where, why, and what to try.

    Args:
        message: what is wrong, one sentence without a final full stop.
        at: the position in the file to blame; None if there is none.
        reason: why it is wrong, if the message does not say it. It can have several lines.
        hints: what to try, one sentence each.
    """

    def __init__(
        self,
        message: str,
        *,
        at: Position | None = None,
        reason: str | None = None,
        hints: Sequence[str] = (),
    ) -> None:
        super().__init__(message)
        self.message = message
        self.at = at
        self.reason = reason
        self.hints = tuple(hints)

    @property
    def summary(self) -> str:
        """What is wrong and where, in one line."""
        return f"{self.at}: {self.message}" if self.at else self.message

    def __str__(self) -> str:
        lines = [self.summary]
        if self.reason:
            lines += [f"  {line}" for line in self.reason.splitlines()]
        if self.hints:
            lines += ["", *(f"hint: {hint}" for hint in self.hints)]
        return "\n".join(lines)


class ErrorGroup(EdgebakeError):
    """Several independent mistakes, reported together, so that a user can fix them all at once."""

    def __init__(self, errors: Sequence[EdgebakeError]) -> None:
        super().__init__(errors[0].message, at=errors[0].at)
        self.errors = tuple(errors)

    def __reduce__(self) -> tuple[type[ErrorGroup], tuple[Sequence[EdgebakeError]]]:
        return ErrorGroup, (self.errors,)  # what pickle makes of an exception by itself takes a message

    def __str__(self) -> str:
        # A hint that the next mistake has as well is shown once.
        following = [*(error.hints for error in self.errors[1:]), ()]
        parts = [
            error if error.hints != after else EdgebakeError(error.message, at=error.at, reason=error.reason)
            for error, after in zip(self.errors, following, strict=True)
        ]
        return "\n\n".join(str(part) for part in parts)


def nearest(word: str, names: Iterable[str]) -> str | None:
    """Return the name that `word` is most likely a misspelling of, or None."""
    matches = get_close_matches(word, sorted(names), n=1, cutoff=0.6)
    return matches[0] if matches else None


def did_you_mean(word: str, names: Iterable[str], *, kind: str) -> tuple[str, ...]:
    """Return hints for an unknown name: the nearest valid one, or the list of all.

    Args:
        word: the name that the user wrote.
        names: the valid names.
        kind: the singular noun for such a name.
    """
    valid = sorted(set(names))
    match = nearest(word, valid)
    if match is not None:
        return (f"did you mean {match!r}?",)
    if not valid:
        return (f"no {kind} is defined yet",)
    shown = ", ".join(valid[:30]) + (", …" if len(valid) > 30 else "")
    return (f"the valid {kind}s are: {shown}",)

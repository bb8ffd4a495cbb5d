"""Errors that a user can cause: one message each, with position, reason and hints.

Every error that a user can cause is an :class:`EdgebakeError`; the command line prints it and exits with
:data:`EXIT_USER`. Anything else is a bug in edgebake: it keeps its traceback and exits with 1.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from difflib import get_close_matches

from edgebake.dataclasses import dataclass
from edgebake.interrupt import EXIT_INTERRUPTED as EXIT_INTERRUPTED
from edgebake.redaction import redacted

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
    """A mistake of the user's: what is wrong, where, why, and what to try. Secrets in it are not shown.

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
        message = redacted(message)
        super().__init__(message)
        self.message = message
        self.at = at
        self.reason = redacted(reason) if reason else reason
        self.hints = tuple(redacted(hint) for hint in hints)

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


class Mistakes:
    """Gathers independent mistakes, to report them together."""

    def __init__(self) -> None:
        self._errors: dict[str, EdgebakeError] = {}

    @contextmanager
    def gathered(self) -> Iterator[None]:
        """Keep the mistake that ends the block, and go on after it."""
        try:
            yield
        except EdgebakeError as error:
            self.add(error)

    def add(self, error: EdgebakeError) -> None:
        """Keep a mistake; one that is kept already is not kept again."""
        for one in error.errors if isinstance(error, ErrorGroup) else (error,):
            self._errors.setdefault(str(one), one)

    def raise_all(self) -> None:
        """Raise what was gathered, if anything.

        Raises:
            EdgebakeError: the mistake, or all of them as one.
        """
        errors = tuple(self._errors.values())
        if errors:
            raise errors[0] if len(errors) == 1 else ErrorGroup(errors)


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


def unknown(kind: str, name: str, names: Iterable[str], *, at: Position | None = None) -> EdgebakeError:
    """Return the error for a name that names nothing: `unknown target 'cpv'`, with hints as :func:`did_you_mean`'s.

    Args:
        kind: what it should name: `target`, `image or recipe`.
        name: the name that the user wrote.
        names: the valid names.
        at: where.
    """
    hints = did_you_mean(name, names, kind="name" if " or " in kind else kind)
    return EdgebakeError(f"unknown {kind} {name!r}", at=at, hints=hints)

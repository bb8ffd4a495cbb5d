"""How much a template of a project or a recipe may do, counted the same on every machine.

One unit is one step of a template, or 64 characters that a step handles. Time is not measured: a slow machine must
not refuse what a fast one takes. What is counted bounds the time and the memory.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar

from jinja2.exceptions import SecurityError

from edgebake.dataclasses import dataclass

DEPTH = 50
"""Calls of macros within each other."""


@dataclass
class Budget:
    """What is left for one template.

    Attributes:
        work: units.
        text: characters that one text can have.
        depth: calls that are not finished.
    """

    work: int
    text: int
    depth: int = 0

    def spend(self, units: int) -> None:
        """Take units away.

        Raises:
            SecurityError: there are not so many left.
        """
        self.work -= units
        if self.work < 0:
            raise SecurityError("the template does too much")

    def spend_text(self, length: int) -> None:
        """Take what handling a text costs.

        Raises:
            SecurityError: the text is too long, or too much has been done.
        """
        if length > self.text:
            raise SecurityError(f"the template makes a text of more than {self.text} characters")
        self.spend(1 + length // 64)

    @contextmanager
    def deeper(self) -> Iterator[None]:
        """Count a call while it runs.

        Raises:
            SecurityError: too many calls are within each other.
        """
        if self.depth >= DEPTH:
            raise SecurityError(f"the template calls itself more than {DEPTH} times")
        self.depth += 1
        try:
            yield
        finally:
            self.depth -= 1


_CURRENT: ContextVar[Budget] = ContextVar("budget")


def budget() -> Budget:
    """Return what is left for the template that runs."""
    return _CURRENT.get()


@contextmanager
def limited(work: int, text: int) -> Iterator[None]:
    """Let a template run within, with so much to spend."""
    token = _CURRENT.set(Budget(work, text))
    try:
        yield
    finally:
        _CURRENT.reset(token)

"""What `edgebake doctor` finds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

State = Literal["ok", "warning", "problem", "unknown"]


@dataclass(frozen=True)
class Finding:
    """The result of a check.

    Attributes:
        check: what was checked.
        state: ok; warning: works, but not well; problem: does not work; unknown: could not be checked.
        text: the result.
        remedies: commands that fix it, or what to do.
        fix: fixes it and returns what it did; only for what can do no harm. None if there is no such thing.
        fixed: what was done.
    """

    check: str
    state: State
    text: str
    remedies: tuple[str, ...] = ()
    fix: Callable[[], str] | None = None
    fixed: str = ""

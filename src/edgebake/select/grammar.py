"""The grammar of selectors: `+pytorch`, `pytorch+2`, `@app`, `group:llm`, `a,b`, `a b`."""

from __future__ import annotations

import re
import sys
from collections.abc import Sequence

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, did_you_mean
from edgebake.model.request import Request

METHODS = ("name", "recipe", "image", "group", "layer", "target", "platform", "state", "path")
"""What can stand before a colon; `name` is meant where nothing does."""
STATES = ("new", "modified", "directly-modified", "indirectly-modified", "moved", "unmodified")
"""What can stand behind `state:`."""
PLATFORMS = ("linux/amd64", "linux/arm64")
"""What `platform:` knows."""
ALL = sys.maxsize
"""Steps along the graph: as far as it goes."""

_TERM = re.compile(
    r"(?P<around>@)?(?:(?P<up>\d*)\+)?"
    r"(?:(?P<method>[^\s,+@:]+):(?P<value>[^\s,+@]+)|(?P<name>[^\s,+@:]+))"
    r"(?:\+(?P<down>\d*))?"
)
_EXAMPLES = "write for example: pytorch  +pytorch  pytorch+2  @app  group:llm  target:jetpack-*"


@dataclass(frozen=True)
class Term:
    """One word of a selector."""

    text: str  # as it was written
    method: str  # what `value` is of
    value: str  # a name, or a pattern with `*`, `?` and `[…]`
    up: int = 0  # how many steps to what is needed
    down: int | None = None  # how many steps to what needs it; None if the word has no `+` behind it
    around: bool = False  # `@`: all that needs it, and all that these need


Union = tuple[tuple[Term, ...], ...]
"""Terms that belong together (comma), of which any may hold (space, or the option once more)."""


def parse_selector(texts: Sequence[str], option: str = "--select") -> Union:
    """Read what an option was given, as often as it was.

    Raises:
        EdgebakeError: something in it is no selector; `option` says where it stands.
    """
    groups = (group for text in texts for group in text.split())
    found = tuple(tuple(_term(word, group, option) for word in group.split(",")) for group in groups)
    if texts and not found:
        raise EdgebakeError(f"{option} is empty", hints=(_EXAMPLES,))
    return found


@dataclass(frozen=True)
class Asked:
    """What --select and --exclude say."""

    select: Union
    exclude: Union

    @staticmethod
    def of(request: Request) -> Asked:
        """Return a request's selectors.

        Raises:
            EdgebakeError: one of them is none.
        """
        return Asked(parse_selector(request.select), parse_selector(request.exclude, "--exclude"))

    @property
    def terms(self) -> list[Term]:
        """All terms, in the order in which they were written."""
        return [*terms_of(self.select), *terms_of(self.exclude)]

    def __str__(self) -> str:
        words = (("--select", self.select), ("--exclude", self.exclude))
        return " ".join(f"{option} {_written(union)!r}" for option, union in words if union)


def _written(union: Union) -> str:
    return " ".join(",".join(term.text for term in group) for group in union)


def terms_of(union: Union) -> list[Term]:
    """Return all terms, in the order in which they were written."""
    return [term for group in union for term in group]


def _term(word: str, group: str, option: str) -> Term:
    match = _TERM.fullmatch(word)
    if match is None:
        where = f" in {group!r}" if word != group else ""
        raise EdgebakeError(f"{option}: {word!r}{where} is not a selector", hints=(_EXAMPLES,))
    around, up, down = bool(match["around"]), match["up"], match["down"]
    if around and (up is not None or down is not None):
        reason = "@ goes in both directions, as far as possible"
        raise EdgebakeError(f"{option}: {word!r} has @ and +, which cannot be combined", reason=reason)
    method, value = match["method"] or "name", match["value"] or match["name"]
    term = Term(word, method, value, _steps(up) or 0, _steps(down), around)
    _refuse_unknown(term, option)
    return term


def _steps(digits: str | None) -> int | None:
    """Return how far a `+` goes. As far as it goes if no digits stand there; None if there is no `+`."""
    if digits is None:
        return None
    return min(int(digits[:9]), ALL) if digits else ALL


def _refuse_unknown(term: Term, option: str) -> None:
    if term.method not in METHODS:
        hints = did_you_mean(term.method, METHODS, kind="method")
        if re.match(r"[0-9]", term.value):
            hints = (f"a selector takes no version: {term.method}", *hints[1:])
        raise EdgebakeError(f"{option}: {term.text!r}: there is no method {term.method!r}", hints=hints)
    if term.method == "state" and term.value not in STATES:
        hints = did_you_mean(term.value, STATES, kind="state")
        raise EdgebakeError(f"{option}: {term.text!r}: there is no state {term.value!r}", hints=hints)

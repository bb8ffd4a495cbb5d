"""`.dockerignore`: which files of a build context BuildKit does not send.

The semantics are BuildKit's as it runs, not as a page describes them: moby/patternmatcher (``ignorefile`` for
the lines, ``patternmatcher.go`` for the patterns) and tonistiigi/fsutil ``filter.go`` for the walk, where a rule
that matched a folder holds for all beneath it. ``tests/e2e/test_ignore_engine.py`` compares with a real engine.

Patterns that Docker accepts but reads in a way that nobody means (``[*]``, ``\\d``) are errors here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from itertools import groupby

from edgebake.errors import EdgebakeError, Position

# Go's unicode.IsSpace, which strings.TrimSpace uses; Python's own set has U+001C to U+001F on top.
_GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True)
class Rule:
    """One line of a `.dockerignore`: a cleaned pattern that excludes what it matches, or excepts it again."""

    pattern: str
    exception: bool = False

    def __str__(self) -> str:
        # A slash keeps spaces at the ends from being trimmed, and "#" from being a comment; it is dropped later.
        lead = "/" if self.pattern[0] in f"#{_GO_SPACE}" else ""
        trail = "/" if self.pattern[-1] in _GO_SPACE else ""
        return f"{'!' * self.exception}{lead}{self.pattern}{trail}"


class IgnoreRules:
    """The rules of one or several ignore files, in order: the last one that matches a path decides."""

    def __init__(self, rules: Iterable[Rule] = ()) -> None:
        self.rules = tuple(rules)
        self._masks: dict[str, int] = {"": 0}  # which blocks hold for a folder; only a memory, never invalid

    @cached_property
    def _blocks(self) -> tuple[tuple[int, _Block], ...]:
        return _blocks(self.rules)

    @classmethod
    def parse(cls, text: str, *, path: str) -> IgnoreRules:
        """Return the rules in `text`, the contents of the ignore file at `path`.

        Raises:
            EdgebakeError: at file and line, a pattern that Docker refuses, or reads in a way that nobody means.
        """
        rules: list[Rule] = []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
            column = len(line) - len(line.lstrip(_GO_SPACE)) + 1
            rule = None if line.startswith("#") else _rule(line, Position(path, number, column))
            if rule is not None:
                rules.append(rule)
        return cls(rules)

    def ignores(self, path: str) -> bool:
        """Say whether BuildKit leaves out `path`, a relative posix path (file or folder alike)."""
        return self._is_ignoring(self._mask(path))

    def ignores_all_in(self, folder: str) -> bool:
        """Say whether `folder` and all that it could hold is left out, so that nobody need look inside."""
        exceptions = (rule.pattern for rule in self.rules if rule.exception)
        return self.ignores(folder) and not any(_may_match_in(folder, pattern) for pattern in exceptions)

    def empties(self, path: str) -> bool:
        """Say whether BuildKit sends the file at `path` without its contents, and without a word.

        BuildKit asks twice, when it lists a file and when it opens it, by two algorithms. They differ where a
        folder is excluded, part of it excepted, and the folder excluded once more (``a``, ``!a/b``, ``a``): a/b
        arrives with no bytes in it. Seen on BuildKit 0.25; fsutil's send.go drops the error.
        """
        return not self.ignores(path) and self._refuses_to_open(path)

    def sealed(self, other: IgnoreRules) -> IgnoreRules:
        """Return these rules under `other`'s: what `other` ignores stays out, whatever is excepted here.

        Simply putting ``.git`` last is not enough after ``!.git/config`` (see :meth:`empties`): each rule is
        given again for what lies beneath. `other` must have no exceptions of its own.
        """
        if any(rule.exception for rule in other.rules):
            raise ValueError("rules that seal others cannot have exceptions")
        beneath = [Rule(f"{_anchored(rule.pattern)}/**") for rule in other.rules if not rule.pattern.endswith("**")]
        return IgnoreRules((*self.rules, *other.rules, *beneath))

    def under(self, prefix: str) -> IgnoreRules:
        """Return these rules, of a folder's own ignore file, as rules of the context that holds it at `prefix`.

        Args:
            prefix: a relative posix path, taken literally; ``.`` for the context itself.

        Raises:
            EdgebakeError: `prefix` is absolute, leads out of the context, or has a line feed in its name.
        """
        folder = posixpath.normpath(prefix)
        if folder.startswith(("/", "../")) or folder == ".." or "\n" in folder:
            raise EdgebakeError(f"{prefix!r} cannot be named in an ignore file")
        if folder == ".":
            return self
        return IgnoreRules(Rule(_rerooted(rule.pattern, folder), rule.exception) for rule in self.rules)

    def render(self) -> list[str]:
        """Return the lines of an ignore file with these rules; parsing them gives the same rules."""
        return [str(rule) for rule in self.rules]

    def __eq__(self, other: object) -> bool:
        return self.rules == other.rules if isinstance(other, IgnoreRules) else NotImplemented

    def __hash__(self) -> int:
        return hash(self.rules)

    def __repr__(self) -> str:
        return f"IgnoreRules({self.render()!r})"

    def _mask(self, path: str) -> int:
        """Return the blocks that hold for `path` as bits: those of its folder, and those that match it."""
        parent = path.rpartition("/")[0]
        if parent not in self._masks:
            self._masks[parent] = self._mask(parent)
        inherited = self._masks[parent]
        mask, ignoring = 0, False
        for bit, block in self._blocks:
            if inherited & bit or (block.exception == ignoring and block.matches(path)):
                mask |= bit
                ignoring = not block.exception
        return mask

    def _is_ignoring(self, mask: int) -> bool:
        decisive = next((block for bit, block in reversed(self._blocks) if mask & bit), None)
        return decisive is not None and not decisive.exception

    def _refuses_to_open(self, path: str) -> bool:
        parts = path.split("/")
        paths = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        ignoring = False
        for _, block in self._blocks:
            if block.exception == ignoring and any(map(block.matches, paths)):
                ignoring = not block.exception
        return ignoring


BYTECODE = ("**/__pycache__", "**/*.pyc")
"""Patterns for what Python leaves next to its sources: pip compiles the packaged catalogue as it installs it."""
WITHOUT_BYTECODE = IgnoreRules(Rule(pattern) for pattern in BYTECODE)
"""The rules for every folder of the catalogue: bytecode is part of no recipe and no template."""


@dataclass(frozen=True)
class _Block:
    """Neighbouring rules of one kind, as one regular expression: nothing can tell which of them matched."""

    exception: bool
    matches: Callable[[str], object]


def _blocks(rules: Iterable[Rule]) -> tuple[tuple[int, _Block], ...]:
    """Return each block of `rules` with its bit."""
    blocks: list[tuple[int, _Block]] = []
    for exception, group in groupby(rules, key=lambda rule: rule.exception):
        expressions = "|".join(_expression(rule.pattern) for rule in group)
        blocks.append((1 << len(blocks), _Block(exception, re.compile(expressions).fullmatch)))
    return tuple(blocks)


# ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────


def _rule(line: str, at: Position) -> Rule | None:
    """Return the rule on `line`, or None if there is none, or none that matches anything (``.``, ``../x``)."""
    text = line.strip(_GO_SPACE)
    if not text:
        return None
    exception = text.startswith("!")
    pattern = _cleaned(text[1:].strip(_GO_SPACE) if exception else text)
    if not exception:
        # The second reader of the line trims it again, and takes a "!" bared by the first ("/!x") for its own.
        pattern = _cleaned(pattern.strip(_GO_SPACE), rooted=True)
        exception, pattern = pattern.startswith("!"), pattern.removeprefix("!")
    if pattern in ("", "/") and exception:
        raise EdgebakeError("'!' needs a pattern to except", at=at)
    if pattern in ("", ".", "..") or pattern.startswith(("/", "../")):
        return None
    try:
        re.compile(_expression(pattern))
    except _PatternError as error:
        raise EdgebakeError(
            f"{text!r} is not a valid pattern", at=at, reason=error.reason, hints=error.hints
        ) from None
    return Rule(pattern, exception)


def _cleaned(path: str, *, rooted: bool = False) -> str:
    """Return `path` as Go's filepath.Clean does; without a leading slash, unless it is to stay `rooted`."""
    if not path:
        return ""
    # normpath keeps a double slash at the start, which POSIX lets mean something.
    cleaned = re.sub(r"\A//+", "/", posixpath.normpath(path))
    return cleaned if rooted or cleaned == "/" else cleaned.removeprefix("/")


# ── Patterns ─────────────────────────────────────────────────────────────────────────────────────────────

_SPECIAL = re.compile(r"[*?\[\]\\]")
_CLASS_ITEM = r"(?:\\.|[^\\\]-])"
_TOKEN = re.compile(
    rf"(?P<any_depth>\*\*/?)|(?P<star>\*)|(?P<one>\?)"
    rf"|(?P<class>\[(?:\^|(?!\^))(?:{_CLASS_ITEM}(?:-{_CLASS_ITEM})?)+\])"
    r"|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)


class _PatternError(Exception):
    def __init__(self, reason: str, *hints: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hints = hints


def _expression(pattern: str) -> str:
    """Return `pattern` as a Python regular expression to be matched in full.

    There are four kinds of patterns, told apart as patternmatcher does: a plain path; a plain beginning with
    ``**`` after it; a plain end with ``**`` before it (so ``**x`` matches "yx", yet ``**x*`` does not); others.

    Raises:
        _PatternError: the pattern is malformed, or means something odd to Docker.
    """
    if pattern.startswith("\ufeff"):
        raise _PatternError("It begins with a byte order mark, which belongs to the first line of a file only.")
    special = _SPECIAL.search(pattern)
    if special is None:
        return re.escape(pattern)
    if pattern.startswith("**") and not _SPECIAL.search(pattern, 2):
        end = pattern[2:]
        return f"(?s:.*/)?{re.escape(end[1:])}" if end.startswith("/") else f"(?s:.*){re.escape(end)}"
    if pattern.endswith("**") and special.start() == len(pattern) - 2:
        return f"{re.escape(pattern[:-2])}(?s:.*)"
    return "".join(_translated(match, last=match.end() == len(pattern)) for match in _TOKEN.finditer(pattern))


def _translated(token: re.Match[str], *, last: bool) -> str:
    """Return one token of a pattern as a regular expression. Like Go's, its dot leaves out the line feed."""
    kind, text = token.lastgroup, token[0]
    if kind == "any_depth":
        return ".*" if last else "(?:.*/)?"
    if kind == "star":
        return "[^/]*"
    if kind == "one":
        return "[^/]"
    if kind == "class":
        return _class(text)
    if kind == "escaped":
        return re.escape(_unescaped(text))
    _refuse_plain(text)
    return re.escape(text)


def _refuse_plain(character: str) -> None:
    if character == "[":
        raise _PatternError("A character class is not closed, or empty.", "write '\\[' for the character itself")
    if character == "\\":
        raise _PatternError("It ends with a backslash.", "write '\\\\' for the character itself")
    if character == "^":
        raise _PatternError(
            "Docker takes '^' beside wildcards as the beginning of the path.",
            "write '\\^' for the character itself",
        )


def _class(text: str) -> str:
    negation, body = ("^", text[2:-1]) if text.startswith("[^") else ("", text[1:-1])
    if "[:" in body:
        raise _PatternError("Docker takes '[:' in a character class for the name of one.", "write '\\[:' in it")
    items = re.findall(rf"({_CLASS_ITEM})(?:-({_CLASS_ITEM}))?", body, re.DOTALL)
    return f"[{negation}{''.join(_class_range(low, high) for low, high in items)}]"


def _class_range(low: str, high: str) -> str:
    first, last = _class_character(low), _class_character(high or low)
    if first > last:
        raise _PatternError(f"The range {low}-{high} runs backwards.")
    return re.escape(first) if not high else f"{re.escape(first)}-{re.escape(last)}"


def _class_character(item: str) -> str:
    if item in "*?":
        # It rewrites wildcards without looking whether they stand in a class.
        raise _PatternError(f"Docker misreads {item!r} in a character class.", f"write '\\{item}' in it")
    return _unescaped(item)


def _unescaped(item: str) -> str:
    """Return the character that `item`, maybe escaped, stands for."""
    if item.startswith("\\") and (item[1].isalnum() or not item[1].isascii()):
        raise _PatternError(
            f"Docker gives {item!r} a meaning of its own, or none.",
            "write '/' between folders, and escape none but special characters",
        )
    return item[-1]


# ── Moving rules into a subfolder ────────────────────────────────────────────────────────────────────────


def _rerooted(pattern: str, folder: str) -> str:
    """Return `pattern` so that it matches beneath `folder` what it has matched at the top."""
    literal, anchored = literal_pattern(folder), _anchored(pattern)
    if literal != folder and not _is_wildcard(anchored):
        # With an escape before it, it becomes part of a wildcard pattern, where "^" must not stand bare.
        anchored = anchored.replace("^", "\\^")
    return f"{literal}/{anchored}"


def _anchored(pattern: str) -> str:
    """Return `pattern` in a form that keeps its meaning with something before or after it.

    Only ``**`` before a plain end depends on its place: ``**x`` is ``**/*x``.
    """
    end = pattern.removeprefix("**")
    if end in ("", pattern) or _is_wildcard(pattern):
        return pattern
    return ("**" if end.startswith("/") else "**/*") + end.replace("^", "\\^")


def _is_wildcard(pattern: str) -> bool:
    """Say whether `pattern` is of the fourth kind in :func:`_expression`."""
    plain = pattern.removeprefix("**") if pattern.startswith("**") else pattern.removesuffix("**")
    return _SPECIAL.search(plain) is not None


def literal_pattern(path: str) -> str:
    """Return a pattern that matches `path` alone, and survives as the beginning of a line."""
    escaped = re.sub(r"[*?\[\]\\^]|\A[!#]", r"\\\g<0>", path)
    # No backslash here: Docker knows none before other characters than ASCII punctuation.
    return f"[{escaped[0]}]{escaped[1:]}" if escaped[0] in f"{_GO_SPACE}\ufeff" else escaped


def _may_match_in(folder: str, pattern: str) -> bool:
    """Say whether `pattern` might match something beneath `folder`; True if in doubt."""
    special = _SPECIAL.search(pattern)
    if special is None:
        return pattern.startswith(f"{folder}/")
    literal = pattern[: special.start()]
    return literal.startswith(f"{folder}/") or f"{folder}/".startswith(literal)

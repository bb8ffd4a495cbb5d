"""`.dockerignore`: which files of a build context BuildKit does not send.

The semantics are those of BuildKit's code, not of its documentation: moby/patternmatcher (``ignorefile`` for the
lines, ``patternmatcher.go`` for the patterns) and tonistiigi/fsutil ``filter.go`` for the walk, where a rule that
matched a folder applies to everything below it. ``tests/e2e/test_ignore_engine.py`` compares with a real engine.

Patterns that Docker accepts but misreads (``[*]``, ``\\d``) are errors here.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Callable
from dataclasses import field
from functools import cached_property
from itertools import groupby

from edgebake.dataclasses import dataclass
from edgebake.errors import EdgebakeError, Position

# Go's unicode.IsSpace, which strings.TrimSpace uses; Python's own set has U+001C to U+001F on top.
_GO_SPACE = (
    "\t\n\v\f\r \x85\xa0\u1680" + "".join(map(chr, range(0x2000, 0x200B))) + "\u2028\u2029\u202f\u205f\u3000"
)


@dataclass(frozen=True)
class Rule:
    """One line of a `.dockerignore`: a cleaned pattern. It excludes what it matches, or includes it again."""

    pattern: str
    exception: bool = False

    def __str__(self) -> str:
        # A slash protects spaces at the ends, and a "#" at the start. Docker drops the slash later.
        lead = "/" if self.pattern[0] in f"#{_GO_SPACE}" else ""
        trail = "/" if self.pattern[-1] in _GO_SPACE else ""
        return f"{'!' * self.exception}{lead}{self.pattern}{trail}"


@dataclass(frozen=True)
class IgnoreRules:
    """The rules of one or several ignore files. The last rule that matches a path decides."""

    rules: tuple[Rule, ...] = ()

    _masks: dict[str, int] = field(default_factory=lambda: {"": 0}, init=False, compare=False, repr=False)
    """A cache: the blocks that apply to a folder, as bits."""

    @cached_property
    def _blocks(self) -> tuple[tuple[int, bool, Callable[[str], object]], ...]:
        """Consecutive rules of one kind, with a bit for each block and whether its rules are exceptions.

        A block is one regular expression: it does not matter which of its rules matches.
        """
        blocks: list[tuple[int, bool, Callable[[str], object]]] = []
        for exception, group in groupby(self.rules, key=lambda rule: rule.exception):
            expressions = "|".join(_expression(rule.pattern) for rule in group)
            blocks.append((1 << len(blocks), exception, re.compile(expressions).fullmatch))
        return tuple(blocks)

    @classmethod
    def parse(cls, text: str, *, path: str) -> IgnoreRules:
        """Return the rules in `text`, the contents of the ignore file at `path`.

        Raises:
            EdgebakeError: Docker refuses or misreads a pattern; the position is its file and line.
        """
        rules: list[Rule] = []
        for number, line in enumerate(text.removeprefix("\ufeff").split("\n"), start=1):
            column = len(line) - len(line.lstrip(_GO_SPACE)) + 1
            rule = None if line.startswith("#") else _rule(line, Position(path, number, column))
            if rule is not None:
                rules.append(rule)
        return cls(tuple(rules))

    def ignores(self, path: str) -> bool:
        """Return whether BuildKit excludes `path`, a relative POSIX path of a file or folder."""
        mask = self._mask(path)
        exceptions = (exception for bit, exception, _ in reversed(self._blocks) if mask & bit)
        return not next(exceptions, True)

    def ignores_all_in(self, folder: str) -> bool:
        """Return whether BuildKit excludes `folder` and everything that it can contain."""
        exceptions = (rule.pattern for rule in self.rules if rule.exception)
        return self.ignores(folder) and not any(_may_match_in(folder, pattern) for pattern in exceptions)

    def empties(self, path: str) -> bool:
        """Return whether BuildKit sends the file at `path` without its content, and without an error.

        BuildKit checks the rules twice, with two algorithms: when it lists a file, and when it opens it. They
        differ if a folder is excluded, a part of it is included, and the folder is excluded again (``a``,
        ``!a/b``, ``a``): a/b arrives empty. Seen on BuildKit 0.25, where fsutil's send.go drops the error.
        """
        parts = path.split("/")
        paths = ["/".join(parts[: end + 1]) for end in range(len(parts))]
        is_refused = False
        for _, exception, matches in self._blocks:
            if exception == is_refused and any(map(matches, paths)):
                is_refused = not exception
        return is_refused and not self.ignores(path)

    def sealed(self, other: IgnoreRules) -> IgnoreRules:
        """Return these rules followed by `other`'s, so that nothing that `other` ignores is included again.

        ``.git`` as the last rule is not enough after ``!.git/config`` (see :meth:`empties`). So each rule is
        repeated for everything below it.

        Raises:
            ValueError: `other` has exceptions.
        """
        if any(rule.exception for rule in other.rules):
            raise ValueError("sealing rules cannot have exceptions")
        below = [Rule(f"{_anchored(rule.pattern)}/**") for rule in other.rules if not rule.pattern.endswith("**")]
        return IgnoreRules((*self.rules, *other.rules, *below))

    def under(self, prefix: str) -> IgnoreRules:
        """Return these rules of a folder's ignore file as rules of a context that contains the folder at `prefix`.

        Args:
            prefix: a relative POSIX path, taken literally; ``.`` for the context itself.

        Raises:
            EdgebakeError: `prefix` is absolute, leads out of the context, or has a line feed in its name.
        """
        folder = posixpath.normpath(prefix)
        if folder.startswith(("/", "../")) or folder == ".." or "\n" in folder:
            raise EdgebakeError(f"{prefix!r} cannot be named in an ignore file")
        if folder == ".":
            return self
        return IgnoreRules(tuple(Rule(_rerooted(rule.pattern, folder), rule.exception) for rule in self.rules))

    def render(self) -> list[str]:
        """Return the lines of an ignore file with these rules. Parsing them returns the same rules."""
        return [str(rule) for rule in self.rules]

    def _mask(self, path: str) -> int:
        """Return the blocks that apply to `path` as bits: those of its folder, and those that match it."""
        parent = path.rpartition("/")[0]
        if parent not in self._masks:
            self._masks[parent] = self._mask(parent)
        inherited = self._masks[parent]
        mask, ignoring = 0, False
        for bit, exception, matches in self._blocks:
            if inherited & bit or (exception == ignoring and matches(path)):
                mask |= bit
                ignoring = not exception
        return mask


BYTECODE = ("**/__pycache__", "**/*.pyc")
"""Patterns of Python bytecode. pip compiles the packaged catalogue when it installs it."""
WITHOUT_BYTECODE = IgnoreRules(tuple(map(Rule, BYTECODE)))
"""Rules for all folders of the catalogue: bytecode is not a part of recipes and templates."""


# ── Lines ────────────────────────────────────────────────────────────────────────────────────────────────


def _rule(line: str, at: Position) -> Rule | None:
    """Return the rule on `line`; None if it is blank, or can match nothing (``.``, ``../x``)."""
    text = line.strip(_GO_SPACE)
    if not text:
        return None
    exception = text.startswith("!")
    pattern = _cleaned(text[1:].strip(_GO_SPACE) if exception else text)
    if not exception:
        # Docker reads a line twice. The second pass trims it again, and sees a "!" that the first bared ("/!x").
        pattern = _cleaned(pattern.strip(_GO_SPACE), rooted=True)
        exception, pattern = pattern.startswith("!"), pattern.removeprefix("!")
    if pattern in ("", "/") and exception:
        raise EdgebakeError("'!' needs a pattern", at=at)
    if pattern in ("", ".", "..") or pattern.startswith(("/", "../")):
        return None
    try:
        re.compile(_expression(pattern))
    except _PatternError as error:
        message = f"{text!r} is not a valid pattern"
        raise EdgebakeError(message, at=at, reason=error.reason, hints=error.hints) from None
    return Rule(pattern, exception)


def _cleaned(path: str, *, rooted: bool = False) -> str:
    """Return `path` as Go's filepath.Clean does, without a leading slash unless `rooted`."""
    if not path:
        return ""
    # normpath keeps a double slash at the start, because POSIX allows it a special meaning.
    cleaned = re.sub(r"\A//+", "/", posixpath.normpath(path))
    return cleaned if rooted or cleaned == "/" else cleaned.removeprefix("/")


# ── Patterns ─────────────────────────────────────────────────────────────────────────────────────────────

_SPECIAL = re.compile(r"[*?\[\]\\]")
_CLASS_ITEM = r"(?:\\.|[^\\\]-])"
_TOKEN = re.compile(
    rf"(?P<any_depth>\*\*/?)|(?P<star>\*)|(?P<single>\?)"
    rf"|(?P<class>\[(?:\^|(?!\^))(?:{_CLASS_ITEM}(?:-{_CLASS_ITEM})?)+\])"
    r"|\\(?P<escaped>.)|(?P<plain>.)",
    re.DOTALL,
)
_NOT_PLAIN = {
    "[": "A character class is empty or not closed.",
    "\\": "It ends with a backslash.",
    "^": "Docker treats '^' next to wildcards as the start of the path.",
}


class _PatternError(Exception):
    def __init__(self, reason: str, *hints: str) -> None:
        super().__init__(reason)
        self.reason = reason
        self.hints = hints


def _expression(pattern: str) -> str:
    """Return `pattern` as a Python regular expression for a full match.

    As in patternmatcher, there are four kinds of patterns: a plain path; a plain start followed by ``**``; a plain
    end after ``**`` (so ``**x`` matches "yx", but ``**x*`` does not); and all others.

    Raises:
        _PatternError: the pattern is malformed, or Docker misreads it.
    """
    if pattern.startswith("\ufeff"):
        raise _PatternError("It starts with a byte order mark, which is allowed only at the start of a file.")
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
    """Return a token of a pattern as a regular expression. As in Go, a dot does not match a line feed."""
    kind, text = token.lastgroup, token[0]
    if kind == "any_depth":
        return ".*" if last else "(?:.*/)?"
    if kind == "star":
        return "[^/]*"
    if kind == "single":
        return "[^/]"
    if kind == "class":
        return _class(text)
    if kind == "escaped":
        return re.escape(_unescaped(text))
    if text in _NOT_PLAIN:
        raise _PatternError(_NOT_PLAIN[text], f"write '\\{text}' for the character itself")
    return re.escape(text)


def _class(text: str) -> str:
    negation, body = ("^", text[2:-1]) if text.startswith("[^") else ("", text[1:-1])
    if "[:" in body:
        message = "Docker treats '[:' in a character class as the start of a class name."
        raise _PatternError(message, "write '\\[:' in it")
    items = re.findall(rf"({_CLASS_ITEM})(?:-({_CLASS_ITEM}))?", body, re.DOTALL)
    return f"[{negation}{''.join(_class_range(low, high) for low, high in items)}]"


def _class_range(low: str, high: str) -> str:
    first, last = _class_character(low), _class_character(high or low)
    if first > last:
        raise _PatternError(f"The range {low}-{high} runs backwards.")
    return re.escape(first) if not high else f"{re.escape(first)}-{re.escape(last)}"


def _class_character(item: str) -> str:
    if item in "*?":
        # Docker rewrites wildcards even in a character class.
        raise _PatternError(f"Docker misreads {item!r} in a character class.", f"write '\\{item}' in it")
    return _unescaped(item)


def _unescaped(item: str) -> str:
    """Return the character that `item` stands for; `item` can be escaped."""
    if item.startswith("\\") and (item[1].isalnum() or not item[1].isascii()):
        message = f"Docker misreads {item!r}."
        raise _PatternError(message, "write '/' between folders, and escape only special characters")
    return item[-1]


# ── Moving rules into a subfolder ────────────────────────────────────────────────────────────────────────


def _rerooted(pattern: str, folder: str) -> str:
    """Return `pattern` so that it matches below `folder` what it matched at the top."""
    literal, anchored = literal_pattern(folder), _anchored(pattern)
    if literal != folder and not _is_wildcard(anchored):
        # An escape before it makes it part of a wildcard pattern, where "^" must be escaped.
        anchored = anchored.replace("^", "\\^")
    return f"{literal}/{anchored}"


def _anchored(pattern: str) -> str:
    """Return `pattern` in a form that keeps its meaning with something before or after it.

    Only the meaning of ``**`` before a plain end depends on its position: ``**x`` is ``**/*x``.
    """
    end = pattern.removeprefix("**")
    if end in ("", pattern) or _is_wildcard(pattern):
        return pattern
    return ("**" if end.startswith("/") else "**/*") + end.replace("^", "\\^")


def _is_wildcard(pattern: str) -> bool:
    """Return whether `pattern` is of the fourth kind in :func:`_expression`."""
    plain = pattern.removeprefix("**") if pattern.startswith("**") else pattern.removesuffix("**")
    return _SPECIAL.search(plain) is not None


def literal_pattern(path: str) -> str:
    """Return a pattern that matches only `path`, and is valid at the start of a line."""
    escaped = re.sub(r"[*?\[\]\\^]|\A[!#]", r"\\\g<0>", path)
    # No backslash here: Docker allows one only before ASCII punctuation.
    return f"[{escaped[0]}]{escaped[1:]}" if escaped[0] in f"{_GO_SPACE}\ufeff" else escaped


def _may_match_in(folder: str, pattern: str) -> bool:
    """Return whether `pattern` can match something below `folder`; True if in doubt."""
    special = _SPECIAL.search(pattern)
    if special is None:
        return pattern.startswith(f"{folder}/")
    literal = pattern[: special.start()]
    return literal.startswith(f"{folder}/") or f"{folder}/".startswith(literal)

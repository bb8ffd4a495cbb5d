"""The commands of a shell script, as far as rules need them: no shell, and never wrong by failing.

What cannot be read (a heredoc's text, code in single quotes) is passed over: a rule then misses something, and
objects to nothing that is not there.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from pathlib import PurePosixPath

from edgebake.dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<joined>\\\n)
    |(?P<comment>(?<![^\s;&|()])\#[^\n]*)
    |(?P<heredoc>(?<!<)<<-?[ \t]*(?P<quote>["']?)(?P<tag>[A-Za-z_]\w*)(?P=quote))
    |(?P<newline>\n)
    |(?P<pipe>\|(?!\|))
    |(?P<end>;|&&|&(?!>)|\|\||\$\(|[()`]|[{}](?=\s|;|$))
    |(?P<space>[ \t\r]+)
    |(?P<piece>'[^']*'|"(?:\\.|[^"\\$]|\$(?!\()|\$\((?:[^()"]|"[^"]*")*\))*"|\$\{[^}\n]*\}|\\.|.)""",
    re.VERBOSE | re.DOTALL,
)
_SUBSTITUTION = re.compile(r"""\$\(((?:[^()"]|"[^"]*")*)\)""")  # inside of double quotes
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*\+?=")
_WORDS_BEFORE = re.compile(
    "if|then|else|elif|do|while|until|!|time|sudo|env|exec|command|nohup|timeout|nice|bash|sh|RUN|eatmydata"
)


@dataclass(frozen=True)
class Command:
    """A program with its arguments, and where it stands.

    `before`: words in front of it, such as `sudo`. `piped`: what it writes goes into the next command.
    """

    line: int
    column: int
    program: str
    arguments: tuple[str, ...]
    before: tuple[str, ...] = ()
    piped: bool = False

    def has(self, *words: str) -> bool:
        """Tell whether one of `words` is among the arguments."""
        return any(word in self.arguments for word in words)


@lru_cache(maxsize=256)
def commands(text: str) -> tuple[Command, ...]:
    """Return the commands of a script in order; programs without their folder."""
    found = ((words, piped) for words, piped in _simple_commands(text, 0) if words)
    return tuple(command for words, piped in found if (command := _command(words, piped, text)))


Word = tuple[int, str]


def _simple_commands(text: str, start: int) -> Iterator[tuple[list[Word], bool]]:
    """Yield the words of each simple command with their offsets (from `start`), and whether a pipe follows."""
    words: list[Word] = []
    waiting: list[str] = []
    inside = False  # a word that the next piece belongs to
    position = 0
    while match := _TOKEN.match(text, position):
        position, kind = match.end(), match.lastgroup
        if kind == "piece":
            if match[0].startswith('"'):
                for one in _SUBSTITUTION.finditer(match[0]):
                    yield from _simple_commands(one[1], start + match.start() + one.start(1))
            before = words.pop() if inside else (start + match.start(), "")
            words.append((before[0], before[1] + _unquoted(match[0])))
            inside = True
            continue
        inside = False
        if match["tag"]:
            waiting.append(match["tag"])
        elif kind in ("end", "pipe", "newline"):
            yield words, kind == "pipe"
            words = []
            if kind == "newline":
                position = _behind(text, position, waiting)
    yield words, False


def _behind(text: str, position: int, waiting: list[str]) -> int:
    """Return where a script goes on behind the heredocs that wait for their texts."""
    while waiting:
        end = re.compile(rf"^\t*{waiting.pop(0)}$\n?", re.MULTILINE).search(text, position)
        position = end.end() if end else len(text)
    return position


def _unquoted(piece: str) -> str:
    return piece[1:-1] if len(piece) > 1 and piece[0] in "\"'" else piece


def _command(words: list[Word], piped: bool, text: str) -> Command | None:
    names = [PurePosixPath(word).name for _, word in words]
    first = next((i for i, (_, word) in enumerate(words) if not _comes_before(names[i], word)), None)
    if first is None:  # `sudo bash -s`
        first = max((i for i, name in enumerate(names) if _WORDS_BEFORE.fullmatch(name)), default=None)
    if first is None:
        return None
    offset = words[first][0]
    line = text.count("\n", 0, offset) + 1
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    arguments = tuple(word for _, word in words[first + 1 :])
    return Command(line, column, names[first], arguments, tuple(names[:first]), piped)


def _comes_before(name: str, word: str) -> bool:
    # Such as `timeout 60 …`, `RUN --mount=… …` or `bash with-ca.sh …`.
    is_of_wrapper = word.startswith("-") or word.isdigit() or word.endswith(".sh")
    return bool(is_of_wrapper or _WORDS_BEFORE.fullmatch(name) or _ASSIGNMENT.match(word))

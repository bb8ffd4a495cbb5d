"""The blocks of a page of documentation, and what the comments above them say of how they are run."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SCRATCH = "scratch"
_COMMENT = re.compile(r"^\s*<!-- (in|engine|exit|run|not run)(?:: (.*?))? -->\s*$")
_FENCE = re.compile(r"^(?P<indent> *)(?P<fence>```+)(?P<language>[\w-]*)(?P<info>[^`\n]*)$")
_TITLE = re.compile(r'title="([^"]+)"')
_RUN_LANGUAGES = ("console", "sh", "bash")


@dataclass(frozen=True)
class Command:
    """A command of a `console` block. `start` and `end` are the lines of its output in the page, from 0."""

    text: str
    shown: tuple[str, ...]
    start: int
    end: int


@dataclass(frozen=True)
class Block:
    """A fenced block. `line` counts from 1; `lines` are the text, without the fence's indentation."""

    page: str
    line: int
    language: str
    title: str
    indent: int
    lines: tuple[str, ...]
    place: str = SCRATCH
    engine: bool = False
    exit_code: int = 0
    before: tuple[str, ...] = ()
    not_run: str = ""

    @property
    def is_run(self) -> bool:
        return self.language in _RUN_LANGUAGES and not self.not_run

    @property
    def is_command(self) -> bool:
        return self.language in _RUN_LANGUAGES

    @property
    def at(self) -> str:
        return f"{self.page}:{self.line}"

    def commands(self) -> list[Command]:
        """Return the commands of a `console` block, each with the output that is shown of it."""
        found: list[Command] = []
        number = 0
        while number < len(self.lines):
            if not self.lines[number].startswith("$ "):
                raise ValueError(f"{self.at}: a console block begins with a command after '$ '")
            text = self.lines[number][2:]
            number += 1
            while number < len(self.lines) and (text.endswith("\\") or self.lines[number].startswith("> ")):
                text += "\n" + self.lines[number].removeprefix("> ")
                number += 1
            start = number
            while number < len(self.lines) and not self.lines[number].startswith("$ "):
                number += 1
            found.append(Command(text, self.lines[start:number], self.line + start, self.line + number))
        return found


@dataclass
class _Said:
    """What comments have said that the next block has not yet taken."""

    place: str = SCRATCH
    engine: bool = False
    exit_code: int = 0
    before: list[str] = field(default_factory=list)
    not_run: str = ""

    def hear(self, word: str, value: str) -> None:
        if word == "in":
            self.place = value
        elif word == "engine":
            self.engine = True
        elif word == "exit":
            self.exit_code = int(value)
        elif word == "run":
            self.before.append(value)
        else:
            self.not_run = value


def blocks_of(path: Path) -> list[Block]:
    """Return the fenced blocks of a page, in order."""
    return list(_blocks(path.relative_to(ROOT).as_posix(), path.read_text(encoding="utf-8").splitlines()))


def _blocks(page: str, lines: list[str]) -> Iterator[Block]:
    said = _Said()
    number = 0
    while number < len(lines):
        comment, fence = _COMMENT.match(lines[number]), _FENCE.match(lines[number])
        number += 1
        if comment:
            said.hear(comment[1], comment[2] or "")
        if not fence:
            continue
        start = number
        closing = fence["indent"] + fence["fence"]
        while lines[number] != closing:
            number += 1
        title = _TITLE.search(fence["info"])
        indent = len(fence["indent"])
        yield Block(
            page,
            start,
            fence["language"],
            title[1] if title else "",
            indent,
            tuple(line[indent:] for line in lines[start:number]),
            said.place,
            said.engine,
            said.exit_code,
            tuple(said.before),
            said.not_run,
        )
        number += 1
        said = _Said(place=said.place)


def pages() -> list[Path]:
    """Return all pages: README.md, docs, and the READMEs of the examples."""
    found = [ROOT / "README.md", *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("README.md")]
    return sorted(path for path in found if "bake" not in path.relative_to(ROOT).parts)


def all_blocks() -> list[Block]:
    """Return the blocks of all pages."""
    return [block for path in pages() for block in blocks_of(path)]

"""Lists what of the documentation is run; `update PAGE...` puts real output into pages."""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path

from documentation.blocks import ROOT, Block, Command, all_blocks, blocks_of
from documentation.session import run, sessions


def listing() -> str:
    """Return which blocks run where, and which do not and why."""
    found = sessions()
    lines = [f"{'engine' if one.engine else 'plain':<8} {one}: {len(one.blocks)} blocks" for one in found]
    left = [block for block in all_blocks() if block.is_command and block.not_run]
    lines += [f"{'not run':<8} {block.at}: {block.not_run}" for block in left]
    ran = sum(block.is_run for one in found for block in one.blocks)
    return "\n".join([*lines, f"{ran} blocks of commands are run, {len(left)} are not."])


def update(path: Path) -> list[str]:
    """Run a page's blocks and write their real output into it; return what is still wrong."""
    wrong: list[str] = []
    new: list[tuple[int, int, list[str]]] = []

    def told(block: Block, command: Command, output: str) -> None:
        if not any(line.strip() == "…" for line in command.shown):
            lines = [(" " * block.indent + line).rstrip() for line in output.rstrip("\n").splitlines()]
            new.append((command.start, command.end, lines))

    for session in sessions(blocks_of(path)):
        with tempfile.TemporaryDirectory() as folder:
            wrong += run(session, Path(folder), told)
    text = path.read_text(encoding="utf-8").splitlines()
    for start, end, lines in sorted(new, reverse=True):
        text[start:end] = lines
    path.write_text("\n".join([*text, ""]), encoding="utf-8")
    return wrong


if __name__ == "__main__":
    os.chdir(ROOT)
    if sys.argv[1:2] == ["update"]:
        for name in sys.argv[2:]:
            print(*update(Path(name).resolve()), sep="\n\n")
    else:
        print(listing())

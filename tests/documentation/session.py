"""Runs the blocks that one page has in one folder, in order, and tells what differs from the page."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import sys
import uuid
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from documentation.blocks import ROOT, SCRATCH, Block, Command, all_blocks

REGISTRY = "localhost:5000"
_TIMEOUT = 600  # seconds for a command
NOT_COPIED = (".git", ".venv", ".edgebake", "site", "*_cache", ".hypothesis", "__pycache__")
_SHARED = re.compile(rf"\b{REGISTRY}/(?!(?:busybox|debian)\b)")  # the base images are there for all
_FILTERS = (
    # There is a forecast only if earlier bakes ran what is to be built again, and not if all was in the build cache.
    (re.compile(r"^Time, measured in earlier bakes:\n(?:  .+\n)+\n", re.MULTILINE), ""),
    (re.compile(r"sha256:[0-9a-f]{64}"), "sha256:…"),
    (re.compile(r"sha256:[0-9a-f]{12}…"), "sha256:…"),
    (re.compile(r"(?<![\w.])\d+\.\d+s\b"), "N.Ns"),
    (re.compile(r"(N\.Ns +)(\d+ built, \d+ cached|cached)(?=  )"), r"\1STEPS"),  # the build cache is the machine's
    (re.compile(r"(builtin:\S+\.ya?ml:)\d+"), r"\1N"),  # the catalogue's lines move
    (re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d[\d.]*(Z|[+-]\d\d:\d\d)?"), "TIME"),
)


@dataclass(frozen=True)
class Session:
    """What one page shows in one folder; `engine` if some of it needs Docker."""

    page: str
    place: str
    blocks: tuple[Block, ...]

    @property
    def engine(self) -> bool:
        return any(block.engine for block in self.blocks)

    def __str__(self) -> str:
        return f"{self.page}[{self.place}]"


def sessions(blocks: Iterable[Block] | None = None) -> list[Session]:
    """Return what is to be run, by page and folder."""
    found: dict[tuple[str, str], list[Block]] = {}
    for block in all_blocks() if blocks is None else blocks:
        if block.is_run or block.title:
            found.setdefault((block.page, block.place), []).append(block)
    return [
        Session(page, place, tuple(some))
        for (page, place), some in found.items()
        if any(block.is_run for block in some)
    ]


Told = Callable[[Block, Command, str], None]


class Shell:
    """A shell whose folder and variables last from one command to the next, as in a terminal.

    Args:
        folder: where it works.
        state: a folder for what lasts, and for the `edgebake` that commands call.
        registry: a repository of the test's own, for what commands push to localhost:5000; None leaves them as they are.
    """

    def __init__(self, folder: Path, state: Path, registry: str | None) -> None:
        self._state = state
        self._registry = registry
        (state / "bin").mkdir(parents=True)
        program = state / "bin" / "edgebake"
        program.write_text(f'#!/bin/sh\nexec {sys.executable} -m edgebake "$@"\n')
        program.chmod(0o755)
        path = f"{program.parent}{os.pathsep}{os.environ['PATH']}"
        quiet = {"COLUMNS": "100", "TERM": "dumb", "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
        self._environment = {**os.environ, **quiet, "PATH": path, "DOCS_REGISTRY": registry or REGISTRY}
        (state / "folder").write_text(str(folder))
        (state / "variables").write_text("")

    def own(self, text: str) -> str:
        """Return a text in which what is pushed goes to the test's own repository."""
        return _SHARED.sub(f"{self._registry}/", text) if self._registry else text

    def write(self, path: str, text: str) -> None:
        """Write a file, relative to where the shell is."""
        file = Path((self._state / "folder").read_text().strip()) / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(self.own(text))

    def run(self, text: str) -> tuple[int, str]:
        """Run a command; return its exit code, and its output and errors as a terminal shows them."""
        script = (
            f'cd "$(cat {self._state}/folder)"; . {self._state}/variables\nset -o pipefail\n'
            f"{self.own(text)}\n"
            f'code=$?; pwd >{self._state}/folder; export -p >{self._state}/variables; exit "$code"\n'
        )
        done = subprocess.run(
            ["bash", "-c", script],
            env=self._environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=_TIMEOUT,
        )
        output = done.stdout.replace(f"{self._registry}/", f"{REGISTRY}/") if self._registry else done.stdout
        return done.returncode, output


def run(session: Session, folder: Path, told: Told | None = None) -> list[str]:
    """Run a session's blocks below an empty folder.

    Args:
        told: is given each command's output that differs and nothing elides.

    Returns:
        What differs from the page, each with its place; nothing after a command that failed unexpectedly.
    """
    work = folder / (Path(session.place).name or "repository")
    if session.place == SCRATCH:
        work.mkdir()
    else:
        shutil.copytree(ROOT / session.place, work, ignore=shutil.ignore_patterns(*NOT_COPIED), symlinks=True)
    registry = f"{REGISTRY}/docs-{uuid.uuid4().hex[:12]}" if session.engine else None
    shell = Shell(work, folder / ".state", registry)
    if (work / "edgebake.yaml").is_file():
        shell.write("edgebake.yaml", (work / "edgebake.yaml").read_text())
    wrong: list[str] = []
    try:
        for block in session.blocks:
            if not _run_block(shell, block, wrong, told):
                break
    finally:
        if registry:
            _remove_images(registry)
    return wrong


def _run_block(shell: Shell, block: Block, wrong: list[str], told: Told | None) -> bool:
    """Run a block; return whether those after it can be run."""
    for text in block.before:
        code, output = shell.run(text)
        if code:
            wrong.append(f"{block.at}: {text!r}, which comes before it, exited with {code}\n{output}")
            return False
    if block.title:
        shell.write(block.title, "\n".join([*block.lines, ""]))
        return True
    if block.language != "console":
        code, output = shell.run("set -e\n" + "\n".join(block.lines))
        if code != block.exit_code:
            wrong.append(f"{block.at}: exited with {code}\n{output}")
        return code == block.exit_code
    commands = block.commands()
    for command in commands:
        expected = block.exit_code if command is commands[-1] else 0
        code, output = shell.run(command.text)
        if code != expected:
            wrong.append(f"{block.at}: $ {command.text}\nexited with {code}, not {expected}\n{output}")
            return False
        if not matches(command.shown, output):
            wrong.append(f"{block.at}: $ {command.text}\nshown:\n{_joined(command.shown)}\nreal:\n{output}")
            if told:
                told(block, command, output)
    return True


def _joined(lines: Sequence[str]) -> str:
    return "\n".join(lines)


def matches(shown: Sequence[str], output: str) -> bool:
    """Return whether an output is what a page shows of it."""
    lines, real = _comparable(_joined(shown)), _comparable(output)
    if any("N.Ns" in line for line in lines):  # a time's width moves the columns
        lines, real = ([re.sub(r"(?<=\S) {2,}", "  ", line) for line in some] for some in (lines, real))
    pattern = "".join(r"(?:.*\n)*?" if line.strip() == "…" else _line(line) for line in lines)
    return re.fullmatch(pattern, "".join(f"{line}\n" for line in real)) is not None


def _line(line: str) -> str:
    return ".*".join(re.escape(part) for part in line.split("…")) + r"\n"


def _comparable(text: str) -> list[str]:
    """Return the lines of a text without what differs from run to run."""
    for pattern, plain in _FILTERS:
        text = pattern.sub(plain, text)
    return [line.rstrip() for line in text.rstrip().split("\n")] if text.strip() else []


def _remove_images(registry: str) -> None:
    """Remove from the engine what the session pulled or loaded; an engine that is too busy for it keeps them."""
    with contextlib.suppress(subprocess.TimeoutExpired):
        command = ["docker", "image", "ls", "--format", "{{.Repository}}:{{.Tag}}"]
        listed = subprocess.run(command, capture_output=True, text=True, timeout=120)
        own = [line for line in listed.stdout.split() if line.startswith(f"{registry}/")]
        if own:
            subprocess.run(["docker", "rmi", "--force", *own], capture_output=True, timeout=120)

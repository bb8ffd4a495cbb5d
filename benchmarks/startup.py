#!/usr/bin/env python3
"""How soon each command says something: python benchmarks/startup.py [--json FILE] [--rounds 5] [--only WORDS]

Each command runs in a copy of the detection example, on a terminal, over the built-in catalogue, in turns with a bare
interpreter (`python -c pass`). Told are the time to the first byte that the terminal gets, the whole time, and the processor's time,
each as a ratio over the bare interpreter's; of each the least of all rounds, as others use the machine, too. What
would build or resolve for minutes is stopped (Ctrl-C) once it has said something. Commands that ask an engine or a
registry ask those that are there; without them, what is measured is the message that says so.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

EXAMPLE = Path(__file__).resolve().parents[1] / "examples/detection-service"
BARE = [sys.executable, "-c", "pass"]
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"} | {
    "TERM": "xterm"
}
HELP_AIM, AIM = 0.15, 0.4  # seconds

COMMANDS = (
    "--help",
    "--version",
    "init new",
    "plan",
    "plan pytorch --target jetpack-6.2",
    "compile --check",
    "compose --target cpu",
    "bake --target cpu --platform linux/amd64",
    "publish --digests digests",
    "verify",
    "prune",
    "test --target cpu --platform linux/amd64",
    "bench --target cpu --recipe detection-app",
    "lint",
    "lock",
    "detect",
    "autotag detector",
    "run detector --dry-run",
    "doctor",
    "compat",
    "compat pytorch --target jetpack-6.2",
    "list",
    "list targets",
    "list images",
    "show numpy",
    "show jetpack-6.2",
    "show detector",
    "why detector numpy",
    "graph detector",
    "graph pytorch --target cpu --recipes",
    "diff",
    "schema recipe",
    "builder create --dry-run",
    "builder check",
    "ci github --check",
    "ci matrix",
)
"""What is measured; every command is among them, and the help of each besides."""

LONG = {"bake", "test", "bench", "lock"}
"""Commands that are stopped once they have said something."""


@dataclass(frozen=True)
class Sample:
    """Seconds: until the first byte, until the end (None if it was stopped), and of the processor."""

    first: float
    whole: float | None
    processor: float


def all_commands() -> list[str]:
    """Return the names of all commands of edgebake (`builder check`)."""
    from typer.main import get_command

    from edgebake.cli.main import app

    found = []
    for name, command in get_command(app()).commands.items():  # type: ignore[attr-defined]
        inner = getattr(command, "commands", None)
        found += [f"{name} {one}" for one in inner] if inner else [name]
    return found


def read(terminal: int, size: int) -> bytes:
    """Read what a terminal gets; nothing once nobody can write to it any more, which Linux tells by an error."""
    try:
        return os.read(terminal, size)
    except OSError:
        return b""


def sample(command: list[str], folder: Path, *, stop: bool) -> Sample:
    """Run a command once."""
    reading, writing = os.openpty()
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=writing, stderr=writing, stdin=subprocess.DEVNULL
    )
    os.close(writing)
    read(reading, 1)  # or the end, of one that says nothing
    first = time.perf_counter() - begin
    if stop:
        process.send_signal(signal.SIGINT)
    while read(reading, 65536):
        pass
    os.close(reading)
    _, _, usage = os.wait4(process.pid, 0)
    process.returncode = 0
    whole = time.perf_counter() - begin
    return Sample(first, None if stop else whole, usage.ru_utime + usage.ru_stime)


def measure(words: str, folder: Path, rounds: int) -> dict[str, object]:
    """Return the figures of a command, in turns with a bare interpreter."""
    stop = words.split()[0] in LONG and "--help" not in words
    own, bare = [], []
    for _ in range(rounds):
        shutil.rmtree(folder / "new", ignore_errors=True)
        own.append(sample([sys.executable, "-m", "edgebake", *words.split()], folder, stop=stop))
        bare.append(sample(BARE, folder, stop=False))
    floor = min(one.first for one in bare)
    whole = [one.whole for one in own if one.whole is not None]
    return {
        "command": words,
        "first": min(one.first for one in own),
        "first_median": statistics.median(one.first for one in own),
        "first_ratio": min(one.first for one in own) / floor,
        "whole": min(whole) if whole else None,
        "whole_ratio": min(whole) / floor if whole else None,
        "processor_ratio": None if stop else min(o.processor for o in own) / min(o.processor for o in bare),
        "bare": floor,
        "aim": HELP_AIM if "--help" in words else AIM,
    }


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", metavar="WORDS", help="only commands that begin with this")
    arguments = parser.parse_args()
    missing = [name for name in all_commands() if not any(one.startswith(name) for one in COMMANDS)]
    if missing:
        raise SystemExit(f"not measured: {', '.join(missing)}")
    wanted = [*COMMANDS, *(f"{name} --help" for name in all_commands())]
    with tempfile.TemporaryDirectory(prefix="edgebake-startup-") as folder:
        project = Path(shutil.copytree(EXAMPLE, Path(folder, "example")))
        (project / "digests").mkdir()
        for words in ("init -q", "add .", "-c user.name=a -c user.email=a@localhost commit -qm example"):
            subprocess.run(["git", *words.split()], cwd=project, check=True)
        sample([sys.executable, "-m", "edgebake", "plan"], project, stop=False)  # so that all bytecode is there
        rows = [
            measure(words, project, arguments.rounds)
            for words in wanted
            if not arguments.only or words.startswith(arguments.only)
        ]
    tell(rows)
    if arguments.json:
        arguments.json.write_text(
            json.dumps({"version": 1, "load": os.getloadavg()[0], "rows": rows}, indent=1) + "\n"
        )


def tell(rows: list[dict[str, object]]) -> None:
    """Print the figures; × is a ratio over the bare interpreter."""
    width = max(len(str(row["command"])) for row in rows)
    print(f"{'COMMAND':<{width}}  FIRST OUTPUT     AT THE END       PROCESSOR")
    for row in rows:
        print(
            f"{row['command']:<{width}}  {figure(row['first'], row['first_ratio'])}"
            f"  {figure(row['whole'], row['whole_ratio'])}  {figure(None, row['processor_ratio'])}"
            f"{'  OVER THE AIM' if row['first'] > row['aim'] else ''}"  # type: ignore[operator]
        )
    bare = min(row["bare"] for row in rows)  # type: ignore[type-var]
    print(f"bare interpreter {bare:.3f} s; aims: help {HELP_AIM} s, others {AIM} s; load {os.getloadavg()[0]:.1f}")


def figure(seconds: object, ratio: object) -> str:
    """Return seconds and ratio as a cell."""
    if ratio is None:
        return f"{'stopped':<15}"
    return f"{seconds:6.3f} s {ratio:4.0f} ×" if seconds is not None else f"{ratio:4.0f} ×"


if __name__ == "__main__":
    main()

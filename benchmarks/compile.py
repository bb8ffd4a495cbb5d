#!/usr/bin/env python3
"""Time and memory of compiling and planning, cold and warm: the catalogue, and synthetic projects up to 20,000 nodes.

    python benchmarks/compile.py [--quick] [--sizes 100,1000,10000,20000] [--rounds 3] [--keep]

Each figure is that of a process of its own, the least of some rounds: wall seconds, seconds of processor time (which
say more where others use the machine, too), and peak memory. In the same rounds a bare interpreter, the bare import of
edgebake's dependencies and a fixed loop are measured, which the figures are told over. No Docker, no network.

`first` compiles into an empty folder, `again` finds all files written; they know no answers, nor does `plan`. `warm`
plans again, and nothing has changed.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from catalogue import write_catalogue_project
from log_plot import Series, log_log
from synthetic import SHAPES, write_lock, write_project

RESULTS = Path(__file__).parent / "results"
DRAWING = Path(__file__).parents[1] / "docs/figures/compile.svg"
EDGEBAKE = [sys.executable, "-m", "edgebake"]
FLOORS = {
    "interpreter": [sys.executable, "-c", "pass"],
    "imports": [sys.executable, "-c", "import pydantic, jinja2, typer, packaging.specifiers, resolvelib, yaml"],
    "loop": [sys.executable, "-c", "x = 0\nfor i in range(5_000_000): x += i * i"],
}
FIGURES = ("first", "again", "plan", "warm")
LARGE = 900
"""Stages from which on growth is measured."""

SETTLED = 0.2
"""Seconds after which a file counts as one that did not just change, so that an answer is kept."""


@dataclass(frozen=True)
class Ran:
    """What a process took: wall seconds, seconds of processor time, and megabytes at its peak."""

    seconds: float
    cpu: float
    megabytes: float


# A process begins with its parent's peak of memory (getrusage(2), Linux), so the parent is a small one.
_LAUNCHER = """
import os, sys, time
begin = time.perf_counter()
out = [(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)]
pid = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=out)
_, status, usage = os.wait4(pid, 0)
print([time.perf_counter() - begin, usage.ru_utime + usage.ru_stime, usage.ru_maxrss / 1024])
sys.exit(os.waitstatus_to_exitcode(status))
"""


def run(command: Sequence[str], folder: Path, cache: str = "off") -> Ran:
    """Run a command to its end; a failure ends the benchmark."""
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
    environment |= {"EDGEBAKE_COMPILE_CACHE": cache}
    call = [sys.executable, "-S", "-c", _LAUNCHER, *command]
    done = subprocess.run(call, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        sys.exit(f"{' '.join(command)} failed in {folder}\n{done.stderr}")
    return Ran(*json.loads(done.stdout))


def least(rounds: int, command: Sequence[str], folder: Path, **options: Any) -> dict[str, float]:
    """Return the least of each figure in some rounds."""
    runs = [asdict(run(command, folder, **options)) for _ in range(rounds)]
    return {name: round(min(one[name] for one in runs), 3) for name in runs[0]}


@contextmanager
def folder() -> Iterator[Path]:
    """Yield an empty folder that is removed afterwards."""
    with tempfile.TemporaryDirectory(prefix="edgebake-benchmark-") as name:
        yield Path(name).resolve()


def measure(name: str, write: Callable[[Path], object], rounds: int) -> dict[str, Any]:
    """Return the figures of one project.

    Args:
        name: what it is called.
        write: writes it into an empty folder.
        rounds: how often each figure is measured.
    """
    with folder() as root, folder() as cache:
        write(root)
        compile_, plan = [*EDGEBAKE, "compile"], [*EDGEBAKE, "plan"]
        firsts = []
        for _ in range(rounds):
            for path in sorted(
                [*root.glob("bake/**/*"), *root.glob("bake"), *root.glob(".edgebake/*")], reverse=True
            ):
                path.rmdir() if path.is_dir() else path.unlink()
            firsts.append(asdict(run(compile_, root)))
        row: dict[str, Any] = {"project": name, "files": sum(path.is_file() for path in root.glob("bake/**/*"))}
        row |= {"nodes": _stages(root), "images": _images(root)}
        row["first"] = {key: round(min(one[key] for one in firsts), 3) for key in firsts[0]}
        row["again"] = least(rounds, compile_, root)
        row["plan"] = least(rounds, plan, root)
        time.sleep(SETTLED)
        run(plan, root, str(cache))
        row["warm"] = least(rounds, plan, root, cache=str(cache))
        if row["warm"]["cpu"] > row["plan"]["cpu"]:
            sys.exit(f"{name}: the answer was not kept")
        tell(row)
        return row


def _stages(root: Path) -> int:
    return sum(path.read_text().count("\nFROM ") for path in root.glob("bake/*/Dockerfile"))


def _images(root: Path) -> int:
    return (root / "bake/docker-bake.hcl").read_text().count("  tags")


def tell(row: dict[str, Any]) -> None:
    """Print a row for people."""
    figures = (
        f"{key} {row[key]['cpu']:.2f} s ({row[key]['seconds']:.2f})" for key in ("first", "again", "plan", "warm")
    )
    size = f"{row['nodes']} stages, {row['images']} images, {row['files']} files"
    print(
        f"{row['project']:>12}  {size}: {', '.join(figures)}; {row['first']['megabytes']:.0f} MB", file=sys.stderr
    )


def growth(rows: Sequence[dict[str, Any]], figure: str) -> float:
    """Return the exponent of processor time over nodes: the slope of the line of least squares, both as logarithms.

    Small projects are left out: there the interpreter's start and imports are most of the time.
    """
    large = [row for row in rows if row["nodes"] >= LARGE]
    xs = [math.log(row["nodes"]) for row in large]
    ys = [math.log(row[figure]["cpu"]) for row in large]
    return round(statistics.linear_regression(xs, ys).slope, 2)


def synthetic(size: int) -> Callable[[Path], object]:
    """Return what writes a synthetic project, two images of three locked."""

    def write(root: Path) -> None:
        write_project(root, SHAPES[size])
        write_lock(root)

    return write


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="no project of more than 1,000 nodes, one round")
    parser.add_argument("--sizes", default="100,300,1000,3000,10000,20000")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument(
        "--keep", action="store_true", help="write benchmarks/results/compile.json and docs/figures/compile.svg"
    )
    arguments = parser.parse_args()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    rounds = 1 if arguments.quick else arguments.rounds
    load = [os.getloadavg()[0]]
    floors = {name: least(2 * rounds, command, Path.cwd()) for name, command in FLOORS.items()}
    rows = [measure("catalogue", write_catalogue_project, rounds)]
    rows += [measure(str(size), synthetic(size), rounds) for size in sizes if size <= 1000 or not arguments.quick]
    for row in rows:
        for figure in FIGURES:
            row[figure]["over_loop"] = round(row[figure]["cpu"] / floors["loop"]["cpu"], 2)
        row["cold_over_warm"] = round(row["plan"]["cpu"] / row["warm"]["cpu"], 1)
    comparable = sum(row["nodes"] >= LARGE for row in rows[1:]) > 1
    exponents = {one: growth(rows[1:], one) for one in FIGURES} if comparable else {}
    largest = {one: growth(rows[-2:], one) for one in FIGURES} if comparable else {}
    print(f"growth exponents from {LARGE} stages on: {exponents}", file=sys.stderr)
    print(f"growth exponents between the two largest: {largest}", file=sys.stderr)
    result = {
        "version": 1,
        "benchmark": "compile",
        "quick": arguments.quick,
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d"),
        "cores": os.cpu_count(),
        "machine": platform.machine(),
        "python": platform.python_version(),
        "load": [round(one, 1) for one in (*load, os.getloadavg()[0])],
        "floors": floors,
        "growth": exponents,
        "growth_of_the_largest": largest,
        "rows": rows,
    }
    text = json.dumps(result, indent=1) + "\n"
    if not arguments.keep:
        print(text, end="")
        return
    RESULTS.mkdir(exist_ok=True)
    (RESULTS / "compile.json").write_text(text)
    if exponents:
        DRAWING.parent.mkdir(exist_ok=True)
        DRAWING.write_text(drawing(rows[1:], exponents))


def drawing(rows: Sequence[dict[str, Any]], exponents: dict[str, float]) -> str:
    """Return a drawing of processor time over nodes."""
    titles = {"first": "compile, first", "plan": "plan, cold", "warm": "plan, warm"}
    series = [
        Series(f"{title}: exponent {exponents[figure]}", [(row["nodes"], row[figure]["cpu"]) for row in rows])
        for figure, title in titles.items()
    ]
    return log_log(series, x="stages", y="seconds of processor time")


if __name__ == "__main__":
    main()

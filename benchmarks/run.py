"""Measures edgebake: python benchmarks/run.py [--json FILE] [--sizes 100,1000,10000]

The catalogue is compiled whole: every recipe on every target where it can be had, each as an image.

Every figure is measured in this run, on this machine. Plan time is a ratio to the bare import of edgebake's own
dependencies, taken in turns with it; compile time and memory are those of a process of their own.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

from catalogue import write_catalogue_project
from synthetic import SHAPES, write_project

ROOT = Path(__file__).resolve().parents[1]
EXAMPLE = ROOT / "examples/detection-service"
EDGEBAKE = [sys.executable, "-m", "edgebake"]
FLOOR = "import pydantic, networkx, jinja2, python_on_whales, typer, packaging.specifiers, resolvelib, yaml"
ROUNDS = 9
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""Of what is measured. An installed edgebake has its bytecode; without it each start would compile the sources."""


def seconds(command: list[str], cwd: Path) -> float:
    """Return the wall time of a command."""
    begin = time.perf_counter()
    subprocess.run(command, cwd=cwd, env=ENVIRONMENT, check=True, capture_output=True)
    return time.perf_counter() - begin


def start_up() -> dict[str, float]:
    """Return the medians of bare Python, the import floor, `plan` of the example and `--help`, measured in turns."""
    commands = {
        "python": [sys.executable, "-c", "pass"],
        "floor": [sys.executable, "-c", FLOOR],
        "plan": [*EDGEBAKE, "plan"],
        "help": [*EDGEBAKE, "--help"],
    }
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            taken[name].append(seconds(command, EXAMPLE))
    return {name: statistics.median(values) for name, values in taken.items()}


def compile_project(write: Callable[[Path], object]) -> dict[str, float]:
    """Return seconds, peak megabytes, stages and bake targets of compiling a project, in a process of its own.

    Args:
        write: writes the project into a folder.
    """
    with tempfile.TemporaryDirectory(prefix="edgebake-benchmark-") as folder:
        write(Path(folder))
        begin = time.perf_counter()
        pid = os.posix_spawn(
            sys.executable,
            [*EDGEBAKE, "-C", folder, "compile"],
            ENVIRONMENT,
            file_actions=[(os.POSIX_SPAWN_OPEN, fd, os.devnull, os.O_WRONLY, 0) for fd in (1, 2)],
        )
        _, status, usage = os.wait4(pid, 0)
        taken = time.perf_counter() - begin
        if status:
            raise SystemExit("compiling failed")
        text = "".join(path.read_text() for path in Path(folder).glob("bake/*/Dockerfile"))
        images = (Path(folder) / "bake/docker-bake.hcl").read_text().count("\ntarget ")
        return {
            "seconds": taken,
            "megabytes": usage.ru_maxrss / 1024,
            "stages": text.count("\nFROM "),
            "targets": images,
        }


def growth(results: dict[int, dict[str, float]]) -> float:
    """Return the exponent of time over stages between the two largest projects."""
    smaller, larger = (results[size] for size in sorted(results)[-2:])
    return math.log(larger["seconds"] / smaller["seconds"]) / math.log(larger["stages"] / smaller["stages"])


def main() -> None:
    """Measure, and print a table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--sizes", default="100,1000,10000")
    arguments = parser.parse_args()
    times = start_up()
    sizes = [int(size) for size in arguments.sizes.split(",")]
    results = {size: compile_project(partial(write_project, shape=SHAPES[size])) for size in sizes}
    catalogue = compile_project(write_catalogue_project)
    report: dict[str, Any] = {
        "load": os.getloadavg()[0],
        "start_up": times,
        "plan_over_floor": times["plan"] / times["floor"],
        "help_over_floor": times["help"] / times["floor"],
        "compile": results,
        "catalogue": catalogue,
    }
    print(
        f"import floor {times['floor']:.2f} s; plan of the example {report['plan_over_floor']:.2f} ×; "
        f"--help {times['help']:.2f} s, bare Python {times['python']:.2f} s; load {report['load']:.1f}"
    )
    for size, result in results.items():
        print(
            f"compile {size:>6} nodes: {result['seconds']:6.2f} s {result['megabytes']:6.0f} MB "
            f"{result['stages']:.0f} stages"
        )
    print(
        f"compile the catalogue: {catalogue['seconds']:.2f} s {catalogue['megabytes']:.0f} MB "
        f"{catalogue['stages']:.0f} stages, {catalogue['targets']:.0f} bake targets"
    )
    if len(results) > 1:
        report["growth_exponent"] = growth(results)
        print(f"growth exponent between the two largest: {report['growth_exponent']:.2f}")
    if arguments.json:
        arguments.json.write_text(json.dumps(report, indent=2) + "\n")


if __name__ == "__main__":
    main()

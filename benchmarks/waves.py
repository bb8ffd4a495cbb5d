#!/usr/bin/env python3
"""How many bake targets an invocation of Buildx bears, and how many at the same time are fastest.

    python benchmarks/waves.py [--quick] [--rounds 2] [--builders docker,buildkitd] [--buildx FILE]... [--keep]

Bake files as edgebake writes them: one Dockerfile, no links between bake targets. Images share a line of stages, and each
has one stage of its own. Cold: nothing of it was ever built. Warm: everything is in the build cache. What fails is told
with Buildx's last line. `buildkitd` is a daemon of its own with an empty root, as GitHub's runners have. `--buildx` names
the binary of another Buildx; each is measured. One with `--jobs` (0.38 and later) bakes all in one invocation.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import harness
from buildkit import empty_builder
from harness import median, tell

SIZES = ((50, 100), (100, 200), (200, 400), (1000, 2000), (20, 500))
"""Bake targets, and stages of their Dockerfile."""
QUICK = ((25, 50), (50, 100))
WAVES = (50, 100)
"""Bake targets in an invocation."""
PARALLEL = (20, 50, 100)
"""Bake targets at the same time, in one invocation."""


def main() -> None:
    """Measure and print."""
    command_line = harness.parser(__doc__)
    command_line.add_argument("--builders", default="docker,buildkitd")
    command_line.add_argument("--buildx", action="append", help="the binary of another Buildx")
    arguments = command_line.parse_args()
    before = harness.load()
    rows: list[dict[str, object]] = []
    for name in arguments.builders.split(","):
        for program in arguments.buildx or [""]:
            with harness.other_buildx(program), builder_of(name) as builder:
                rows += measure(name, builder, arguments)
    harness.write_result("waves", arguments, rows, [before, harness.load()])


@contextmanager
def builder_of(name: str) -> Iterator[str]:
    """Yield a builder's name as Buildx knows it."""
    if name == "docker":
        yield "default"
        return
    with harness.folder() as place, empty_builder(place / "b") as builder:
        yield builder


def measure(name: str, builder: str, arguments: argparse.Namespace) -> Iterator[dict[str, object]]:
    """Yield the figures of one builder, with the Buildx that Docker has."""
    has_jobs = bool(harness.jobs_option(1))
    for targets, stages in QUICK if arguments.quick else SIZES:
        for number in PARALLEL if has_jobs else WAVES:
            if number <= targets or number == min(PARALLEL if has_jobs else WAVES):
                wave, jobs = (targets, f"parallel={number}") if has_jobs else (min(number, targets), "")
                yield row(name, builder, (targets, stages), wave, jobs, arguments.rounds or 1)


def row(name: str, builder: str, size: tuple[int, int], wave: int, jobs: str, rounds: int) -> dict[str, object]:
    """Return cold and warm seconds of one layout, and how often an invocation failed."""
    cold, warm, errors = [], [], []
    targets, stages = size
    for _ in range(rounds):
        with harness.folder() as place:
            names = write(place, targets, stages, harness.new_salt())
            for times in (cold, warm):
                begin = time.perf_counter()
                errors += bake(place, builder, names, wave, jobs)
                times.append(time.perf_counter() - begin)
    found = {
        "driver": name,
        "buildx": harness.buildx_version(),
        "bake_targets": targets,
        "stages": stages,
        "wave": wave,
        "jobs": jobs,
        "cold": median(cold),
        "warm": median(warm),
        "invocations": 2 * rounds * -(-targets // wave),
        "failed": len(errors),
        "error": errors[0] if errors else "",
    }
    tell(json.dumps(found))
    return found


def write(place: Path, targets: int, stages: int, salt: str) -> list[str]:
    """Write Dockerfile and bake file; return the names of the bake targets."""
    names = [f"image-{index:03}" for index in range(targets)]
    shared = max(1, stages - targets)
    lines = [f"FROM {harness.base_image()} AS s0", f"RUN echo {salt}"]
    for index in range(1, shared):  # build stages, eight of which need each other
        lines += [f"FROM s{index - 1 if index % 8 else 0} AS s{index}", f"RUN echo {index}"]
    for index, name in enumerate(names):
        lines += [f"FROM s{shared - 1 - index % min(shared, 8)} AS {name}", f"ENV NAME={name}"]
        lines += [f"COPY --from=s{(index * 7) % shared} /etc/debian_version /n"]
    (place / "Dockerfile").write_text("\n".join(lines) + "\n", encoding="utf-8")
    bake_file = {"target": {name: {"target": name, "output": ["type=cacheonly"]} for name in names}}
    (place / "docker-bake.json").write_text(json.dumps(bake_file), encoding="utf-8")
    return names


def bake(place: Path, builder: str, names: Sequence[str], wave: int, jobs: str) -> list[str]:
    """Bake in waves; return the last lines of the invocations that failed."""
    errors = []
    command = ["docker", "buildx", "bake", f"--builder={builder}", "--progress=rawjson", "-f", "docker-bake.json"]
    command += [f"--jobs={jobs}"] if jobs else []
    for start in range(0, len(names), wave):
        done = subprocess.run(
            [*command, *names[start : start + wave]], cwd=place, capture_output=True, text=True, check=False
        )
        if done.returncode:
            errors.append((done.stderr.splitlines() or [""])[-1])
    return errors


if __name__ == "__main__":
    main()
